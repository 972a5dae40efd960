"""Batches as they were polled: nothing is parsed before our own code does."""

from dataclasses import dataclass
from typing import Any

from faststream.kafka.message import KafkaMessage
from faststream.message import StreamMessage


@dataclass(frozen=True, slots=True)
class RawBatch:
    """The records of one poll, in their partitions' order."""

    records: tuple[Any, ...]


async def raw_message(message: tuple[Any, ...]) -> StreamMessage[Any]:
    """A parser that cannot raise: FastStream's own does, on an odd header."""
    return KafkaMessage(
        body=b"",
        raw_message=message,
        consumer=_NO_CONSUMER,
    )


async def raw_records(message: StreamMessage[Any]) -> RawBatch:
    """A decoder that leaves the records as they are."""
    return RawBatch(message.raw_message)


# Offsets are committed by watermark, never through a message.
_NO_CONSUMER: Any = None
