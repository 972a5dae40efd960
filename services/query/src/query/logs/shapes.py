"""A stored log as the API and the pages show it: every name there, absent is null."""

from daybook.runtime.mongo import Document

from query.shapes import Json, event_time, part, time_or_null, time_text

_MESSAGE = ("content_type", "body_encoding", "body_size", "truncated")
_MESSAGE_WITH_BODY = ("headers", "content_type", "body", *_MESSAGE[1:])


def log_shape(document: Document, *, whole: bool) -> Json:
    """The log; ``whole``: with the headers and bodies that lists leave out."""
    get = document.get
    message = _MESSAGE_WITH_BODY if whole else _MESSAGE
    shape: Json = {
        "object": "log",
        "id": document["id"],
        "project_id": document["project_id"],
        "created_at": time_text(document["created_at"]),
        "received_at": time_or_null(get("received_at")),
        "request_id": get("request_id"),
        "status": get("status"),
        "status_code": get("status_code"),
        "method": get("method"),
        "endpoint": get("endpoint"),
        "url": get("url"),
        "channel": get("channel"),
        "duration_ms": get("duration_ms"),
        "user": part(get("user"), ("id", "email")),
        "api_key": part(get("api_key"), ("id", "name", "kind")),
        "client_ip": get("client_ip"),
        "user_agent": get("user_agent"),
        "request": part(get("request"), message),
        "response": part(get("response"), message),
        "task_id": get("task_id"),
        "import_file_id": get("import_file_id"),
        "resource": part(get("resource"), ("type", "id")),
        "event_time": event_time(get("event_time")),
        "source": get("source"),
        "sequence": get("sequence"),
        "traceparent": get("traceparent"),
        "origin": part(get("origin"), ("topic", "partition", "offset")),
    }
    if whole:
        # JSON text: what the event held and this version has no name for.
        shape["extra"] = get("extra")
    return shape
