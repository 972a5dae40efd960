"""Sendouts and their attempts as the API and the pages show them."""

import orjson
from daybook.runtime.mongo import Document
from daybook.webhooks.envelope import sendout_body

from query.shapes import Json, part, time_or_null, time_text

_ERROR = ("kind", "message", "status_code")


def sendout_shape(sendout: Document) -> Json:
    """The sendout as lists show it."""
    get = sendout.get
    # While it is being sent, that time is when its sender would be given up on.
    sending = get("claimed_by") is not None
    return {
        "object": "webhook_sendout",
        "id": sendout["id"],
        "project_id": sendout["project_id"],
        "status": sendout["status"],
        "event_id": get("event_id"),
        "event_type": get("event_type"),
        "entity_id": get("entity_id"),
        "group_id": get("group_id"),
        "endpoint_id": sendout["endpoint_id"],
        "target_url": get("target_url"),
        "created_at": time_text(sendout["created_at"]),
        "executed_at": time_or_null(get("executed_at")),
        "attempts": sendout["attempts"],
        "next_attempt_at": None if sending else time_or_null(get("next_attempt_at")),
        "last_error": part(get("last_error"), _ERROR),
    }


def whole_sendout(sendout: Document) -> bytes:
    """The sendout with ``data``, what is sent of it, as JSON.

    As bytes: the payload stands in it as it was published.
    """
    shape = orjson.dumps(sendout_shape(sendout))
    data = sendout_body(sendout, sendout.get("target_url") or "")
    return b'%b,"data":%b}' % (shape[:-1], data)


def attempt_shape(attempt: Document) -> Json:
    get = attempt.get
    body: Json = get("response_body") or {}
    return {
        "object": "webhook_attempt",
        "attempt": attempt["attempt"],
        "trigger": attempt["trigger"],
        "started_at": time_text(attempt["started_at"]),
        "duration_ms": get("duration_ms"),
        "status_code": get("status_code"),
        "request_headers": get("request_headers"),
        "response_headers": get("response_headers"),
        "response_body": body.get("text"),
        "response_body_encoding": body.get("encoding"),
        "response_body_truncated": body.get("truncated"),
        "error": part(get("error"), _ERROR),
        "next_attempt_at": time_or_null(get("next_attempt_at")),
    }
