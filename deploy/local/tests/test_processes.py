import io
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from daybook.testing import eventually
from daybook_local.errors import StackError
from daybook_local.lock import only_one
from daybook_local.logs import Console, LogFile, tail
from daybook_local.mongo import show_mongo_line
from daybook_local.ports import Ports
from daybook_local.private_files import kept, write_private
from daybook_local.processes import Command, Process
from daybook_local.supervision import Backoff, Supervised, how


def python(code: str, name: str = "child", grace_s: float = 5.0) -> Command:
    return Command(name, (sys.executable, "-c", code), grace_s=grace_s)


SLEEP = "import time; print('up', flush=True); time.sleep(600)"


async def test_a_child_of_a_short_lived_thread_outlives_that_thread(
    tmp_path: Path,
) -> None:
    started: list[Process] = []
    thread = threading.Thread(
        target=lambda: started.append(Process(python(SLEEP), log=tmp_path / "log"))
    )
    thread.start()
    thread.join()
    process = started[0]

    await eventually(lambda: "up" in tail(process.log))

    assert process.returncode is None
    process.kill()


async def test_a_killed_child_takes_its_own_children_along(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = subprocess.Popen(sleep)\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    process = Process(python(code), log=tmp_path / "log")
    await eventually(lambda: tail(process.log))
    grandchild = int(tail(process.log))

    process.stop()

    def gone() -> bool:
        if not psutil.pid_exists(grandchild):
            return True
        return psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE

    await eventually(gone)


def test_a_command_that_does_not_exist_says_so(tmp_path: Path) -> None:
    process = Process(Command("gone", ("/no/such/command",)), log=tmp_path / "log")

    assert process.wait(10) == 1
    process.kill()
    assert "cannot run /no/such/command" in tail(process.log)


async def test_a_supervised_process_is_not_started_again_after_a_stop(
    tmp_path: Path,
) -> None:
    restarts: list[int] = []
    child = Supervised(
        python(SLEEP),
        log=tmp_path / "log",
        console=Console(io.StringIO()),
        restarted=lambda _name, pid: restarts.append(pid),
        backoff=Backoff(first_s=0.01),
    )
    child.start()
    await eventually(lambda: "up" in tail(child.log))
    os.kill(child.pid, signal.SIGKILL)
    await eventually(lambda: restarts)

    child.stop(threading.Event())

    assert child.pid == restarts[-1]
    assert not psutil.pid_exists(child.pid)


async def test_a_frozen_process_is_stopped_too(tmp_path: Path) -> None:
    child = Supervised(
        python(SLEEP), log=tmp_path / "log", console=Console(io.StringIO())
    )
    child.start()
    await eventually(lambda: "up" in tail(child.log))
    os.kill(child.pid, signal.SIGSTOP)

    child.stop(threading.Event())

    assert not psutil.pid_exists(child.pid)


def test_the_pause_before_a_restart_doubles_until_one_lives_long() -> None:
    backoff = Backoff(first_s=1, longest_s=5, healthy_s=60)

    delays = [backoff.next(None, 0)]
    for _ in range(4):
        delays.append(backoff.next(delays[-1], 1))

    assert delays == [1, 2, 4, 5, 5]
    assert backoff.next(5, ran_s=61) == 1


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "SIGKILL")]
)
def test_an_end_is_told_in_words(code: int, words: str) -> None:
    assert how(code) == words


def test_the_usual_port_is_taken_when_it_is_free_and_another_when_it_is_not() -> None:
    ports = Ports()
    usual = ports.take()
    with socket.socket() as holder:
        assert Ports().take(usual) == usual
        holder.bind(("127.0.0.1", usual))
        holder.listen()

        other = Ports().take(usual)

    assert other != usual


def test_a_port_that_another_stack_is_about_to_use_is_left_to_it() -> None:
    take = "from daybook_local.ports import Ports; print(Ports().take(), flush=True)"
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", f"{take}; import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        usual = int(other.stdout.readline())
        meanwhile = Ports().take(usual)
        other.communicate()

    assert meanwhile != usual
    assert Ports().take(usual) == usual


def test_no_port_is_handed_out_twice() -> None:
    ports = Ports()
    usual = Ports().take()

    assert ports.take(usual) == usual
    assert ports.take(usual) != usual


def test_a_log_that_grows_too_large_is_moved_aside(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", max_bytes=10)

    for line in (b"one\n", b"two\n", b"three\n"):
        log.write(line)
    log.close()

    assert (tmp_path / "log").read_bytes() == b"three\n"
    assert (tmp_path / "log.1").read_bytes() == b"one\ntwo\n"


def test_a_closed_terminal_hurts_nobody() -> None:
    stream = io.StringIO()
    stream.close()

    Console(stream).line("daybook", "nobody reads this")


def test_the_console_shows_mongods_errors_as_words() -> None:
    assert show_mongo_line('{"s":"I","msg":"Waiting for connections"}') is None
    assert show_mongo_line('{"s":"E","msg":"Disk full"}') == "Disk full"
    assert show_mongo_line("not json") is None


def test_a_private_file_is_its_owners_alone_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "first")
    path.chmod(0o644)

    write_private(path, "second")

    assert path.stat().st_mode & 0o777 == 0o600
    assert kept(path, lambda: "third") == "second"
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_the_folder_is_free_again_after_its_holder_was_killed(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from daybook_local.lock import only_one\n"
        "with only_one(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StackError, match=f"process {holder.pid}"):
            only_one(tmp_path).__enter__()
        holder.kill()

    with only_one(tmp_path):
        assert (tmp_path / "run.lock").read_text("utf-8") == f"{os.getpid()}\n"
