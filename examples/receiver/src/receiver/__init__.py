"""A receiver of webhooks for trying out, and for proving what was delivered."""
