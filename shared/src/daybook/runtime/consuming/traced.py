"""A span for each write of a bulk, linked to the traces of what it holds."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from daybook.runtime.tracing import Tracer

T = TypeVar("T")
Write = Callable[[list[T]], Awaitable[None]]


def traced(
    write: Write[T],
    tracer: Tracer,
    group_id: str,
    traceparent_of: Callable[[T], str | None],
) -> Write[T]:
    """``write`` with one span a bulk; the very same where nobody sees spans."""
    if not tracer.on:
        return write

    async def write_traced(items: list[T]) -> None:
        # A link and not a child an event: of thousands a second that would be too many.
        with tracer.span(
            f"process {group_id}",
            "consumer",
            links=map(traceparent_of, items),
            facts={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.operation.name": "process",
                "messaging.consumer.group.name": group_id,
                "messaging.batch.message_count": len(items),
            },
        ):
            await write(items)

    return write_traced
