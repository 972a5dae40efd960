"""What is heard of a running export, by its task and by the metrics."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from daybook.events.task import TaskProgressed
from daybook.exports.parameters import read_parameters
from daybook.runtime.metrics import ExporterMetrics
from daybook.storage.exports import new_export
from daybook.testing.recording import RecordingClient
from exporter.progress import Progress
from prometheus_client import CollectorRegistry

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def taken_over(rows: int) -> dict[str, Any]:
    parameters = read_parameters({"exported_object": "api_log"})
    export = new_export("shop", "exp_1", parameters, "API", "ann", NOW, "req_1")
    return export | {"claim": 2, "rows": rows, "expected_rows": 30_000}


def test_a_takeover_goes_on_from_the_rows_that_are_stored() -> None:
    times = count()
    client = RecordingClient(stopwatch=lambda: float(next(times)))
    registry = CollectorRegistry()
    progress = Progress(client, ExporterMetrics(registry), timedelta(seconds=20))
    export = taken_over(rows=10_000)

    progress.started(export)
    progress.progressed(export, 25_000, 30_000)
    progress.over(export)

    last = client.tasks[-1]
    assert isinstance(last, TaskProgressed)
    assert {one.type for one in client.tasks} == {TaskProgressed.type}
    assert (last.task_id, last.done_count, last.total) == ("exp_1", 25_000, 30_000)
    # Of the rows that another process wrote, that one has told.
    assert registry.get_sample_value("daybook_exporter_rows_total") == 15_000


def test_what_is_told_of_an_export_belongs_to_its_trace() -> None:
    client = RecordingClient()
    progress = Progress(
        client, ExporterMetrics(CollectorRegistry()), timedelta(seconds=20)
    )
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    progress.started(taken_over(rows=0) | {"traceparent": trace})
    progress.over(taken_over(rows=0))

    assert set(client.traces) == {trace}


def test_what_nobody_runs_here_is_not_told_of() -> None:
    client = RecordingClient()
    progress = Progress(
        client, ExporterMetrics(CollectorRegistry()), timedelta(seconds=20)
    )

    progress.progressed(taken_over(rows=0), 5, None)
    progress.over(taken_over(rows=0))

    assert client.tasks == []
