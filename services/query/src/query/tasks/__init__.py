"""Background tasks, as the task-tracker stores them, and their history from ingest."""
