"""One endpoint's circuit: closed while it answers, open while it is in trouble."""

from collections.abc import Sequence
from random import Random
from typing import Final, Literal

from daybook.runtime.clock import Stopwatch

from webhook_dispatcher.answers import ErrorKind
from webhook_dispatcher.sender import Attempt

# So many failures in a row open it: fewer are a restart of the receiver.
FAILURES: Final = 5
FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 300.0
# A refusal, a redirect and a blocked address come from something that answers at once.
_TROUBLE: Sequence[ErrorKind] = (
    ErrorKind.TIMEOUT,
    ErrorKind.CONNECT,
    ErrorKind.DNS,
    ErrorKind.TLS,
    ErrorKind.PROTOCOL,
)
_SERVER_ERROR: Final = 500


def is_trouble(attempt: Attempt) -> bool:
    """Whether the endpoint could not take this, rather than would not."""
    if attempt.error is None:
        return False
    status = attempt.status_code
    return attempt.error.kind in _TROUBLE or (
        status is not None and status >= _SERVER_ERROR
    )


class Circuit:
    """Opens after some failures in a row, for longer each time, and lets one probe by.

    Waiting for it is no attempt. Its memory is its process's: a new owner of the
    endpoint begins closed.
    """

    def __init__(self, stopwatch: Stopwatch, random: Random) -> None:
        self._stopwatch = stopwatch
        self._random = random
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._opened_until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether attempts wait."""
        return self._opened_until is not None

    @property
    def state(self) -> Literal["closed", "open", "probing"]:
        """Probing: one attempt is under way to see whether it closes."""
        if self._opened_until is None:
            return "closed"
        return "probing" if self._probing else "open"

    def room(self) -> int | None:
        """How many attempts may begin now; None is any number."""
        if self._opened_until is None:
            return None
        if self._probing or self._stopwatch() < self._opened_until:
            return 0
        return 1

    def wait_s(self) -> float:
        """Seconds until a probe may begin; 0 where one may, or may not be needed."""
        if self._opened_until is None:
            return 0.0
        return max(0.0, self._opened_until - self._stopwatch())

    def began(self) -> None:
        """Note that an attempt was let by."""
        self._probing = self.is_open

    def ended(self, *, trouble: bool) -> None:
        """Note how an attempt ended."""
        self._probing = False
        if not trouble:
            self._failures, self._opened_until = 0, None
            self._pause_s = FIRST_PAUSE_S
            return
        self._failures += 1
        if self._failures < FAILURES:
            return
        pause = self._pause_s * self._random.uniform(0.8, 1.2)
        self._opened_until = self._stopwatch() + pause
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
