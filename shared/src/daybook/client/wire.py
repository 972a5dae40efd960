"""aiokafka, behind types: one idempotent producer and what its errors mean."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidRequestError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    UnknownError,
    UnsupportedForMessageFormatError,
)
from aiokafka.partitioner import DefaultPartitioner

from daybook.client.backlog import Waiting
from daybook.client.settings import Settings
from daybook.events.topics import MEBIBYTE

# A record in such a batch will not be taken, however often it is sent. The broker's
# INVALID_RECORD reaches us as UnknownError.
REFUSALS = (
    CorruptRecordException,
    InvalidRequestError,
    InvalidTimestampError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    UnknownError,
    UnsupportedForMessageFormatError,
)
# Everything else that a producer raises; connecting anew and waiting may help.
FAILURES = (KafkaError, OSError, asyncio.TimeoutError)


class Producer:
    """One connection to the cluster, for the running event loop, good until its first
    failed batch: aiokafka has then used up sequence numbers that the broker never
    saw."""

    def __init__(self, settings: Settings) -> None:
        timeout_ms = round(settings.request_timeout.total_seconds() * 1000)
        make: Any = AIOKafkaProducer  # untyped: it takes a list of servers too
        self._kafka: Any = make(
            bootstrap_servers=[
                server.strip() for server in settings.bootstrap_servers.split(",")
            ],
            client_id=f"daybook-{settings.source}"[:200],
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            linger_ms=0,  # batches are made by the backlog
            max_batch_size=settings.max_batch_bytes + MEBIBYTE,
            max_request_size=8 * MEBIBYTE,
            request_timeout_ms=timeout_ms,
            security_protocol=settings.security_protocol,
            ssl_context=settings.ssl_context,
            sasl_mechanism=settings.sasl_mechanism,
            sasl_plain_username=settings.sasl_plain_username,
            sasl_plain_password=settings.sasl_plain_password,
            sasl_oauth_token_provider=settings.sasl_oauth_token_provider,
        )
        self._partitioner = DefaultPartitioner()

    async def start(self) -> None:
        """Connect; waits for a producer id for as long as the cluster has none."""
        await self._kafka.start()

    async def find(self, topic: str) -> None:
        """Learn the topic's partitions; raises while it has none."""
        await self._kafka.partitions_for(topic)

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions as far as they are known."""
        known = self._kafka.client.cluster.partitions_for_topic(topic)
        return sorted(cast("set[int]", known)) if known else []

    def partition_of(self, key: bytes, partitions: list[int]) -> int:
        """As every Kafka client in its default settings does it."""
        return cast("int", self._partitioner(key, partitions, partitions))

    async def send(
        self, topic: str, partition: int, events: Sequence[Waiting]
    ) -> "asyncio.Future[object]":
        """Hand over one batch; the future is done when all replicas have it.

        Waits only while another batch for the partition is not on its way.
        """
        batch = self._kafka.create_batch()
        for event in events:
            batch.append(
                key=event.key,
                value=event.value,
                timestamp=None,
                headers=list(event.headers),
            )
        if batch.record_count() != len(events):
            raise AssertionError("a batch took fewer events than fit it")
        future = await self._kafka.send_batch(batch, topic, partition=partition)
        return cast("asyncio.Future[object]", future)

    async def abandon(self) -> None:
        """Close the connections now, without a flush.

        What aiokafka still runs ends with the event loop, which has to follow.
        """
        stopping = asyncio.ensure_future(self._kafka.stop())
        await asyncio.sleep(0)  # marks the producer closed
        await asyncio.wait({stopping}, timeout=0.05)
        stopping.cancel()
        closing = asyncio.ensure_future(self._kafka.client.close())
        await asyncio.wait({closing}, timeout=1)


class _NotFromHere(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()
        self.heard: dict[int, str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread not in self.threads:
            return True
        if record.levelno >= logging.WARNING and record.name == "aiokafka":
            self.heard[threading.get_ident()] = record.getMessage()
        return False


_FILTER = _NotFromHere()


def silence_this_thread() -> None:
    """Keep what aiokafka logs in this thread out of the host's log.

    It says on every attempt what the client says once; the host's own use of aiokafka,
    in its own threads, is not touched.
    """
    _FILTER.threads.add(threading.get_ident())
    for name in list(logging.root.manager.loggerDict):
        if name == "asyncio" or name.partition(".")[0] == "aiokafka":
            logging.getLogger(name).addFilter(_FILTER)  # once: it is the same object


def unsilence_this_thread() -> None:
    """Thread ids are reused: the next thread may be the host's."""
    _FILTER.threads.discard(threading.get_ident())
    last_words()


def last_words() -> str | None:
    """What aiokafka's connecting said last in this silenced thread, told once.

    Why a broker lets nobody in stands there alone, not in the error that is raised.
    """
    return _FILTER.heard.pop(threading.get_ident(), None)


def after_fork() -> None:
    """In the child no thread of ours runs."""
    _FILTER.threads.clear()
    _FILTER.heard.clear()
