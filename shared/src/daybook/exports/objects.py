"""What can be exported: of each object its fields, filters and orders.

The table that everything else follows: what is accepted, what is offered, where it
stands in a stored document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from daybook.storage.collections import LOGS, SENDOUTS, TASKS
from daybook.storage.refs import RefKind

ExportedObjectName = Literal[
    "api_log", "async_action", "webhook_sendout", "webhook_attempt"
]
ResponseFormat = Literal["CSV", "NDJSON", "PARQUET"]
RESPONSE_FORMATS: Final[tuple[ResponseFormat, ...]] = ("CSV", "NDJSON", "PARQUET")

FieldType = Literal["text", "time", "integer", "number", "json"]
# A list's filter may be of a type that no column has.
FilterType = FieldType | Literal["boolean"]

# Where an attempt stands in its sendout.
ATTEMPTS: Final = "history"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an exported object.

    ``path``: where it stands in the document (of an attempt: in a sendout whose
    ``history`` is unwound). ``only_where``: it is absent unless another path has that
    value. ``also``: a second path whose value counts as much. ``choices``: it has no
    other values. ``refs``: kinds under which an index leads to its values, the fewer
    documents a value has, the lower its ``rank``.

    ``by_refs``: equal is what the references say, to which an e-mail's case is nothing.
    ``of_last_attempt``: it is a field of the last attempt, whatever ``path``.
    ``exported``: a column, and not a filter alone. ``by_default``: among the columns
    where none were asked for.
    """

    type: FilterType
    path: str
    only_where: tuple[str, str] | None = None
    also: str | None = None
    choices: tuple[str, ...] = ()
    refs: tuple[RefKind, ...] = ()
    rank: int = 0
    by_refs: bool = False
    codes: bool = False
    patterns: bool = False
    of_last_attempt: bool = False
    exported: bool = True
    by_default: bool = True


@dataclass(frozen=True, slots=True)
class ExportedObject:
    """One kind of thing that can be exported, out of one collection.

    ``table`` holds every field that is exported or filtered by. ``orders`` are by the
    document's ``created_at``; the first is the default.
    """

    name: ExportedObjectName
    collection: str
    table: Mapping[str, Field]
    orders: tuple[str, ...] = ("-created_at", "created_at")

    @property
    def fields(self) -> dict[str, FieldType]:
        """The columns in their order."""
        return {
            name: field.type
            for name, field in self.table.items()
            if field.exported and field.type != "boolean"
        }

    @property
    def default_fields(self) -> tuple[str, ...]:
        return tuple(name for name in self.fields if self.table[name].by_default)

    @property
    def filter_fields(self) -> dict[str, FilterType]:
        """All that can be filtered by: the columns and more."""
        return {name: field.type for name, field in self.table.items()}


_API_LOG = ExportedObject(
    "api_log",
    LOGS,
    {
        "id": Field("text", "id"),
        "created_at": Field("time", "created_at"),
        "status": Field("text", "status", choices=("SUCCESS", "FAILURE")),
        "request_id": Field("text", "request_id", refs=("request",), rank=1),
        "channel": Field("text", "channel"),
        "method": Field("text", "method"),
        "endpoint": Field("text", "endpoint", refs=("endpoint",), rank=8),
        "url": Field("text", "url"),
        "user_email": Field("text", "user.email", refs=("email",), rank=5),
        "app_id": Field(
            "text",
            "api_key.id",
            only_where=("api_key.kind", "server"),
            refs=("key",),
            rank=7,
        ),
        "client_app_id": Field(
            "text",
            "api_key.id",
            only_where=("api_key.kind", "client"),
            refs=("key",),
            rank=7,
        ),
        "request_duration": Field("number", "duration_ms"),
        "request_body": Field("text", "request.body", by_default=False),
        "response_body": Field("text", "response.body", by_default=False),
        "status_code": Field("integer", "status_code", codes=True, exported=False),
        "user": Field(
            "text",
            "user.id",
            also="user.email",
            refs=("user", "email"),
            rank=6,
            by_refs=True,
            exported=False,
        ),
        "user_id": Field("text", "user.id", refs=("user",), rank=5, exported=False),
        "api_key": Field(
            "text",
            "api_key.id",
            also="api_key.name",
            refs=("key", "key_name"),
            rank=7,
            exported=False,
        ),
        "resource_type": Field(
            "text", "resource.type", refs=("resource_type",), rank=9, exported=False
        ),
        "resource_id": Field(
            "text", "resource.id", refs=("resource",), rank=4, exported=False
        ),
        "task_id": Field("text", "task_id", refs=("task",), rank=2, exported=False),
        "import_file_id": Field(
            "text", "import_file_id", refs=("import_file",), rank=3, exported=False
        ),
    },
)
_ASYNC_ACTION = ExportedObject(
    "async_action",
    TASKS,
    {
        "id": Field("text", "id"),
        "created_at": Field("time", "created_at"),
        "updated_at": Field("time", "updated_at"),
        "type": Field("text", "task_type"),
        "status": Field(
            "text", "status", choices=("ENQUEUED", "IN_PROGRESS", "DONE", "FAILED")
        ),
        "operation_status": Field(
            "text", "operation_status", choices=("SUCCESS", "FAILED", "UNKNOWN")
        ),
        "request_id": Field("text", "request_id", refs=("request",), rank=1),
        "user_email": Field("text", "user.email", refs=("email",), rank=3),
        "progress": Field("integer", "progress"),
        "processing_time": Field("integer", "processing_time"),
        "done_count": Field("integer", "done_count"),
        "failed_count": Field("integer", "failed_count"),
        "message": Field("text", "message"),
        "stalled": Field("boolean", "stalled", exported=False),
        "import_file_id": Field(
            "text", "import_file_id", refs=("import_file",), rank=2, exported=False
        ),
        "user": Field(
            "text",
            "user.id",
            also="user.email",
            refs=("user", "email"),
            rank=4,
            by_refs=True,
            exported=False,
        ),
    },
)
_EVENT_TYPE = Field("text", "event_type", refs=("event_type",), rank=11, patterns=True)
_EVENT_ID = Field("text", "event_id", refs=("event",), rank=1)
_GROUP_ID = Field("text", "group_id", refs=("request",), rank=3)
_ENTITY_ID = Field("text", "entity_id", refs=("entity",), rank=2)
_ENDPOINT_ID = Field("text", "endpoint_id", refs=("webhook_endpoint",), rank=10)
_WEBHOOK_SENDOUT = ExportedObject(
    "webhook_sendout",
    SENDOUTS,
    {
        "id": Field("text", "id"),
        "created_at": Field("time", "created_at"),
        "executed_at": Field("time", "executed_at"),
        "status": Field(
            "text",
            "status",
            choices=("SCHEDULED", "SENT", "RETRYING", "FAILED", "HELD"),
        ),
        "event_type": _EVENT_TYPE,
        "event_id": _EVENT_ID,
        "group_id": _GROUP_ID,
        "entity_id": _ENTITY_ID,
        "endpoint_id": _ENDPOINT_ID,
        "target_url": Field("text", "target_url"),
        "attempts": Field("integer", "attempts"),
        "last_error": Field("json", "last_error"),
        "data": Field("json", "payload", by_default=False),
        "status_code": Field(
            "integer",
            "status_code",
            codes=True,
            of_last_attempt=True,
            exported=False,
        ),
    },
)
_WEBHOOK_ATTEMPT = ExportedObject(
    "webhook_attempt",
    SENDOUTS,
    {
        "sendout_id": Field("text", "id"),
        "attempt": Field("integer", f"{ATTEMPTS}.attempt"),
        "trigger": Field(
            "text",
            f"{ATTEMPTS}.trigger",
            choices=("first", "retry", "manual", "bulk", "replay", "test"),
        ),
        "started_at": Field("time", f"{ATTEMPTS}.started_at"),
        "duration_ms": Field("number", f"{ATTEMPTS}.duration_ms"),
        "status_code": Field("integer", f"{ATTEMPTS}.status_code", codes=True),
        "error": Field("json", f"{ATTEMPTS}.error"),
        "response_body": Field(
            "text", f"{ATTEMPTS}.response_body.text", by_default=False
        ),
        # The sendout's.
        "created_at": Field("time", "created_at", exported=False),
        "event_type": replace(_EVENT_TYPE, exported=False),
        "event_id": replace(_EVENT_ID, exported=False),
        "group_id": replace(_GROUP_ID, exported=False),
        "entity_id": replace(_ENTITY_ID, exported=False),
        "endpoint_id": replace(_ENDPOINT_ID, exported=False),
    },
)

OBJECTS: Final[Mapping[ExportedObjectName, ExportedObject]] = {
    one.name: one
    for one in (_API_LOG, _ASYNC_ACTION, _WEBHOOK_SENDOUT, _WEBHOOK_ATTEMPT)
}
