"""Waiting for something that takes a while to come up."""

import time
from collections.abc import Callable

from daybook_local.errors import StackError


def wait_until(
    ready: Callable[[], str | None],
    *,
    what: str,
    within: float,
    alive: Callable[[], bool],
    every: float = 0.1,
) -> None:
    """Ask until `ready` answers None; its words say what is missing.

    Raises `StackError` when `alive` says that it will never be, or the time is over.
    """
    deadline = time.monotonic() + within
    while (missing := ready()) is not None:
        if not alive():
            raise StackError(f"{what} ended before it was ready")
        if time.monotonic() > deadline:
            raise StackError(f"{what} was not ready within {within:.0f} s: {missing}")
        time.sleep(every)
