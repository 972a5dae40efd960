"""The thread that delivers: connects, sends, connects again."""

import asyncio
import logging
import random
import threading

from daybook.client.backlog import Backlog, Lane
from daybook.client.beats import Beats
from daybook.client.counts import REPORT_EVERY, Counts
from daybook.client.session import (
    LaneState,
    ProducerSpentError,
    Session,
    StalledError,
)
from daybook.client.settings import Settings
from daybook.client.wire import (
    FAILURES,
    Producer,
    last_words,
    silence_this_thread,
    unsilence_this_thread,
)

log = logging.getLogger("daybook.client")

# Between attempts to connect: from the first of these, doubling up to the second, and
# half of it at random so that a fleet does not come back as one.
BACKOFF_S = (0.1, 5.0)


class Delivery:
    """A daemon thread with an event loop of its own for every connection.

    A loop that ends takes everything with it that a broken producer left running.
    """

    def __init__(
        self, settings: Settings, backlog: Backlog, counts: Counts, beats: Beats
    ) -> None:
        self._settings = settings
        self._backlog = backlog
        self._counts = counts
        self._beats = beats
        self._lane_states: dict[Lane, LaneState] = {}
        self._closing = threading.Event()
        self._aborting = threading.Event()
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: Session | None = None
        self._main: asyncio.Task[None] | None = None
        self._away_said_at: float | None = None
        self._is_away = False  # as far as the log knows
        self._thread = threading.Thread(
            target=self._run, name="daybook-client", daemon=True
        )

    def start(self) -> None:
        """Begin connecting; returns at once."""
        self._thread.start()

    def close(self, timeout: float) -> None:
        """Send what is queued, for ``timeout`` seconds at most, and end the thread."""
        self._closing.set()
        self._tell_loop(abort=False)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._aborting.set()
            self._tell_loop(abort=True)
            # Closing connections is quick; a name lookup that hangs is left behind.
            self._thread.join(2.0)

    def _tell_loop(self, *, abort: bool) -> None:
        with self._guard:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._told, abort)

    def _told(self, abort: bool) -> None:
        if abort and self._main is not None:
            self._main.cancel()
        elif self._session is not None:
            self._session.wake()

    def _run(self) -> None:
        silence_this_thread()
        backoff = BACKOFF_S[0]
        try:
            while not self._is_done():
                session = self._connect_and_send()
                if self._is_done():
                    break
                if session is not None and session.progressed:
                    backoff = BACKOFF_S[0]
                    continue
                pause = backoff * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
                # Closing does not cut the pause short: the attempts stay as spaced.
                self._aborting.wait(pause)
                backoff = min(backoff * 2, BACKOFF_S[1])
                self._counts.report()
        finally:
            unsilence_this_thread()

    def _is_done(self) -> bool:
        if self._aborting.is_set():
            return True
        return self._closing.is_set() and not len(self._backlog)

    def _connect_and_send(self) -> Session | None:
        self._session = None
        try:
            asyncio.run(self._attempt())
        except ProducerSpentError:
            log.debug("the broker refused a batch; connecting anew")
        except (StalledError, *FAILURES) as error:
            self._say_away(error)
        except asyncio.CancelledError:
            log.debug("delivery was told to stop")
        except Exception as error:
            # A thread that ends unseen would lose every event to come: whatever it
            # was, say so and connect anew.
            self._say_away(error)
        return self._session

    async def _attempt(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_at_debug)
        with self._guard:
            self._loop = loop
            self._main = asyncio.current_task()
        producer = Producer(self._settings)
        starting: asyncio.Future[None] | None = None
        try:
            if self._aborting.is_set():
                return
            starting = asyncio.ensure_future(producer.start())
            # A cluster without a producer id to give would be asked for ever.
            done, _ = await asyncio.wait(
                {starting}, timeout=self._settings.stall_timeout.total_seconds()
            )
            if not done:
                raise StalledError("connecting took too long")
            starting.result()
            if self._is_away:
                log.info("connected to Kafka; %d events wait", len(self._backlog))
                self._is_away = False
            self._backlog.unroute()
            self._session = Session(
                producer,
                self._backlog,
                self._counts,
                self._beats,
                self._settings,
                self._lane_states,
                self._closing.is_set,
            )
            await self._session.run()
        finally:
            with self._guard:
                self._loop = self._main = None
            if starting is not None and not starting.done():
                # A connection that is being made is nobody's yet: only this closes it.
                starting.cancel()
                await asyncio.wait({starting}, timeout=1)
            await producer.abandon()

    def _say_away(self, error: Exception) -> None:
        words = last_words()
        now = self._settings.stopwatch()
        every = REPORT_EVERY.total_seconds()
        if self._away_said_at is None or now - self._away_said_at >= every:
            self._away_said_at = now
            self._is_away = True
            log.warning(
                "cannot deliver audit events to Kafka at %s, will keep trying;"
                " %d wait: %r%s",
                self._settings.bootstrap_servers,
                len(self._backlog),
                error,
                f" ({words})" if words else "",
            )


def _log_at_debug(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    # What a torn-down producer leaves behind; what mattered was raised already.
    log.debug("%s: %r", context.get("message"), context.get("exception"))
