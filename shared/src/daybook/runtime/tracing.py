"""Spans of what a service does, for OpenTelemetry: none, unless a collector is named.

A span is begun under a traceparent and has one of its own, to hand on to what it
causes. Both are handed on by name: what runs beside it finds nothing of it.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from daybook.runtime.settings import ServiceSettings

Kind = Literal["server", "consumer", "client", "internal"]
Facts = Mapping[str, str | int]


class Span(Protocol):
    """Something that is being done."""

    @property
    def traceparent(self) -> str | None:
        """What it causes belongs to this."""
        ...

    def tell(self, facts: Facts, *, name: str | None = None) -> None:
        """Facts that were not known at its beginning, and a better name."""
        ...

    def fail(self, kind: str) -> None:
        """It did not do what it was for; ``kind`` is one of few."""
        ...


class Tracer(Protocol):
    """Makes spans; any number at once, from one event loop. Never waits, never raises.

    ``parent`` and ``links`` are traceparents; what is none counts as absent, and a span
    without a parent begins a trace. A block that raises has failed; one that is
    cancelled has not.
    """

    @property
    def on(self) -> bool:
        """Whether anybody sees a span: else nothing need be told of one."""
        ...

    def span(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str | None = None,
        links: Iterable[str | None] = (),
        facts: Facts | None = None,
    ) -> AbstractContextManager[Span]: ...

    async def close(self) -> None:
        """Send what waits, within seconds; what does not go is lost."""
        ...


@dataclass(frozen=True, slots=True)
class _Unseen:
    """Hands its parent's traceparent on."""

    traceparent: str | None

    def tell(self, facts: Facts, *, name: str | None = None) -> None: ...
    def fail(self, kind: str) -> None: ...
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class NoTracer:
    """Makes no spans; traces pass through as they came."""

    on = False

    def span(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str | None = None,
        links: Iterable[str | None] = (),
        facts: Facts | None = None,
    ) -> AbstractContextManager[Span]:
        return _Unseen(parent)

    async def close(self) -> None: ...


NO_TRACER = NoTracer()


def tracer_of(settings: ServiceSettings, service: str) -> Tracer:
    """The service's tracer; close it last."""
    if settings.otlp_endpoint is None:
        return NO_TRACER
    # The SDK takes a third of a second to import: for those who use it.
    from daybook.runtime.otlp import OtlpTracer, provider_to

    provider = provider_to(settings.otlp_endpoint, settings.trace_ratio, service)
    return OtlpTracer(provider)
