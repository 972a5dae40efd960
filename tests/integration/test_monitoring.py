"""What dashboards and alerts ask for, asked of a real Prometheus over a real stack."""

import asyncio
import math
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
from daybook import Client
from daybook.events.export import ExportRequested
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually
from daybook_monitoring.alerts import alerts
from daybook_monitoring.panels import dashboards

pytestmark = pytest.mark.timeout(240)

SERVICES = ("ingest", "task-tracker", "webhook-dispatcher", "exporter", "query")
# In an expression: [5m], or [15m:1m] of what is worked out itself.
_WINDOW = re.compile(r"\[\d+[smhd](:\d+[smhd])?\]")


# Of each service a scrape a second, and of the traffic each second in which it came: a
# minute of both. Both are what Prometheus itself has, whatever this test's clock says.
SCRAPED = "min(sum_over_time(up[10m]))"
_CAME = "sum(increase(daybook_ingest_events_total[5s])) > 0"
OF_TRAFFIC = f"count_over_time(({_CAME})[10m:1s])"


def shortened(expression: str) -> str:
    """The same over the minute of traffic that there is."""
    return _WINDOW.sub(lambda one: "[1m:1s]" if one[1] else "[1m]", expression)


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


async def test_a_minute_of_traffic_gives_every_panel_and_alert_something_to_show(
    prometheus: str, run: StackRun, http: httpx.AsyncClient
) -> None:
    async def values(expression: str) -> list[float]:
        """What it comes to, of each series; none while Prometheus starts."""
        try:
            answer = await http.get(
                f"{prometheus}/api/v1/query", params={"query": expression}
            )
        except httpx.TransportError:
            return []
        assert answer.status_code != 400, answer.text
        if answer.status_code != 200:  # it says so in plain text
            return []
        return [float(one["value"][1]) for one in answer.json()["data"]["result"]]

    async def has(seconds: int) -> bool:
        told = [await values(one) for one in (SCRAPED, OF_TRAFFIC)]
        assert all(told), told
        (scraped,), (traffic,) = told
        # So many seconds lie between one scrape more.
        return scraped > seconds and traffic >= seconds

    await eventually(lambda: has(30), within=90, every=1)
    # The one thing that the shop's traffic has not: a service that asks for an export.
    async with Client(run.stack["kafka"], source="billing") as client:
        client.publish(
            ExportRequested(export_id="exp_1", exported_object="api_log"),
            project_id=run.stack["project_id"],
        )
    await eventually(lambda: has(60), within=60, every=1)
    asked = expressions()
    shown = await asyncio.gather(*map(values, asked.values()))

    silent = {
        name: (expression, found)
        for (name, expression), found in zip(asked.items(), shown, strict=True)
        if all(map(math.isnan, found))
    }
    assert not silent
