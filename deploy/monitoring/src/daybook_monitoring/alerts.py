"""When a person must act: on trends, never on a spike."""

from collections.abc import Iterator
from dataclasses import dataclass

from daybook_monitoring.panels import CONSUMERS, EXPORTS, OLDEST_DUE, lag, quantile


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression that always has a value, and what that must not be."""

    expression: str
    comparison: str


@dataclass(frozen=True, slots=True)
class Alert:
    """All conditions at once, for so long. ``action``: what whoever is woken does."""

    name: str
    conditions: tuple[Condition, ...]
    lasts: str
    severity: str
    summary: str
    action: str

    @property
    def expression(self) -> str:
        """What Prometheus is given."""
        return " and ".join(
            f"({one.expression}) {one.comparison}" for one in self.conditions
        )


def _camel(service: str) -> str:
    return "".join(word.capitalize() for word in service.split("-"))


def _missing(service: str, metric: str) -> Alert:
    return Alert(
        f"Daybook{_camel(service)}Missing",
        (Condition(f"count({metric}) or vector(0)", "< 1"),),
        "5m",
        "critical",
        f"No process of {service} is seen",
        "Look whether its pods run and are scraped; nothing is lost while Kafka keeps "
        "its topics.",
    )


def _of_consumer(service: str, name: str) -> Iterator[Alert]:
    yield _missing(service, f"daybook_{name}_writes_in_flight")
    done = f"sum(rate(daybook_{name}_events_total[10m]))"
    yield Alert(
        f"Daybook{_camel(service)}Behind",
        # What waits, over what is done a second: the seconds that it takes.
        (Condition(f"{lag(name, '')} / clamp_min({done}, 1)", "> 300"),),
        "10m",
        "warning",
        f"{service} is more than five minutes behind",
        "Look at its writes in flight: at their bound, the database is the wall; else "
        "add processes, up to as many as its topics have partitions.",
    )
    yield Alert(
        f"Daybook{_camel(service)}Stuck",
        (
            Condition(f"min_over_time(({lag(name, '')})[15m:1m])", "> 0"),
            Condition(f"sum(rate(daybook_{name}_events_total[15m]))", "== 0"),
        ),
        "5m",
        "critical",
        f"{service} has work and does none",
        "Its log says what it waits for: the database, or a record it cannot take.",
    )
    yield Alert(
        f"Daybook{_camel(service)}WaitsForDatabase",
        (Condition(f"sum(rate(daybook_{name}_database_waits_total[15m]))", "> 0.1"),),
        "15m",
        "warning",
        f"{service} keeps writing anew",
        "Look at MongoDB: its primary, its disk, its write concern.",
    )


_NETWORK = 'cause=~"timeout|connect|dns|tls"'
_ATTEMPTS = "daybook_webhook_dispatcher_attempts_total"
_ENDPOINTS = "daybook_webhook_dispatcher_endpoints"


def _own() -> Iterator[Alert]:
    yield Alert(
        "DaybookDeadLetters",
        (
            Condition(
                "sum(increase(daybook_ingest_dead_letters_total[1h])) / "
                "clamp_min(sum(increase(daybook_ingest_events_total[1h])), 1)",
                "> 0.01",
            ),
        ),
        "15m",
        "warning",
        "More than one event in a hundred is dead-lettered",
        "`daybook dead-letters list` names sources and reasons; tell the publisher, "
        "and replay once it is mended.",
    )
    yield Alert(
        "DaybookBadSource",
        (Condition("max(daybook_ingest_bad_sources)", "> 0"),),
        "15m",
        "warning",
        "A source publishes mostly what cannot be stored",
        "Ingest's log names it; tell its owner.",
    )
    yield Alert(
        "DaybookTasksStall",
        (Condition("sum(increase(daybook_task_tracker_stalled_total[1h]))", "> 20"),),
        "15m",
        "warning",
        "Many background tasks fall silent",
        "A platform's workers are dying: the list of stalled tasks shows whose.",
    )
    yield Alert(
        "DaybookWebhooksOverdue",
        (Condition(OLDEST_DUE, "> 300"),),
        "10m",
        "warning",
        "Webhooks to endpoints that answer are five minutes late",
        "Add processes of webhook-dispatcher; else look at the database.",
    )
    yield Alert(
        "DaybookWebhooksCannotLeave",
        (
            Condition(
                f"sum(rate({_ATTEMPTS}{{{_NETWORK}}}[15m])) / "
                f"clamp_min(sum(rate({_ATTEMPTS}[15m])), 0.001)",
                "> 0.5",
            ),
            Condition(
                f'sum({_ENDPOINTS}{{circuit!="closed"}}) / '
                f"clamp_min(sum({_ENDPOINTS}), 1)",
                "> 0.25",
            ),
        ),
        "15m",
        "critical",
        "Most attempts fail on the way, to many endpoints at once",
        "It is our own side: look at egress, DNS and the network policies.",
    )
    yield Alert(
        "DaybookExportsStand",
        (
            Condition(f"min_over_time((sum({EXPORTS}))[15m:1m])", "> 0"),
            Condition("sum(rate(daybook_exporter_rows_total[15m]))", "== 0"),
        ),
        "15m",
        "warning",
        "Exports wait or run, and no row is written",
        "The exporter's log says what it waits for: the database, storage, watermarks.",
    )
    yield Alert(
        "DaybookExportsFail",
        (
            Condition(
                'sum(increase(daybook_exporter_ended_total{status="ERROR"}[1h])) / '
                "clamp_min(sum(increase(daybook_exporter_ended_total[1h])), 1)",
                "> 0.2",
            ),
        ),
        "15m",
        "warning",
        "More than one export in five fails",
        "Each says why; in a row it is the database or the storage.",
    )
    yield Alert(
        "DaybookExportsRefused",
        (
            Condition(
                'sum(increase(daybook_exporter_events_total{outcome=~"refused|'
                'dead_lettered"}[1h])) / '
                "clamp_min(sum(increase(daybook_exporter_events_total[1h])), 1)",
                "> 0.1",
            ),
        ),
        "15m",
        "warning",
        "More than one export in ten that a service asks for cannot be made",
        "`daybook dead-letters list` and the failed exports name sources and reasons; "
        "tell whose service asks, and replay once it is mended.",
    )
    yield Alert(
        "DaybookExportsUntold",
        (Condition("max(min_over_time(daybook_exporter_unannounced[15m]))", "> 0"),),
        "15m",
        "warning",
        "Exports have ended and nobody is told",
        "The exporter cannot write to Kafka: look at its log.",
    )
    yield Alert(
        "DaybookQueryFails",
        (
            Condition(
                'sum(rate(daybook_query_answers_total{status="5xx"}[15m])) / '
                "clamp_min(sum(rate(daybook_query_answers_total[15m])), 0.001)",
                "> 0.01",
            ),
        ),
        "10m",
        "critical",
        "More than one answer in a hundred is an error of ours",
        "Query's log names each by its request id; first look at the database.",
    )
    yield Alert(
        "DaybookQuerySlow",
        (Condition(quantile(0.95, "daybook_query_request_duration_seconds"), "> 2.5"),),
        "15m",
        "warning",
        "One answer in twenty takes longer than a list may",
        "The dashboard of query shows the route; add database before processes.",
    )


def alerts() -> tuple[Alert, ...]:
    """All of them; their names are known by runbooks."""
    consumers = (
        alert for one, name in CONSUMERS.items() for alert in _of_consumer(one, name)
    )
    route = 'daybook_query_answers_total{route="unmatched",status="5xx"}'
    return (*consumers, _missing("query", route), *_own())
