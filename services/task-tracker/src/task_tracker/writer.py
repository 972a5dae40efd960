"""One bulk of judged records, folded by task and written."""

from collections.abc import Sequence
from typing import Protocol

from daybook.runtime.clock import Clock
from daybook.runtime.metrics import TrackerMetrics

from task_tracker.fold import TaskFold
from task_tracker.judge import Judged


class Store(Protocol):
    """Merges folds; returns how many it had to refuse once all are durable."""

    async def merge(self, folds: Sequence[TaskFold]) -> int: ...


class Writer:
    """Writes bulks. Safe to repeat."""

    def __init__(self, store: Store, metrics: TrackerMetrics, clock: Clock) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock

    async def write(self, items: list[Judged]) -> None:
        """Return once every event is in its task's document, durably."""
        folds = fold_all(items)
        refused = await self._store.merge(folds)
        folded = [
            (item.record.timestamp, item.event.time)
            for item in items
            if item.event is not None
        ]
        events = self._metrics.events
        events.labels("folded").inc(len(folded))
        events.labels("passed_over").inc(len(items) - len(folded))
        events.labels("refused").inc(refused)
        self._metrics.stored(self._clock(), folded)


def fold_all(items: Sequence[Judged]) -> list[TaskFold]:
    """One fold a task that the items tell about."""
    folds: dict[tuple[str, str], TaskFold] = {}
    for item in items:
        event = item.event
        if event is None:
            continue
        task_id: str = event.data["task_id"]
        fold = folds.get((event.project_id, task_id))
        if fold is None:
            fold = folds[event.project_id, task_id] = TaskFold(
                event.project_id, task_id
            )
        fold.add(event, item.record)
    return list(folds.values())
