"""What Daybook's own services run on. Platform services need none of it."""
