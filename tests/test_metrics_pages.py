"""Every metric of a service stands on its page, and no other."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from daybook.runtime.metrics import (
    DispatcherMetrics,
    ExporterMetrics,
    IngestMetrics,
    QueryMetrics,
    TrackerMetrics,
)
from prometheus_client import CollectorRegistry

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("service", "metrics"),
    [
        ("ingest", IngestMetrics),
        ("task-tracker", TrackerMetrics),
        ("exporter", ExporterMetrics),
        ("webhook-dispatcher", DispatcherMetrics),
        ("query", QueryMetrics),
    ],
)
def test_a_service_lists_its_metrics(
    service: str, metrics: Callable[[CollectorRegistry], object]
) -> None:
    registry = CollectorRegistry()
    metrics(registry)
    made = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in registry.collect()
    }
    page = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    prefix = f"daybook_{service.replace('-', '_')}"
    listed = {
        name.replace("…", prefix)
        for row in re.findall(r"^\| (`(?:daybook|…)_.*?) \|", page, re.MULTILINE)
        for name in re.findall(r"`((?:daybook|…)_[a-z_]+)", row)
    }

    assert listed == made
