"""The metrics of every service: one list, each with what it is for."""

from collections.abc import Iterable
from datetime import datetime
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from daybook.events.faults import KINDS
from daybook.storage.times import created_ms, to_ms

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_SIZES = (1, 10, 50, 100, 250, 500, 1000, 2000, 5000)
# A list has two seconds; the buckets are fine below that and coarse above.
_ANSWERS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
# Why an attempt failed, as the dispatcher and its events name it.
_CAUSES = "blocked_address connect dns protocol redirect status timeout tls"
ATTEMPT_CAUSES = tuple(_CAUSES.split())


def _counter(
    registry: CollectorRegistry, name: str, says: str, label: str, *values: str
) -> Counter:
    """One by ``label``, of which each value is shown from the start."""
    made = Counter(f"daybook_{name}_total", says, [label], registry=registry)
    for value in values:
        made.labels(value)
    return made


def _dead_letters(registry: CollectorRegistry, service: str) -> Counter:
    """By kinds, which are those of daybook.events.faults."""
    says = "Dead letters by kind of fault."
    return _counter(registry, f"{service}_dead_letters", says, "kind", *KINDS)


class ConsumerMetrics:
    """What every service that reads from Kafka counts, under its own name."""

    def __init__(
        self, registry: CollectorRegistry, service: str, outcomes: tuple[str, ...]
    ) -> None:
        # What became of each record: a rising share of anything but the first says
        # that a publisher or a restart is at work.
        says = "Records by what became of them."
        self.events = _counter(
            registry, f"{service}_events", says, "outcome", *outcomes
        )
        self._shown: set[tuple[str, str]] = set()
        # What waits in Kafka, of the whole group: rises while less is read than comes.
        self._lag = Gauge(
            f"daybook_{service}_lag_records",
            "Records that the whole group has not committed.",
            ["topic", "partition"],
            registry=registry,
        )
        # How long an event was on its way; of each write the oldest of its records.
        self.delay = Histogram(
            f"daybook_{service}_delay_seconds",
            "From the broker's append to stored, of the oldest record of each write.",
            buckets=_SECONDS,
            registry=registry,
        )
        # What a user waits: it rises without the one above where publishers hold back.
        self.end_to_end = Histogram(
            f"daybook_{service}_end_to_end_seconds",
            "From the event's own time to stored, of the oldest record of each write.",
            buckets=_SECONDS,
            registry=registry,
        )
        # Small writes under load say that something flushes too early.
        self.batch_size = Histogram(
            f"daybook_{service}_batch_records",
            "Records a write.",
            buckets=_SIZES,
            registry=registry,
        )
        # Both at their bound, for long: the database is the wall.
        self.writes_in_flight = Gauge(
            f"daybook_{service}_writes_in_flight",
            "Writes in flight.",
            registry=registry,
        )
        self.bytes_in_flight = Gauge(
            f"daybook_{service}_bytes_in_flight",
            "Bytes of the records that are being stored.",
            registry=registry,
        )
        # Rises while the database is away: nothing is lost, all waits.
        self.database_waits = Counter(
            f"daybook_{service}_database_waits_total",
            "Times that a write had to be tried again.",
            registry=registry,
        )

    def stored(
        self, now: datetime, events: Iterable[tuple[int, datetime | None]]
    ) -> None:
        """Note when these were stored: each the broker's time in ms, and its own.

        An event's own time is the one that it is shown by: the broker's, where it has
        none, or one far ahead.
        """
        times = list(events)
        if not times:
            return
        received = min(received for received, _ in times)
        happened = min(created_ms(own, received)[0] for received, own in times)
        now_ms = to_ms(now)
        self.delay.observe(max(now_ms - received, 0) / 1000)
        self.end_to_end.observe(max(now_ms - happened, 0) / 1000)

    def lag_is_unknown(self, topic: str, partition: int) -> None:
        """Show a partition before its lag was asked for; a lag that was, stays."""
        labels = (topic, str(partition))
        if labels not in self._shown:
            self._shown.add(labels)
            self._lag.labels(*labels).set(nan)

    def lags(self, topic: str, partition: int, records: int) -> None:
        """Show a partition's lag."""
        self._shown.add((topic, str(partition)))
        self._lag.labels(topic, str(partition)).set(records)


class IngestMetrics(ConsumerMetrics):
    """What ingest counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, "ingest", ("stored", "redelivered", "dead_lettered"))
        # Why records were dead-lettered.
        self.dead_letters = _dead_letters(registry, "ingest")
        # Sources whose records are mostly bad: their names are in the log.
        self.bad_sources = Gauge(
            "daybook_ingest_bad_sources",
            "Sources whose latest records were mostly dead-lettered.",
            registry=registry,
        )


class TrackerMetrics(ConsumerMetrics):
    """What the task-tracker counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, "task_tracker", ("folded", "passed_over", "refused"))
        # Tasks whose worker fell silent: a platform's workers are dying.
        self.stalled = Counter(
            "daybook_task_tracker_stalled_total",
            "Tasks found stalled.",
            registry=registry,
        )


class ExporterMetrics(ConsumerMetrics):
    """What the exporter counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(
            registry, "exporter", ("made", "known", "refused", "dead_lettered")
        )
        # Exports that were asked for and are none, and why: their askers know nothing.
        self.dead_letters = _dead_letters(registry, "exporter")
        # At its bound while exports wait: more processes would help.
        self.running = Gauge(
            "daybook_exporter_running",
            "Exports that this process runs.",
            registry=registry,
        )
        # Some wait for long: more processes, or a higher bound, would help.
        self.jobs = Gauge(
            "daybook_exporter_jobs",
            "Exports of all processes that wait to be run, and that run.",
            ["state"],
            registry=registry,
        )
        for state in ("waiting", "running"):
            self.jobs.labels(state).set(nan)  # not counted yet: that is not none
        # What they came to: errors in a row are the database's or the storage's.
        says = "Exports that this process ended."
        self.ended = _counter(
            registry, "exporter_ended", says, "status", "DONE", "ERROR"
        )
        # Rows a second: falls to nothing while exports run when database or storage
        # hang.
        self.rows = Counter(
            "daybook_exporter_rows_total",
            "Rows that were written.",
            registry=registry,
        )
        # Ends that nobody was told of yet: rises while Kafka is away.
        self.unannounced = Gauge(
            "daybook_exporter_unannounced",
            "Ended exports whose events are not acknowledged.",
            registry=registry,
        )


class DispatcherMetrics(ConsumerMetrics):
    """What the webhook-dispatcher counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(
            registry, "webhook_dispatcher", ("matched", "unmatched", "passed_over")
        )
        # Sendouts made, and those that were there already: a redelivery.
        says, name = "Sendouts by their making.", "webhook_dispatcher_sendouts"
        outcomes = ("made", "known", "refused")
        self.sendouts = _counter(registry, name, says, "outcome", *outcomes)
        # What attempts came to: failures of many endpoints at once are our own network.
        self.attempts = Counter(
            "daybook_webhook_dispatcher_attempts_total",
            "Attempts by the state of the sendout after them, and why they failed.",
            ["status", "cause"],
            registry=registry,
        )
        self.attempts.labels("SENT", "none")
        for status in ("RETRYING", "FAILED"):
            for cause in ATTEMPT_CAUSES:
                self.attempts.labels(status, cause)
        # Long attempts are receivers that hang.
        self.attempt_seconds = Histogram(
            "daybook_webhook_dispatcher_attempt_seconds",
            "How long attempts took.",
            buckets=_SECONDS,
            registry=registry,
        )
        # At its bound for long: more processes are needed.
        self.sending = Gauge(
            "daybook_webhook_dispatcher_sending",
            "Sendouts that are being sent, or whose results are not yet written.",
            registry=registry,
        )
        # How the work is shared.
        self.slots = Gauge(
            "daybook_webhook_dispatcher_slots",
            "Slots that this process owns.",
            registry=registry,
        )
        # The work that waits for this process: what the dispatcher is scaled by.
        self.due = Gauge(
            "daybook_webhook_dispatcher_due",
            "Sendouts that are due, to endpoints of this process that would take them.",
            registry=registry,
        )
        self.due.set(nan)  # not counted yet: that is not none
        # Rises for minutes: this process does not keep up.
        self.oldest_due = Gauge(
            "daybook_webhook_dispatcher_oldest_due_seconds",
            "How long the longest of these has been due.",
            registry=registry,
        )
        self.oldest_due.set(nan)
        # Many open at once are our own network; few are their receivers'.
        self.endpoints = Gauge(
            "daybook_webhook_dispatcher_endpoints",
            "Endpoints of this process by the state of their circuits.",
            ["circuit"],
            registry=registry,
        )
        for circuit in ("closed", "open", "probing"):
            self.endpoints.labels(circuit)


class QueryMetrics:
    """What query counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        # Lists near their budget: a filter that no index answers. Of a stream, the
        # time until it began.
        self._duration = Histogram(
            "daybook_query_request_duration_seconds",
            "Time to answer a request, by route template and method.",
            ("route", "method"),
            buckets=_ANSWERS,
            registry=registry,
        )
        # 5xx are ours, or the database's; many 4xx of one route a client's.
        self._answers = Counter(
            "daybook_query_answers_total",
            "Answers by route template and class of status.",
            ("route", "status"),
            registry=registry,
        )

    def serves(self, route: str, methods: Iterable[str]) -> None:
        """Show a route before it is asked for."""
        for method in methods:
            self._duration.labels(route, method)
        for status in ("2xx", "3xx", "4xx", "5xx"):
            self._answers.labels(route, status)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._duration.labels(route, method).observe(seconds)
        self._answers.labels(route, f"{status // 100}xx").inc()
