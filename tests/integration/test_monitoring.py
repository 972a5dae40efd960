"""What dashboards and alerts ask for, asked of a real Prometheus over a real stack."""

import asyncio
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually
from daybook_monitoring.alerts import alerts
from daybook_monitoring.panels import dashboards

pytestmark = pytest.mark.timeout(240)

SERVICES = ("ingest", "task-tracker", "webhook-dispatcher", "exporter", "query")
# In an expression: [5m], or [15m:1m] of what is worked out itself.
_WINDOW = re.compile(r"\[\d+[smhd](:\d+[smhd])?\]")


def shortened(expression: str) -> str:
    """The same over seconds: minutes of traffic are what a test has not."""
    return _WINDOW.sub(lambda one: "[10s:1s]" if one[1] else "[10s]", expression)


def expressions() -> dict[str, str]:
    """All of them, each under where it stands; alerts' without their comparisons."""
    found: dict[str, str] = {}
    for board in dashboards():
        for panel in board.panels:
            for legend, expression in panel.shows:
                found[f"{board.title} / {panel.title} / {legend}"] = expression
    for alert in alerts():
        for number, condition in enumerate(alert.conditions):
            found[f"{alert.name} {number}"] = condition.expression
    return {name: shortened(one) for name, one in found.items()}


@pytest.fixture
def prometheus(run: StackRun, tmp_path: Path) -> Iterator[str]:
    """The address of one that looks at the stack's services every second."""
    program = shutil.which("prometheus")
    assert program is not None, "the tests need prometheus: make prometheus"
    targets = [
        urlsplit(str(run.stack["services"][name]["health"])).netloc for name in SERVICES
    ]
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {"job_name": "daybook", "static_configs": [{"targets": targets}]}
        ],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - Debian's
            [
                program,
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


async def test_every_panel_and_every_alert_has_something_to_show(
    prometheus: str, http: httpx.AsyncClient
) -> None:
    async def shown(expression: str) -> bool:
        try:
            answer = await http.get(
                f"{prometheus}/api/v1/query", params={"query": expression}
            )
        except httpx.TransportError:
            return False  # it is starting
        told = answer.json()
        assert answer.status_code != 400, told
        return answer.status_code == 200 and bool(told["data"]["result"])

    asked = expressions()
    missing = set(asked)

    async def all_are_shown() -> bool:
        names = sorted(missing)
        found = await asyncio.gather(*(shown(asked[name]) for name in names))
        missing.difference_update(
            name for name, is_shown in zip(names, found, strict=True) if is_shown
        )
        assert not missing, missing
        return True

    await eventually(all_are_shown, within=60, every=1)
