"""Run the webhook-dispatcher: ``python -m webhook_dispatcher``."""

from daybook.runtime.consuming.service import serve
from daybook.runtime.logging import configure_logging

from webhook_dispatcher.app import WebhookDispatcher
from webhook_dispatcher.settings import Settings


def main() -> None:
    """Run until SIGTERM or SIGINT; then drain, commit and leave."""
    settings = Settings()
    configure_logging(settings.log_level)
    serve(settings, lambda: WebhookDispatcher(settings).app)


if __name__ == "__main__":
    main()
