"""What a figure says before it is known: nothing, and not zero."""

from collections.abc import Callable
from math import isnan
from typing import Any

import pytest
from daybook.runtime.metrics import DispatcherMetrics, ExporterMetrics
from prometheus_client import CollectorRegistry, generate_latest


@pytest.mark.parametrize(
    ("metrics", "shown"),
    [
        (ExporterMetrics, 'daybook_exporter_jobs{state="waiting"}'),
        (ExporterMetrics, 'daybook_exporter_jobs{state="running"}'),
        (DispatcherMetrics, "daybook_webhook_dispatcher_due"),
        (DispatcherMetrics, "daybook_webhook_dispatcher_oldest_due_seconds"),
    ],
)
def test_what_is_not_counted_yet_is_no_number(
    metrics: Callable[[CollectorRegistry], Any], shown: str
) -> None:
    registry = CollectorRegistry()

    metrics(registry)

    told = dict(
        line.rsplit(" ", 1)
        for line in generate_latest(registry).decode().splitlines()
        if not line.startswith("#")
    )
    assert isnan(float(told[shown]))
