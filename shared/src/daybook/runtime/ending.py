"""Tasks that are to end, at a stop."""

import asyncio
from collections.abc import Collection
from typing import Any

# How long a task may take to end before it is told once more: what it does in its end
# is cut off by that.
AGAIN_AFTER_S = 5.0


async def end(
    tasks: Collection["asyncio.Task[Any]"], again_after_s: float = AGAIN_AFTER_S
) -> None:
    """Cancel these, and return once they have ended, however they do.

    Each is told again until it has: a cancellation that comes together with what a task
    waits for can be lost (``asyncio.wait_for`` of Python 3.11, which the database's
    driver uses), and a task that goes on then would hold up the stop for ever.
    """
    ended = set(tasks)  # the caller's may shrink as they end
    left = ended
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_after_s)
    # A failure that nobody looks at would be told by the loop as an error of its own,
    # whenever the garbage collector comes by.
    await asyncio.gather(*ended, return_exceptions=True)
