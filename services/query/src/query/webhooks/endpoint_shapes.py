"""Endpoints and commands as the API and the pages show them."""

from daybook.runtime.mongo import Document
from daybook.webhooks.headers import MASK

from query.shapes import Json, time_or_null, time_text
from query.webhooks.endpoints import WithSecret
from query.webhooks.filters import STATUSES
from query.webhooks.stats import Stats


def endpoint_shape(endpoint: Document) -> Json:
    """The endpoint; of its own headers the names alone show."""
    get = endpoint.get
    disabled = get("disabled")
    return {
        "object": "webhook_endpoint",
        "id": endpoint["id"],
        "url": endpoint["url"],
        "description": get("description"),
        "event_types": endpoint["event_types"],
        "active": endpoint["active"],
        "disabled": disabled
        and {"at": time_or_null(disabled.get("at")), "reason": disabled.get("reason")},
        "headers": {header["name"]: MASK for header in endpoint["headers"]},
        "signature": endpoint["signature"],
        "public_key": get("public_key"),
        "retry_schedule_s": endpoint["retry_schedule_s"],
        "rate_limit_per_second": get("rate_limit_per_second"),
        "max_in_flight": endpoint["max_in_flight"],
        "timeout_ms": endpoint["timeout_ms"],
        "created_at": time_text(endpoint["created_at"]),
        "updated_at": time_text(endpoint["updated_at"]),
    }


def with_secret_shape(made: WithSecret) -> Json:
    """The endpoint with its secret: shown once, and kept sealed alone."""
    return {**endpoint_shape(made.endpoint), "secret": made.secret}


def stats_shape(endpoint_id: str, stats: Stats) -> Json:
    """How the endpoint has done, and what that is based on."""
    return {
        "object": "webhook_endpoint_stats",
        "endpoint_id": endpoint_id,
        "since": time_text(stats.since),
        "until": time_text(stats.until),
        "success_rate": stats.success_rate,
        "p95_duration_ms": stats.p95_duration_ms,
        "statuses": {name: stats.statuses.get(name, 0) for name in STATUSES},
        "hours": [
            {"hour": time_text(hour), "sendouts": count} for hour, count in stats.hours
        ],
        "based_on": {
            "sendouts": stats.sampled,
            "attempts": stats.attempts,
            "since": time_or_null(stats.sampled_since),
            "complete": stats.complete,
        },
    }


def command_shape(command: Document) -> Json:
    get = command.get
    return {
        "object": "command",
        "id": command["id"],
        "kind": command["kind"],
        "status": command["status"],
        "message": get("message"),
        "task_id": get("task_id"),
        "created_at": time_text(command["created_at"]),
        "finished_at": time_or_null(get("finished_at")),
    }
