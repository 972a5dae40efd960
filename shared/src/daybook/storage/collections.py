"""The names of the collections, each with the service that writes it."""

LOGS = "logs"  # ingest
TASK_EVENTS = "task_events"  # ingest
WEBHOOK_EVENTS = "webhook_events"  # ingest
WATERMARKS = "watermarks"  # ingest
TASKS = "tasks"  # task-tracker
TASK_FAILED_ROWS = "task_failed_rows"  # task-tracker
SENDOUTS = "sendouts"  # webhook-dispatcher
SLOTS = "slots"  # webhook-dispatcher
ENDPOINT_HEALTH = "endpoint_health"  # webhook-dispatcher
PROJECTS = "projects"  # query
API_KEYS = "api_keys"  # query
EXPORTS = "exports"  # query and exporter
EXPORT_SLOTS = "export_slots"  # exporter
COMMANDS = "commands"  # query; finished by the service that each names
IMPORT_FILES = "import_files"  # query
WEBHOOK_ENDPOINTS = "webhook_endpoints"  # query
