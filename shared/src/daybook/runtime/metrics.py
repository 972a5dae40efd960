"""The metrics of every service: one list, each with what it is for."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_SIZES = (1, 10, 50, 100, 250, 500, 1000, 2000, 5000)


class ConsumerMetrics:
    """What every service that reads from Kafka counts, under its own name."""

    def __init__(
        self, registry: CollectorRegistry, service: str, outcomes: tuple[str, ...]
    ) -> None:
        # What became of each record: a rising share of anything but the first says
        # that a publisher or a restart is at work.
        self.events = Counter(
            f"daybook_{service}_events_total",
            "Records by what became of them.",
            ["outcome"],
            registry=registry,
        )
        for outcome in outcomes:
            self.events.labels(outcome)
        # How long an event was on its way; of each write the oldest of its records.
        self.delay = Histogram(
            f"daybook_{service}_delay_seconds",
            "From the broker's append to stored, of the oldest record of each write.",
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


class IngestMetrics(ConsumerMetrics):
    """What ingest counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, "ingest", ("stored", "redelivered", "dead_lettered"))
        # Why records were dead-lettered; kinds are those of daybook.events.faults.
        self.dead_letters = Counter(
            "daybook_ingest_dead_letters_total",
            "Dead letters by kind of fault.",
            ["kind"],
            registry=registry,
        )
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
        super().__init__(registry, "exporter", ("made", "known", "dead_lettered"))
        # At its bound while exports wait: more processes would help.
        self.running = Gauge(
            "daybook_exporter_running",
            "Exports that this process runs.",
            registry=registry,
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
        self.sendouts = Counter(
            "daybook_webhook_dispatcher_sendouts_total",
            "Sendouts by what became of them at their making.",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("made", "known", "refused"):
            self.sendouts.labels(outcome)
        # What attempts came to: failures of many endpoints at once are our own network.
        self.attempts = Counter(
            "daybook_webhook_dispatcher_attempts_total",
            "Attempts by the state of the sendout after them.",
            ["status"],
            registry=registry,
        )
        for status in ("SENT", "RETRYING", "FAILED"):
            self.attempts.labels(status)
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
