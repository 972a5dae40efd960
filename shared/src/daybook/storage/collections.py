"""The names of the collections, each with the service that writes it."""

LOGS = "logs"  # ingest
WATERMARKS = "watermarks"  # ingest
PROJECTS = "projects"  # query
API_KEYS = "api_keys"  # query
