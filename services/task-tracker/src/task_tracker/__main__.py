"""Run the task-tracker: ``python -m task_tracker``."""

from daybook.runtime.consuming.service import serve
from daybook.runtime.logging import configure_logging

from task_tracker.app import TaskTracker
from task_tracker.settings import Settings


def main() -> None:
    """Run until SIGTERM or SIGINT; then drain, commit and leave."""
    settings = Settings()
    configure_logging(settings.log_level)
    serve(settings, lambda: TaskTracker(settings).app)


if __name__ == "__main__":
    main()
