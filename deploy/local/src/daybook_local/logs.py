"""Where a process's output goes: a file each, and the console, by its name."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TextIO

# One file and the one before it: a stack left running for weeks stays under this twice.
MAX_LOG_BYTES = 20 * 1024 * 1024
# A process that writes megabytes without a newline costs this much memory, no more.
MAX_LINE_BYTES = 64 * 1024

# What of a line is shown on the console: None hides it. The file has every line.
Shown = Callable[[str], str | None]

_COLOURS = ("36", "32", "33", "35", "34", "96", "92", "93")


class Console:
    """Lines with a name in front, coloured on a terminal; a closed one hurts nobody."""

    def __init__(self, stream: TextIO | None = None, *, colour: bool = False) -> None:
        self._stream = stream or sys.stdout
        self._colour = colour
        self._names: list[str] = []

    def line(self, name: str, text: str) -> None:
        if name not in self._names:
            self._names.append(name)
        label = f"{name:>8} |"
        if self._colour:
            paint = _COLOURS[self._names.index(name) % len(_COLOURS)]
            label = f"\x1b[{paint}m{label}\x1b[0m"
        self.write(f"{label} {text}\n")

    def write(self, text: str) -> None:
        """One write a call, so that threads do not mix their lines."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # The terminal was closed or the pipe's reader left: the files go on.
            return


class LogFile:
    """An append-only file that moves itself to `NAME.1` when it grows too large."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_LOG_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def write(self, line: bytes) -> None:
        if self._file.tell() + len(line) > self._max_bytes:
            self._file.close()
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._file = self.path.open("ab")
        self._file.write(line)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for the sentence that says why something died."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16 * 1024))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def pump(source: IO[bytes], file: LogFile, show: Callable[[str], None]) -> None:
    """Copy lines until the writer's end closes; a full disk stops no process."""
    while line := source.readline(MAX_LINE_BYTES):
        try:
            file.write(line)
        except OSError as error:
            show(f"cannot write {file.path}: {error.strerror}")
        show(line.decode("utf-8", "replace").rstrip("\r\n"))
    source.close()
    file.close()
