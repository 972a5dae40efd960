"""Signs of life of the tasks that run in this process."""

from threading import Lock
from typing import Protocol
from weakref import WeakSet


class Beating(Protocol):
    """Something that has to be heard of from time to time."""

    def due_in(self) -> float | None:
        """Seconds until it has something to say; None while it has nothing."""
        ...

    def beat(self) -> None:
        """Say what is due; never waits."""
        ...


class Beats:
    """Asked by the thread that delivers, so that no task needs a thread of its own.

    Thread-safe. Nobody is kept alive by it: what its host has forgotten falls silent.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._beating: WeakSet[Beating] = WeakSet()

    def add(self, one: Beating) -> None:
        with self._lock:
            self._beating.add(one)

    def remove(self, one: Beating) -> None:
        with self._lock:
            self._beating.discard(one)

    def due_in(self) -> float | None:
        """Seconds until the first of them has something to say."""
        moments = [one.due_in() for one in self._all()]
        return min((moment for moment in moments if moment is not None), default=None)

    def beat(self) -> None:
        """Let everybody say what is due."""
        for one in self._all():
            one.beat()

    def _all(self) -> list[Beating]:
        # Most clients run no tasks, and are asked fifty times a second.
        if not self._beating:
            return []
        with self._lock:
            return list(self._beating)
