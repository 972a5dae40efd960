"""``wsgi.input`` with an ear on it."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from daybook.integrations.recorder import Recording


class Reader(Protocol):
    def read(self, size: int | None = ..., /) -> bytes: ...
    def readline(self, size: int = ..., /) -> bytes: ...
    def readlines(self, hint: int = ..., /) -> list[bytes]: ...
    def __iter__(self) -> Iterator[bytes]: ...


class RecordedInput:
    """``wsgi.input``, noting what the application reads. All else is the original's."""

    def __init__(self, stream: Reader, recording: Recording) -> None:
        self._stream = stream
        self._recording = recording

    def read(self, *size: int | None) -> bytes:
        data = self._stream.read(*size)
        self._note(data, at_end=_reached_end(data, size))
        return data

    def readline(self, *size: int) -> bytes:
        line = self._stream.readline(*size)
        self._note(line, at_end=not line and size != (0,))
        return line

    def readlines(self, *hint: int) -> list[bytes]:
        lines = self._stream.readlines(*hint)
        self._note(b"".join(lines), at_end=not lines or not hint)
        return lines

    def __iter__(self) -> Iterator[bytes]:
        for line in self._stream:
            self._note(line)
            yield line
        self._note(b"", at_end=True)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._stream, name)
        return self._noting(attribute) if name == "readinto" else attribute

    def _noting(self, readinto: Callable[[Any], int | None]) -> Any:
        def noting_readinto(buffer: Any) -> int | None:
            size = readinto(buffer)
            if size is not None:
                self._note(bytes(memoryview(buffer)[:size]), at_end=size == 0)
            return size

        return noting_readinto

    def _note(self, data: bytes, *, at_end: bool = False) -> None:
        with self._recording.quietly.attempt("recording a request's body"):
            body, declared = self._recording.request, self._recording.declared_size
            body.add(data)
            # An end before the declared one is a client that hung up.
            body.complete = (
                (at_end or body.complete) if declared is None else body.seen >= declared
            )


def _reached_end(data: bytes, size: tuple[int | None, ...]) -> bool:
    asked = size[0] if size else None
    return asked is None or asked < 0 or (asked > 0 and not data)
