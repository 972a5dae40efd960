"""The topics: their names stand here and nowhere else."""

from dataclasses import dataclass
from datetime import timedelta

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Topic:
    """How one topic is made. Every topic stamps the broker's append time."""

    name: str
    keyed_by: str
    max_message_bytes: int = 4 * MEBIBYTE
    partitions: int = 6
    # A weekend and its repair: how long a service may be away before it loses records.
    retention: timedelta = timedelta(days=7)

    def settings(self) -> dict[str, str | int]:
        """What the broker is told of it, by Kafka's names; bytes and milliseconds."""
        return {
            "cleanup.policy": "delete",
            # As the producer compressed it: the broker spends nothing on it.
            "compression.type": "producer",
            "max.message.bytes": self.max_message_bytes,
            # Retention counts from the broker's clock, whatever a producer's says.
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": int(self.retention.total_seconds() * 1000),
        }


REQUESTS = "daybook.requests.v1"
TASKS = "daybook.tasks.v1"
WEBHOOKS = "daybook.webhooks.v1"
EXPORTS = "daybook.exports.v1"
DELIVERIES = "daybook.deliveries.v1"
DEAD_LETTERS = "daybook.dead-letters.v1"

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic(REQUESTS, keyed_by="request id"),
        Topic(TASKS, keyed_by="task id"),
        Topic(WEBHOOKS, keyed_by="event id"),
        Topic(EXPORTS, keyed_by="export id"),
        Topic(DELIVERIES, keyed_by="sendout id"),
        # A record at its topic's limit fits here with the headers that say why.
        Topic(
            DEAD_LETTERS,
            keyed_by="original key",
            max_message_bytes=6 * MEBIBYTE,
            partitions=1,
            # A person looks at them, and sends them again.
            retention=timedelta(days=30),
        ),
    )
}
