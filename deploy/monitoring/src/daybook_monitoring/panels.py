"""What each dashboard shows: titles, units and expressions; no Grafana in here."""

from collections.abc import Iterator
from dataclasses import dataclass

CONSUMERS = {
    "ingest": "ingest",
    "task-tracker": "task_tracker",
    "webhook-dispatcher": "webhook_dispatcher",
    "exporter": "exporter",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph: ``shows`` is its series, each a legend and an expression."""

    title: str
    unit: str
    shows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of graphs; ``uid`` is its address."""

    uid: str
    title: str
    panels: tuple[Panel, ...]


def lag(name: str, by: str = "topic") -> str:
    """Every process shows the whole group's, so the largest of them is it."""
    whole = f"max by (topic, partition) (daybook_{name}_lag_records)"
    return f"sum by ({by}) ({whole})" if by else f"sum({whole})"


# What is not counted yet is NaN, which is no number from 0 up: a process that has just
# started neither hides the others' figures nor says that nothing waits.
DUE = "sum(daybook_webhook_dispatcher_due >= 0)"
OLDEST_DUE = "max(daybook_webhook_dispatcher_oldest_due_seconds >= 0)"
EXPORTS = "max by (state) (daybook_exporter_jobs >= 0)"


def quantile(q: float, metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    rate = f"sum by ({labels}) (rate({metric}_bucket[5m]))"
    return f"histogram_quantile({q}, {rate})"


def per_second(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[5m]))"


def _consuming(name: str) -> tuple[Panel, ...]:
    prefix = f"daybook_{name}"
    return (
        Panel(
            "Events by outcome",
            "ops",
            (("{{outcome}}", per_second(f"{prefix}_events_total", "outcome")),),
        ),
        Panel("Lag", "short", (("{{topic}}", lag(name)),)),
        Panel(
            "Event to stored",
            "s",
            (
                ("median", quantile(0.5, f"{prefix}_end_to_end_seconds")),
                ("99 %", quantile(0.99, f"{prefix}_end_to_end_seconds")),
                ("99 % from the broker", quantile(0.99, f"{prefix}_delay_seconds")),
            ),
        ),
        Panel(
            "Records a write",
            "short",
            (("median", quantile(0.5, f"{prefix}_batch_records")),),
        ),
        Panel(
            "Writes in flight",
            "short",
            (("writes", f"sum({prefix}_writes_in_flight)"),),
        ),
        Panel(
            "Bytes in flight", "bytes", (("bytes", f"sum({prefix}_bytes_in_flight)"),)
        ),
        Panel(
            "Waits for the database",
            "ops",
            (("waits", f"sum(rate({prefix}_database_waits_total[5m]))"),),
        ),
    )


_OWN = {
    "ingest": (
        Panel(
            "Dead letters by kind",
            "ops",
            (("{{kind}}", per_second("daybook_ingest_dead_letters_total", "kind")),),
        ),
        Panel(
            "Bad sources", "short", (("sources", "sum(daybook_ingest_bad_sources)"),)
        ),
    ),
    "task-tracker": (
        Panel(
            "Tasks found stalled",
            "ops",
            (("tasks", "sum(rate(daybook_task_tracker_stalled_total[5m]))"),),
        ),
    ),
    "webhook-dispatcher": (
        Panel("Due", "short", (("sendouts", DUE),)),
        Panel("Oldest due", "s", (("age", OLDEST_DUE),)),
        Panel(
            "Attempts by status and cause",
            "ops",
            (
                (
                    "{{status}} {{cause}}",
                    per_second(
                        "daybook_webhook_dispatcher_attempts_total", "status, cause"
                    ),
                ),
            ),
        ),
        Panel(
            "Attempts take",
            "s",
            (
                (
                    "median",
                    quantile(0.5, "daybook_webhook_dispatcher_attempt_seconds"),
                ),
                ("99 %", quantile(0.99, "daybook_webhook_dispatcher_attempt_seconds")),
            ),
        ),
        Panel(
            "Endpoints by circuit",
            "short",
            (
                (
                    "{{circuit}}",
                    "sum by (circuit) (daybook_webhook_dispatcher_endpoints)",
                ),
            ),
        ),
        Panel(
            "Being sent",
            "short",
            (("sendouts", "sum(daybook_webhook_dispatcher_sending)"),),
        ),
        Panel(
            "Sendouts made",
            "ops",
            (
                (
                    "{{outcome}}",
                    per_second("daybook_webhook_dispatcher_sendouts_total", "outcome"),
                ),
            ),
        ),
        Panel(
            "Slots by process",
            "short",
            (("{{instance}}", "daybook_webhook_dispatcher_slots"),),
        ),
    ),
    "exporter": (
        Panel("Exports by state", "short", (("{{state}}", EXPORTS),)),
        Panel(
            "Run by process", "short", (("{{instance}}", "daybook_exporter_running"),)
        ),
        Panel(
            "Rows", "rowsps", (("rows", "sum(rate(daybook_exporter_rows_total[5m]))"),)
        ),
        Panel(
            "Ended",
            "ops",
            (("{{status}}", per_second("daybook_exporter_ended_total", "status")),),
        ),
        Panel(
            "Not told of yet",
            "short",
            (("exports", "max(daybook_exporter_unannounced)"),),
        ),
        Panel(
            "Dead letters by kind",
            "ops",
            (("{{kind}}", per_second("daybook_exporter_dead_letters_total", "kind")),),
        ),
    ),
}

_QUERY = (
    Panel(
        "Answers by status",
        "ops",
        (("{{status}}", per_second("daybook_query_answers_total", "status")),),
    ),
    Panel(
        "Answers by route",
        "ops",
        (("{{route}}", per_second("daybook_query_answers_total", "route")),),
    ),
    Panel(
        "Time to answer, 95 %, by route",
        "s",
        (
            (
                "{{route}}",
                quantile(0.95, "daybook_query_request_duration_seconds", "route"),
            ),
        ),
    ),
    Panel(
        "Server errors by route",
        "ops",
        (
            (
                "{{route}}",
                'sum by (route) (rate(daybook_query_answers_total{status="5xx"}[5m]))',
            ),
        ),
    ),
)


def _overview() -> Iterator[Panel]:
    yield Panel(
        "Processes",
        "short",
        (
            *(
                (one, f"count(daybook_{n}_writes_in_flight)")
                for one, n in CONSUMERS.items()
            ),
            (
                "query",
                'count(daybook_query_answers_total{route="unmatched",status="5xx"})',
            ),
        ),
    )
    yield Panel(
        "Events",
        "ops",
        tuple(
            (one, f"sum(rate(daybook_{n}_events_total[5m]))")
            for one, n in CONSUMERS.items()
        ),
    )
    yield Panel(
        "Lag", "short", tuple((one, lag(n, "")) for one, n in CONSUMERS.items())
    )
    yield Panel(
        "Event to stored, 99 %",
        "s",
        (
            (
                "requests and all else",
                quantile(0.99, "daybook_ingest_end_to_end_seconds"),
            ),
        ),
    )
    yield Panel(
        "Dead letters",
        "ops",
        tuple(
            (one, f"sum(rate(daybook_{one}_dead_letters_total[5m]))")
            for one in ("ingest", "exporter")
        ),
    )
    yield Panel("Webhooks due", "short", (("due", DUE),))
    yield Panel(
        "Attempts by status",
        "ops",
        (
            (
                "{{status}}",
                per_second("daybook_webhook_dispatcher_attempts_total", "status"),
            ),
        ),
    )
    yield Panel("Exports", "short", (("{{state}}", EXPORTS),))
    yield _QUERY[0]


def dashboards() -> tuple[Dashboard, ...]:
    """One overview, then one a service."""
    return (
        Dashboard("daybook-overview", "Daybook: overview", tuple(_overview())),
        *(
            Dashboard(
                f"daybook-{one}", f"Daybook: {one}", (*_OWN[one], *_consuming(name))
            )
            for one, name in CONSUMERS.items()
        ),
        Dashboard("daybook-query", "Daybook: query", _QUERY),
    )
