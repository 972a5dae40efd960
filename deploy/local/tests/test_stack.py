"""A real supervisor, real servers, stand-ins for the services."""

import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import psutil
import pytest
from daybook.testing import eventually
from daybook.testing.stack_run import StackRun

HERE = Path(__file__).parent


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


class Run(StackRun):
    """The real supervisor over stand-ins, against the servers of the test run."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.journal, self.keys = folder / "journal", folder / "keys"
        self.journal.touch()
        self.keys.touch()
        stand_ins = {
            "STAND_IN_JOURNAL": str(self.journal),
            "STAND_IN_KEYS": str(self.keys),
        }
        argv = [sys.executable, str(HERE / "stand_in_stack.py")]
        super().__init__(argv, folder, {**environment, **stand_ins})

    def happened(self) -> list[str]:
        return self.journal.read_text("utf-8").splitlines()

    def order(self, what: str) -> list[str]:
        entries = [line.split() for line in self.happened()]
        return [entry[0] for entry in entries if entry[1] == what]

    async def up(self, within: float = 60.0) -> None:
        await super().up(within)
        # Who has no port is up for the stack once it runs; here, once it obeys.
        await eventually(lambda: len(set(self.order("started"))) == 4)


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
        run = Run(tmp_path, {**given, **environment})
        runs.append(run)
        return run

    yield make
    for run in runs:
        run.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_stops_in_order_and_leaves_nothing_running(
    make_run: Callable[..., Run], number: signal.Signals
) -> None:
    run = make_run()
    run.start()
    await run.up()
    assert len(run.left_running()) > 4

    run.signal(number)

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


@pytest.mark.parametrize("given", [None, "s3://bucket/daybook"])
async def test_files_are_kept_beside_the_data_unless_told_otherwise(
    make_run: Callable[..., Run], given: str | None
) -> None:
    run = make_run(DAYBOOK_STORAGE_URL=given or "")
    run.start()
    await run.up()

    entry = run.stack["services"]["query"]
    environment = get(f"{entry['health']}/readyz").json()

    expected = given or str((run.state / "objects").absolute())
    assert environment["DAYBOOK_STORAGE_URL"] == expected


async def test_webhooks_reach_this_machine_and_nothing_else_that_is_private(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    run.start()
    await run.up()

    entry = run.stack["services"]["query"]
    environment = get(f"{entry['health']}/readyz").json()

    kept = run.state / "sealing_keys"
    assert environment["DAYBOOK_SEALING_KEYS"] == kept.read_text("utf-8")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert environment["DAYBOOK_WEBHOOK_ALLOWED_NETWORKS"] == "127.0.0.0/8,::1/128"
    assert environment["DAYBOOK_WEBHOOK_PLAIN_HTTP"] == "true"


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
    first.start()
    await first.up()

    second.start()

    assert await second.ended() == 1
    assert f"already running here: process {first.pid}" in second.said
    assert first.is_running()
    assert first.stack_file.exists()


async def test_nothing_outlives_a_supervisor_that_was_killed(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    run.start()
    await run.up()
    services = [entry["pid"] for entry in run.stack["services"].values()]

    run.signal(signal.SIGKILL)

    await run.ended()
    await eventually(lambda: not any(psutil.pid_exists(pid) for pid in services))


async def test_a_stack_that_was_killed_starts_again_with_the_same_key(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    run.start()
    await run.up()
    key = run.stack["api_key"]
    secret = (run.state / "session_secret").read_text("utf-8")
    run.signal(signal.SIGKILL)
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
    run.start()
    await run.up()

    run.signal(signal.SIGINT)
    await eventually(lambda: "traffic stopped" in run.happened())
    run.signal(signal.SIGINT)

    # Four processes with 3 s of grace each, of which two stop together, take 9 s.
    assert await run.ended(within=5) == 0
    assert run.left_running() == []


async def test_a_process_that_ignores_the_stop_is_killed_at_its_deadline(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(STAND_IN_STUBBORN="shop")
    run.start()
    await run.up()

    run.signal(signal.SIGTERM)

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
    run.start()
    await eventually(lambda: "asking whether both answer" in run.said, within=30)

    run.signal(signal.SIGTERM)

    assert await run.ended() == 0
    assert run.left_running() == []


async def test_its_own_servers_are_found_by_clients_and_stop_last(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(KAFKA_BOOTSTRAP_SERVERS="", MONGODB_URI="")
    run.start()
    await run.up()
    kafka, mongodb = run.stack["kafka"], run.stack["mongodb"]
    assert kafka.startswith("127.0.0.1:")
    assert mongodb.startswith("mongodb://127.0.0.1:")

    run.signal(signal.SIGINT)

    assert await run.ended(within=60) == 0
    stops = [line for line in run.said.splitlines() if "stopping" in line]
    assert [line.rsplit(maxsplit=1)[1] for line in stops][-2:] == ["kafka", "mongodb"]
    assert run.left_running() == []
