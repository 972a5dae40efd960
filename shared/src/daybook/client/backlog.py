"""What waits for the broker: bounded in events and in bytes, in order by partition."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Lock

from daybook.events.writing import Headers

# A lane whose partition is not known yet.
UNROUTED = -1
Lane = tuple[str, int]  # topic, partition

# Moved under the lock at a time: bounds how long a publishing thread waits for it.
ROUTE_AT_ONCE = 200


@dataclass(slots=True)
class Waiting:
    """One encoded event on its way; ``order`` grows with every event published."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    size: int
    order: int = 0
    partition: int = UNROUTED


class Backlog:
    """Events not yet acknowledged. Thread-safe; no call waits for anything.

    What was taken for sending still counts towards the bounds, so that they are the
    memory the client takes, but cannot be dropped any more: the broker may have it.
    Events of one key keep their order: a key stays in its lane, a lane is first in,
    first out, and what is put back goes to its front.
    """

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._lanes: dict[Lane, deque[Waiting]] = {}
        self._order = 0
        self._events = 0
        self._bytes = 0
        self._closed = False
        self._alarm: Callable[[], None] | None = None
        self._room_callbacks: set[Callable[[], None]] = set()

    def __len__(self) -> int:
        return self._events

    @property
    def arrivals(self) -> int:
        """How many events were added so far."""
        return self._order

    def add(self, event: Waiting, *, drop_oldest: bool) -> tuple[bool, int]:
        """Append; (whether it was taken, how many older events were dropped for it).

        An event larger than the whole backlog makes nobody go.
        """
        dropped = 0
        with self._lock:
            if self._closed or event.size > self._max_bytes:
                return False, 0
            while not self._fits(event.size):
                if not drop_oldest or not self._drop_oldest():
                    return False, dropped
                dropped += 1
            self._order += 1
            event.order = self._order
            self._lane((event.topic, UNROUTED)).append(event)
            self._events += 1
            self._bytes += event.size
            alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm()
        return True, dropped

    def route(self, topic: str, partition_of: Callable[[bytes], int]) -> None:
        """Move the topic's arrivals to the lanes of their partitions, a part at a time.

        ``partition_of`` runs without the lock: publishing threads do not wait for it.
        """
        while True:
            with self._lock:
                arrivals = self._lanes.get((topic, UNROUTED)) or ()
                part = list(islice(arrivals, ROUTE_AT_ONCE))
            if not part:
                return
            for event in part:
                event.partition = partition_of(event.key)
            last = part[-1].order
            with self._lock:
                # Some of the part may have made way meanwhile.
                arrivals = self._lane((topic, UNROUTED))
                while arrivals and arrivals[0].order <= last:
                    event = arrivals.popleft()
                    self._lane((topic, event.partition)).append(event)

    def unroute(self) -> None:
        """Forget the partitions: the next broker may have others."""
        with self._lock:
            by_topic: dict[str, list[deque[Waiting]]] = {}
            for (topic, _), lane in self._lanes.items():
                by_topic.setdefault(topic, []).append(lane)
            self._lanes = {
                (topic, UNROUTED): deque(heapq.merge(*lanes, key=_order))
                for topic, lanes in by_topic.items()
            }

    def lanes(self) -> list[Lane]:
        """The lanes in which something waits."""
        with self._lock:
            return [name for name, lane in self._lanes.items() if lane]

    def take(self, lane: Lane, *, max_events: int, max_bytes: int) -> list[Waiting]:
        """The lane's oldest events, at least one, within the limits if more."""
        taken: list[Waiting] = []
        size = 0
        with self._lock:
            waiting = self._lane(lane)
            while waiting and len(taken) < max_events:
                size += waiting[0].size
                if taken and size > max_bytes:
                    break
                taken.append(waiting.popleft())
        return taken

    def put_back(self, lane: Lane, events: Sequence[Waiting]) -> None:
        """Return what was taken to the lane's front; it can be dropped again."""
        with self._lock:
            self._lane(lane).extendleft(reversed(events))

    def forget(self, events: Iterable[Waiting]) -> None:
        """These were acknowledged, or given up: their room is free again."""
        with self._lock:
            for event in events:
                self._events -= 1
                self._bytes -= event.size
            callbacks, self._room_callbacks = self._room_callbacks, set()
        for callback in callbacks:
            callback()

    def close(self) -> int:
        """Give up everything and take nothing more; how many events that lost."""
        with self._lock:
            self._closed = True
            lost, self._events, self._bytes = self._events, 0, 0
            self._lanes = {}
            callbacks, self._room_callbacks = self._room_callbacks, set()
        for callback in callbacks:
            callback()
        return lost

    def call_on_arrival(self, alarm: Callable[[], None], seen: int) -> bool:
        """Call ``alarm`` once, at the next arrival after the first ``seen``; False if
        that has been already."""
        with self._lock:
            if self._order != seen:
                return False
            self._alarm = alarm
            return True

    def silence(self) -> None:
        """Call nobody at the next arrival."""
        with self._lock:
            self._alarm = None

    def call_on_room(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once, the next time that room is made."""
        with self._lock:
            self._room_callbacks.add(callback)

    def forget_callback(self, callback: Callable[[], None]) -> None:
        """Do not call it."""
        with self._lock:
            self._room_callbacks.discard(callback)

    def _fits(self, size: int) -> bool:
        return self._events < self._max_events and self._bytes + size <= self._max_bytes

    def _drop_oldest(self) -> bool:
        lanes = [lane for lane in self._lanes.values() if lane]
        if not lanes:
            return False
        oldest = min(lanes, key=_head_order).popleft()
        self._events -= 1
        self._bytes -= oldest.size
        return True

    def _lane(self, name: Lane) -> deque[Waiting]:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = deque()
        return lane


def _order(event: Waiting) -> int:
    return event.order


def _head_order(lane: deque[Waiting]) -> int:
    return lane[0].order
