"""Dashboards as Grafana reads them, alerts as Prometheus does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from daybook_monitoring.alerts import Alert, alerts
from daybook_monitoring.panels import Dashboard, Panel, dashboards

_WIDTH, _HEIGHT, _ACROSS = 8, 8, 3
_SOURCE = {"type": "prometheus", "uid": "prometheus"}
_HEAD = "# Written by `make docs` from daybook_monitoring.alerts.\n"


def files() -> Iterator[tuple[Path, str]]:
    """Every file that is made, under its path in deploy/monitoring."""
    for one in dashboards():
        text = json.dumps(_dashboard(one), indent=1, ensure_ascii=False)
        yield Path("dashboards", f"{one.uid}.json"), f"{text}\n"
    groups = {
        "groups": [{"name": "daybook", "rules": [_rule(one) for one in alerts()]}]
    }
    yield Path("alerts", "daybook.yaml"), _HEAD + _yaml(groups)
    # The same for the Prometheus operator.
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "daybook"},
        "spec": groups,
    }
    yield Path("prometheus-rule.yaml"), _HEAD + _yaml(rule)


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=88)


def _dashboard(one: Dashboard) -> dict[str, Any]:
    return {
        "uid": one.uid,
        "title": one.title,
        "tags": ["daybook"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(one.panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {
            "x": number % _ACROSS * _WIDTH,
            "y": number // _ACROSS * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0},
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": legend,
            }
            for index, (legend, expression) in enumerate(panel.shows)
        ],
    }


def _rule(one: Alert) -> dict[str, Any]:
    return {
        "alert": one.name,
        "expr": one.expression,
        "for": one.lasts,
        "labels": {"severity": one.severity},
        "annotations": {"summary": one.summary, "description": one.action},
    }
