"""Waiting in tests: for a condition, never for a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")


async def eventually(
    condition: Callable[[], T | Awaitable[T]],
    within: float = 10.0,
    *,
    every: float = 0.05,
) -> T:
    """Ask until the answer is true, and return it.

    ``condition`` may be plain or async; an ``AssertionError`` in it is a "not yet".
    After ``within`` seconds ``AssertionError`` says what the last answer was.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await cast("Awaitable[T]", answer)
            value = cast("T", answer)
            said = f"it answered {value!r}"
        except AssertionError as error:
            value, said = None, f"it raised {error!r}"
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not so within {within:g} s: {said}")
        await asyncio.sleep(every)
