"""Indexes of what people make for themselves: few documents, so they cost nothing."""

from pymongo import IndexModel

_NEWEST_FIRST = [("project_id", 1), ("created_at", -1), ("_id", -1)]

# The lists of one project's keys, files and endpoints.
API_KEY_INDEXES = (IndexModel([("project_id", 1), ("created_at", -1)]),)
IMPORT_FILE_INDEXES = (IndexModel(_NEWEST_FIRST),)
WEBHOOK_ENDPOINT_INDEXES = (IndexModel(_NEWEST_FIRST),)
