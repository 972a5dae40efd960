"""A real supervisor, real servers, stand-ins for the services."""

import json
import os
import signal
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import httpx
import psutil
import pytest
from daybook.testing import eventually

HERE = Path(__file__).parent


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


class Run:
    """One `make run` in a folder of its own, against the servers of the test run."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.state = folder / "state"
        self.journal = folder / "journal"
        self.journal.touch()
        self.keys = folder / "keys"
        self.keys.touch()
        self.output = folder / f"output-{uuid.uuid4().hex}"
        # Marks everything that this run starts, grandchildren too.
        self.mark = uuid.uuid4().hex
        self.environment = {
            **os.environ,
            "DAYBOOK_STATE_DIR": str(self.state),
            "STAND_IN_JOURNAL": str(self.journal),
            "STAND_IN_KEYS": str(self.keys),
            "STAND_IN_MARK": self.mark,
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, str(HERE / "stand_in_stack.py")],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self.process

    @property
    def stack(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.stack_file.read_text("utf-8")))

    @property
    def stack_file(self) -> Path:
        return self.state / "stack.json"

    @property
    def said(self) -> str:
        return self.output.read_text("utf-8")

    def happened(self) -> list[str]:
        return self.journal.read_text("utf-8").splitlines()

    def order(self, what: str) -> list[str]:
        entries = [line.split() for line in self.happened()]
        return [entry[0] for entry in entries if entry[1] == what]

    def left_running(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                mark = process.environ().get("STAND_IN_MARK")
                if mark == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    async def up(self) -> None:
        def answers() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.said
            return self.stack_file.exists() and "Daybook is running" in self.said

        await eventually(answers, within=60)
        # Who has no port is up for the stack once it runs; here, once it obeys.
        await eventually(lambda: len(set(self.order("started"))) == 4)

    async def ended(self, within: float = 30.0) -> int:
        process = self.process
        assert process is not None
        await eventually(lambda: process.poll() is not None, within=within)
        return process.returncode


@pytest.fixture
def make_run(
    tmp_path: Path, kafka_bootstrap: str, mongodb_uri: str
) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(**environment: str) -> Run:
        given = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
            "MONGODB_URI": mongodb_uri,
        }
        run = Run(tmp_path, **{**given, **environment})
        runs.append(run)
        return run

    yield make
    for run in runs:
        for process in run.left_running():
            # The supervisor's children end with it.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if run.process is not None:
            run.process.wait(30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_stops_in_order_and_leaves_nothing_running(
    make_run: Callable[..., Run], number: signal.Signals
) -> None:
    run = make_run()
    process = run.start()
    await run.up()
    assert len(run.left_running()) > 4

    process.send_signal(number)

    assert await run.ended() == 0
    assert set(run.order("started")[:2]) == {"ingest", "query"}
    assert run.order("started")[2:] == ["shop", "traffic"]
    assert run.order("stopped")[:2] == ["traffic", "shop"]
    assert set(run.order("stopped")[2:]) == {"ingest", "query"}
    assert run.left_running() == []
    assert not run.stack_file.exists()


async def test_scripts_find_the_stack_in_its_file(
    make_run: Callable[..., Run], kafka_bootstrap: str, mongodb_uri: str
) -> None:
    run = make_run()
    run.start()
    await run.up()

    stack = run.stack

    assert stat.S_IMODE(run.stack_file.stat().st_mode) == 0o600
    assert stack["kafka"] == kafka_bootstrap
    assert stack["mongodb"] == mongodb_uri
    assert stack["project_id"] == "demo"
    assert stack["api_key"] == run.keys.read_text("utf-8").strip()
    assert stack["dashboard"] == f"{stack['api']}/sign-in?token=t"
    assert set(stack["services"]) == {"ingest", "query"}
    for entry in stack["services"].values():
        environment = get(f"{entry['health']}/readyz").json()
        assert environment["KAFKA_BOOTSTRAP_SERVERS"] == kafka_bootstrap
    assert get(stack["shop"]).is_success


async def test_each_process_has_a_log_file_and_its_name_on_the_console(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    run.start()
    await run.up()

    for name in ("ingest", "query", "shop", "traffic"):
        line, log = f"{name} | hello from {name}", run.state / "logs" / f"{name}.log"
        await eventually(lambda line=line: line in run.said)
        assert f"hello from {name}" in log.read_text("utf-8")


async def test_a_service_that_dies_is_started_again_and_the_file_says_its_new_pid(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    run.start()
    await run.up()
    before: int = run.stack["services"]["ingest"]["pid"]

    os.kill(before, signal.SIGKILL)

    await eventually(lambda: run.stack["services"]["ingest"]["pid"] != before)
    health: str = run.stack["services"]["ingest"]["health"]

    def answers() -> bool:
        try:
            return get(f"{health}/readyz").is_success
        except httpx.TransportError:
            return False

    await eventually(answers)
    assert "ended (SIGKILL); started again" in run.said
    marks = [process.pid for process in run.left_running()]
    assert before not in marks


async def test_a_second_run_beside_the_first_is_refused_by_the_firsts_pid(
    make_run: Callable[..., Run],
) -> None:
    first, second = make_run(), make_run()
    process = first.start()
    await first.up()

    second.start()

    assert await second.ended() == 1
    assert f"already running here: process {process.pid}" in second.said
    assert process.poll() is None
    assert first.stack_file.exists()


async def test_nothing_outlives_a_supervisor_that_was_killed(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    process = run.start()
    await run.up()
    services = [entry["pid"] for entry in run.stack["services"].values()]

    process.kill()

    await run.ended()
    await eventually(lambda: not any(psutil.pid_exists(pid) for pid in services))


async def test_a_stack_that_was_killed_starts_again_with_the_same_key(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    process = run.start()
    await run.up()
    key = run.stack["api_key"]
    secret = (run.state / "session_secret").read_text("utf-8")
    process.kill()
    await run.ended()
    run.stack_file.unlink()

    again = make_run()
    again.start()
    await again.up()

    assert again.stack["api_key"] == key
    assert (again.state / "session_secret").read_text("utf-8") == secret
    assert stat.S_IMODE((again.state / "api_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((again.state / "session_secret").stat().st_mode) == 0o600


async def test_a_key_that_the_database_does_not_know_is_replaced(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    run.state.mkdir()
    (run.state / "api_key").write_text("of-another-database", "utf-8")
    run.start()
    await run.up()

    assert run.stack["api_key"] == run.keys.read_text("utf-8").strip()
    assert (run.state / "api_key").read_text("utf-8") == run.stack["api_key"]


async def test_a_second_ctrl_c_does_not_wait_and_leaves_nothing(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(STAND_IN_STUBBORN="ingest query shop traffic")
    process = run.start()
    await run.up()

    process.send_signal(signal.SIGINT)
    await eventually(lambda: "traffic stopped" in run.happened())
    process.send_signal(signal.SIGINT)

    # Four processes with 3 s of grace each, of which two stop together, take 9 s.
    assert await run.ended(within=5) == 0
    assert run.left_running() == []


async def test_a_process_that_ignores_the_stop_is_killed_at_its_deadline(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(STAND_IN_STUBBORN="shop")
    process = run.start()
    await run.up()

    process.send_signal(signal.SIGTERM)

    assert await run.ended() == 0
    assert run.left_running() == []


async def test_a_service_that_never_comes_up_ends_the_start_with_its_last_words(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(STAND_IN_BROKEN="query")
    run.start()

    assert await run.ended() == 1
    assert "query ended before it was ready" in run.said
    assert "it is broken" in run.said
    assert run.left_running() == []


async def test_an_admin_command_that_fails_ends_the_start_with_its_words(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(STAND_IN_ADMIN_FAILS="1")
    run.start()

    assert await run.ended() == 1
    assert "`daybook admin project create demo --name Demo --if-missing`" in run.said
    assert "the database is full" in run.said
    assert run.left_running() == []


async def test_a_stop_during_the_start_is_obeyed(make_run: Callable[..., Run]) -> None:
    # Nothing listens there: the start would wait.
    run = make_run(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9")
    process = run.start()
    await eventually(lambda: "asking whether both answer" in run.said, within=30)

    process.send_signal(signal.SIGTERM)

    assert await run.ended() == 0
    assert run.left_running() == []


async def test_its_own_servers_are_found_by_clients_and_stop_last(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(KAFKA_BOOTSTRAP_SERVERS="", MONGODB_URI="")
    process = run.start()
    await run.up()
    kafka, mongodb = run.stack["kafka"], run.stack["mongodb"]
    assert kafka.startswith("127.0.0.1:")
    assert mongodb.startswith("mongodb://127.0.0.1:")

    process.send_signal(signal.SIGINT)

    assert await run.ended(within=60) == 0
    stops = [line for line in run.said.splitlines() if "stopping" in line]
    assert [line.rsplit(maxsplit=1)[1] for line in stops][-2:] == ["kafka", "mongodb"]
    assert run.left_running() == []
