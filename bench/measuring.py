"""What the benchmarks share: servers of a run's own, and what a process has used."""

import os
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
from daybook_local import servers

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
RESULTS = Path(".daybook/bench")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def peak_resident_mb(pid: int) -> float:
    """The most memory that a process had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(pid)


@contextmanager
def embedded() -> Generator[tuple[str, str, int]]:
    """A broker and a database of the run's own: their addresses, the database's pid."""
    with tempfile.TemporaryDirectory() as folder:
        kafka = servers.kafka_server(Path(folder) / "kafka")
        mongodb = servers.mongodb_server(Path(folder) / "mongodb")
        try:
            kafka.start_now()
            mongodb.start_now()
            pid = mongodb.pid
            assert pid is not None, "it was started"
            yield kafka.address, mongodb.address, pid
        finally:
            mongodb.stop_now()
            kafka.stop_now()


def wait_for(address: str) -> None:
    """Return once it answers well."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(address)


def row(*cells: object) -> None:
    """One row of a table."""
    print("".join(f"{cell!s:>18}" for cell in cells), flush=True)
