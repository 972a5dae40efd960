"""Webhook endpoints as query stores them, for tests of who delivers to them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from daybook.storage.webhook_endpoints import VERSION_ID
from daybook.webhooks.sealing import Box, keys_from

# What the dispatcher has to be given as DAYBOOK_SEALING_KEYS.
KEYS = "k1:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the tests' own


async def store_endpoint(
    database: Any, project: str, url: str, *, max_in_flight: int
) -> None:
    """One that takes every event of the project."""
    key = f"{project}/we_1"
    await database["webhook_endpoints"].insert_one(
        {
            "_id": key,
            "project_id": project,
            "id": "we_1",
            "url": url,
            "event_types": ["*"],
            "active": True,
            "secrets": [{"secret": Box(keys_from(KEYS)).seal(SECRET, key)}],
            "headers": [],
            "retry_schedule_s": [0.5] * 50,
            "max_in_flight": max_in_flight,
            "timeout_ms": 3_000,
            "created_at": datetime.now(UTC) - timedelta(minutes=5),
        }
    )
    await database["webhook_endpoints"].insert_one({"_id": VERSION_ID, "version": 1})
