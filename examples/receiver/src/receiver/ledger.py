"""What arrived, one line of JSON each, written before it is answered."""

import fcntl
import hashlib
import json
import os
from array import array
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_CHUNK = 64 * 1024


class LedgerInUse(Exception):
    """Another receiver writes to this ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request that came whole, and what it is answered."""

    webhook_id: str | None
    timestamp: str | None  # as its header says it
    received_at: datetime
    path: str  # with its query
    reason: str | None  # why it could not be verified; None: it was
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    answered: int | None  # the status; None where none is sent whole


@dataclass(slots=True)
class Times:
    """How often something arrived."""

    received: int = 0
    verified: int = 0
    accepted: int = 0  # answered with a 2xx

    def count(self, *, verified: bool, answered: int | None) -> None:
        self.received += 1
        self.verified += verified
        self.accepted += answered is not None and 200 <= answered < 300


@dataclass(slots=True)
class Summary:
    """How often each webhook arrived; those without an id are in the total alone."""

    total: Times = field(default_factory=Times)
    webhooks: dict[str, Times] = field(default_factory=dict[str, Times])

    def count(self, id: str | None, *, verified: bool, answered: int | None) -> None:
        self.total.count(verified=verified, answered=answered)
        if id is not None:
            times = self.webhooks.setdefault(id, Times())
            times.count(verified=verified, answered=answered)


class Ledger:
    """An NDJSON file that only grows, readable by its owner alone.

    A line is in the kernel's hands when ``append`` returns: a killed process loses
    nothing that it answered, a machine without power may. What a kill cut short was
    not answered, and goes when the file is opened again. Not safe from many threads.
    """

    def __init__(self, path: Path) -> None:
        """Take up the file, or begin one; raises ``LedgerInUse``."""
        self.summary = Summary()
        self._ends = array("Q", [0])  # where each line ends, from the zeroth
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        self._file = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise LedgerInUse(f"another receiver writes to {path}") from None
        self._take_up()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def close(self) -> None:
        os.close(self._file)

    def received(self, webhook_id: str | None) -> int:
        """How often this webhook arrived so far."""
        times = self.summary.webhooks.get(webhook_id or "")
        return times.received if times else 0

    def append(self, arrival: Arrival) -> None:
        """Write it down; raises ``OSError`` if it cannot be, and then it is not."""
        entry = {"seq": len(self) + 1, **_entry(arrival)}
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            self._write(line + b"\n")
        except OSError:
            os.ftruncate(self._file, self._ends[-1])
            raise
        self._count(entry, len(line) + 1)

    def read(self, since: int = 0) -> Iterator[bytes]:
        """The lines after number ``since``, as they are at the call, in pieces."""
        at, end = self._ends[min(max(since, 0), len(self))], self._ends[-1]
        return self._pieces(at, end)

    def _pieces(self, at: int, end: int) -> Iterator[bytes]:
        while at < end:
            piece = os.pread(self._file, min(_CHUNK, end - at), at)
            at += len(piece)
            yield piece

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _count(self, entry: dict[str, Any], size: int) -> None:
        self._ends.append(self._ends[-1] + size)
        self.summary.count(
            entry["webhook_id"], verified=entry["verified"], answered=entry["answered"]
        )

    def _take_up(self) -> None:
        with os.fdopen(os.dup(self._file), "rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    self._count(json.loads(line), len(line))
        os.ftruncate(self._file, self._ends[-1])


def _entry(arrival: Arrival) -> dict[str, Any]:
    try:
        body, encoding = arrival.body.decode(), "utf-8"
    except UnicodeDecodeError:
        body, encoding = b64encode(arrival.body).decode(), "base64"
    at = arrival.received_at.astimezone(UTC).isoformat(timespec="microseconds")
    return {
        "webhook_id": arrival.webhook_id,
        "timestamp": arrival.timestamp,
        "received_at": at.replace("+00:00", "Z"),
        "path": arrival.path,
        "verified": arrival.reason is None,
        "reason": arrival.reason,
        "answered": arrival.answered,
        "sha256": hashlib.sha256(arrival.body).hexdigest(),
        "headers": arrival.headers,
        "body": body,
        "body_encoding": encoding,
    }
