"""What is made from code is current, and Prometheus takes it."""

import shutil
import subprocess
from pathlib import Path

import yaml
from daybook_monitoring.alerts import alerts
from daybook_monitoring.writing import files

MONITORING = Path(__file__).parents[1]
ALERTS = MONITORING / "alerts" / "daybook.yaml"
ALERT_TESTS = MONITORING / "tests" / "alerts.test.yaml"


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    assert program is not None, "the tests need promtool: make prometheus"
    return subprocess.run(  # noqa: S603 - promtool, with our own files
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_dashboards_and_alerts_are_as_the_code_makes_them() -> None:
    made = {MONITORING / path: text for path, text in files()}
    kept = {*(MONITORING / "dashboards").iterdir(), *(MONITORING / "alerts").iterdir()}
    kept.add(MONITORING / "prometheus-rule.yaml")

    assert set(made) == kept, "run `make docs`"
    for path, text in made.items():
        assert path.read_text("utf-8") == text, f"{path}: run `make docs`"


def test_prometheus_takes_the_rules() -> None:
    answer = promtool("check", "rules", ALERTS)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_alerts_fire_when_they_should_and_only_then() -> None:
    answer = promtool("test", "rules", ALERT_TESTS)

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_alert_is_seen_to_fire_and_to_rest() -> None:
    tests = yaml.safe_load(ALERT_TESTS.read_text("utf-8"))["tests"]
    asked = [one for test in tests for one in test["alert_rule_test"]]

    for alert in alerts():
        mine = [one for one in asked if one["alertname"] == alert.name]
        assert {bool(one.get("exp_alerts")) for one in mine} == {True, False}, (
            alert.name
        )
