"""The trace that code runs in, as far as it is known without asking for anything.

A host that makes traces of its own by OpenTelemetry is asked for its current span; what
is not imported by the host is not imported for this. Else it is what was carried here:
by a request's header, a task, a message.
"""

import sys
from contextvars import ContextVar
from typing import Any, Self

_carried: ContextVar[str | None] = ContextVar("daybook_traceparent", default=None)


def current_traceparent() -> str | None:
    """What is published now belongs to; None where no trace is known."""
    return span_traceparent() or _carried.get()


def span_traceparent() -> str | None:
    """The current span of the host's OpenTelemetry, where it has one."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    # Another thread may be in the middle of importing it.
    current_span = getattr(trace, "get_current_span", None)
    if current_span is None:
        return None
    context: Any = current_span().get_span_context()
    if not context.is_valid:
        return None
    flags = context.trace_flags & 1
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"


class InTrace:
    """From its making on this context is in that trace, until it is put back.

    Put back elsewhere, or after others, it changes nothing there. None: in no trace
    that is known.
    """

    def __init__(self, traceparent: str | None) -> None:
        self._mine = traceparent
        self._before = _carried.get()
        _carried.set(traceparent)

    def put_back(self) -> None:
        if _carried.get() == self._mine:
            _carried.set(self._before)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.put_back()
