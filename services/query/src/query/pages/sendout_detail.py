"""The detail of one sendout: its state, its attempts, what is sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daybook.storage.sendouts import MOST_ATTEMPTS_KEPT

from query.pages import text
from query.pages.asked import Asked
from query.pages.forms import Pairs
from query.pages.links import (
    endpoint_page,
    logs_of_request,
    sendout_page,
    sendouts_with,
)
from query.pages.sendout_views import SHEET, Row, Try, error_of, event_facts, facts
from query.shapes import time_text
from query.webhooks.sendout_shapes import attempt_shape, sendout_shape
from query.webhooks.sendouts import Sendouts


@dataclass(frozen=True, slots=True)
class SendoutDetails:
    """Reads what belongs to one sendout, for its page."""

    sendouts: Sendouts

    async def of(
        self,
        project_id: str,
        sendout_id: str,
        pairs: Pairs,
        now: datetime,
        asked: Asked | None,
    ) -> dict[str, Any]:
        """What the template shows; raises NoSuchSendout."""
        sendout = await self.sendouts.get(project_id, sendout_id)
        history = await self.sendouts.attempts(
            project_id, sendout_id, cursor_text=None, limit=MOST_ATTEMPTS_KEPT
        )
        shape = sendout_shape(sendout)
        tries = [Try(attempt_shape(attempt)) for attempt in history.rows]
        payload: str = sendout.get("payload") or ""
        more = event_facts(sendout.get("event_source"))
        if happened := sendout.get("event_created_at"):
            more["Event happened"] = time_text(happened)
        if source := sendout.get("event_source_id"):
            more["Published by"] = source
        left = _seconds_left(sendout, now) if shape["next_attempt_at"] else None
        return {
            "row": Row(shape, SHEET.address(pairs, sendout_id)),
            "asked": asked,
            "error": error_of(shape),
            "next": None if left is None else text.long_duration(left),
            "due": left is not None and left < 1,
            "tries": tries,
            "more": shape["attempts"] - len(tries),
            "payload": payload,
            "payload_size": len(payload.encode()),
            "formatted": text.formatted_json(payload),
            "nul": text.has_nul(payload),
            "facts": facts(shape, more),
            "retry_action": f"{sendout_page(sendout_id)}/retry",
            "endpoint_href": endpoint_page(shape["endpoint_id"]),
            "event_href": sendouts_with("event_id", shape["event_id"]),
            "log_href": (
                logs_of_request(shape["group_id"]) if shape["group_id"] else None
            ),
        }


def _seconds_left(sendout: dict[str, Any], now: datetime) -> float:
    return (sendout["next_attempt_at"] - now).total_seconds()
