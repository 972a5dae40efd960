"""Dead letters: records that nobody can use, kept as they came with the reason.

A letter's value, key and headers are the record's own; headers ``daybook_*`` say what
was wrong, where the record stood and when it was received. Writers and the
``daybook dead-letters`` command agree here.
"""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from daybook.events.faults import RecordFault
from daybook.events.topics import MEBIBYTE
from daybook.runtime.backoff import backoff
from daybook.runtime.kafka import Brokers
from daybook.storage.times import from_ms

log = logging.getLogger(__name__)

PREFIX = "daybook_"
Header = tuple[str, bytes | None]
_TOO_LARGE = b"larger than this topic"


class SourceRecord(Protocol):
    """What a letter keeps of the record that it is about."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record and why nobody can use it."""

    record: SourceRecord
    fault: RecordFault

    @property
    def size(self) -> int:
        """Bytes of the record's value."""
        return len(self.record.value or b"")

    def headers(self) -> list[Header]:
        """The record's own headers, and ours instead of an earlier letter's."""
        record = self.record
        ours = {
            "reason": self.fault.reason,
            "kind": self.fault.kind,
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "time": from_ms(record.timestamp).isoformat(),
        }
        return [
            *without_ours(record.headers),
            *(
                (PREFIX + name, text.encode("utf-8", "replace"))
                for name, text in ours.items()
            ),
        ]


def without_ours(headers: Iterable[Header]) -> list[Header]:
    """The headers that the publisher wrote."""
    return [header for header in headers if not header[0].startswith(PREFIX)]


class DeadLetterProducer:
    """Sends letters until the broker has acknowledged each, in their order.

    A letter may arrive twice, after a crash between its acknowledgement and the commit.
    """

    def __init__(
        self, brokers: Brokers | str, topic: str, random: Random, **options: Any
    ) -> None:
        self._topic = topic
        self._random = random
        self._options: dict[str, Any] = {
            **Brokers.of(brokers).options(),
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "zstd",
            # Checked before compression: a record that came in compressed may be far
            # larger than its topic's limit.
            "max_request_size": 256 * MEBIBYTE,
            **options,
        }
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; raises where the broker is away."""
        producer = AIOKafkaProducer(**self._options)
        await producer.start()
        self._producer = producer

    async def stop(self) -> None:
        """Flush and close."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def send(self, letters: Sequence[DeadLetter]) -> None:
        """Return once every letter is acknowledged; waits while the broker is away."""
        for letter in letters:
            await self._send_one(letter)

    async def _send_one(self, letter: DeadLetter) -> None:
        key, value = letter.record.key, letter.record.value or b""
        headers = letter.headers()
        for wait in backoff(self._random):
            try:
                await self._send_once(key, value, headers)
            except MessageSizeTooLargeError:
                # Better a letter without its bytes than none: they are on their topic.
                # And from a new producer: the broker waits for the refused one's
                # sequence number for ever.
                await self.stop()
                if not value:  # what is too large is its key or its own headers
                    key, headers = None, headers[len(without_ours(headers)) :]
                if (PREFIX + "withheld", _TOO_LARGE) not in headers:
                    headers = [*headers, (PREFIX + "withheld", _TOO_LARGE)]
                value = b""
                await asyncio.sleep(wait)
            except KafkaError as error:
                log.warning("cannot send a dead letter, waiting: %r", error)
                await asyncio.sleep(wait)
            else:
                return

    async def _send_once(
        self, key: bytes | None, value: bytes, headers: list[Header]
    ) -> None:
        if self._producer is None:
            await self.start()
        assert self._producer is not None  # noqa: S101 - started above
        await self._producer.send_and_wait(
            self._topic, value=value, key=key, headers=headers
        )
