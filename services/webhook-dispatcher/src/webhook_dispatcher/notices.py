"""What others are told: of each attempt, and of endpoints that were disabled."""

from datetime import UTC
from typing import Any

from daybook import Client
from daybook.events.delivery import DeliveryAttempted, DeliveryError
from daybook.runtime.metrics import DispatcherMetrics

from webhook_dispatcher.claims import Done

DISABLED_TYPE = "endpoint.disabled"


class Notices:
    """Publishes notifications; a broker that is away delays and repeats nothing."""

    def __init__(self, client: Client, metrics: DispatcherMetrics) -> None:
        self._client = client
        self._metrics = metrics

    def attempted(self, done: Done) -> None:
        """Tell of an attempt once it is recorded."""
        sendout, attempt, outcome = done.sendout, done.attempt, done.outcome
        cause = "none" if attempt.error is None else str(attempt.error.kind)
        self._metrics.attempts.labels(outcome.status, cause).inc()
        self._metrics.attempt_seconds.observe(attempt.duration_ms / 1000)
        error = None
        if attempt.error is not None:
            error = DeliveryError(
                kind=str(attempt.error.kind),
                message=outcome.words,
                status_code=attempt.status_code,
            )
        status: Any = outcome.status
        self._client.publish(
            DeliveryAttempted(
                sendout_id=sendout["id"],
                endpoint_id=sendout["endpoint_id"],
                target_url=done.target_url,
                event_id=sendout["event_id"],
                event_type=sendout["event_type"],
                attempt=sendout["claim"],
                trigger=sendout["trigger"],
                started_at=attempt.started_at.astimezone(UTC).isoformat(),
                duration_ms=attempt.duration_ms,
                status=status,
                status_code=attempt.status_code,
                error=error,
            ),
            project_id=sendout["project_id"],
            traceparent=sendout.get("traceparent"),
        )

    async def disabled(self, key: str, reason: str) -> None:
        """Tell the project's other endpoints that one was disabled."""
        project_id, _, identity = key.partition("/")
        self._client.publish_webhook(
            DISABLED_TYPE,
            {"endpoint_id": identity, "reason": reason},
            entity_id=identity,
            project_id=project_id,
        )
