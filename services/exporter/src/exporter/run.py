"""All the exports that this process runs, each from its claim to DONE."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from daybook.runtime.ending import end
from daybook.runtime.mongo import Document, is_unavailable
from pymongo.errors import PyMongoError

from exporter.jobs import Fenced, Jobs
from exporter.one_run import Run
from exporter.tools import Tools

log = logging.getLogger(__name__)

POLL_EVERY = timedelta(seconds=1)
# What letting go may take of a shutdown; a lease that is not let go of runs out.
_LET_GO_S = 5.0


class Exports:
    """Claims exports and runs them, up to ``at_once``, until it is stopped.

    An export survives this process: whoever claims it next goes on after its last
    part. ``ended`` is called after each with DONE or ERROR.
    """

    def __init__(
        self,
        jobs: Jobs,
        tools: Tools,
        *,
        at_once: int,
        renew_every: timedelta,
        ended: Callable[[str], None],
        poll_every: timedelta = POLL_EVERY,
    ) -> None:
        self.failed = False
        self._jobs = jobs
        self._tools = tools
        self._at_once = at_once
        self._renew_every_s = renew_every.total_seconds()
        self._poll_every_s = poll_every.total_seconds()
        self._ended = ended
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._woken = asyncio.Event()

    @property
    def running(self) -> int:
        """How many it runs now."""
        return len(self._running)

    def wake(self) -> None:
        """There may be an export to run."""
        self._woken.set()

    async def run(self) -> None:
        """Run what there is to run; ends after :meth:`stop`, or with ``failed``."""
        try:
            while not self._stopping:
                self._woken.clear()
                await self._take()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._poll_every_s)
        except Exception:
            log.critical("the loop of exports ended, unforeseen", exc_info=True)
            self.failed = True
            await self.stop()

    async def stop(self) -> None:
        """Let go of all that runs, for others to go on with at once."""
        self._stopping = True
        self.wake()
        running = list(self._running)
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _take(self) -> None:
        try:
            while len(self._running) < self._at_once and not self._stopping:
                export = await self._jobs.take()
                if export is None:
                    return
                self._start(export)
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("cannot look for exports: %s", str(error)[:200])

    def _start(self, export: Document) -> None:
        running = asyncio.create_task(self._traced(export))
        self._running.add(running)
        running.add_done_callback(self._over)
        if self._stopping:  # since the claim was asked for
            running.cancel()

    def _over(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        self.wake()

    async def _traced(self, export: Document) -> None:
        facts = {"daybook.export.id": export["id"], "daybook.claim": export["claim"]}
        # Of a takeover as well: who asked for it waits for all of them.
        parent: str | None = export.get("traceparent")
        with self._tools.tracer.span(
            "run export", "consumer", parent=parent, facts=facts
        ) as span:
            if await self._one(export) == "ERROR":
                span.fail("export")

    async def _one(self, export: Document) -> str:
        """DONE or ERROR, or nothing where another process has yet to end it."""
        run = Run(export, self._jobs, self._tools)
        log.info("export %s: claim %s", export["_id"], export["claim"])
        working = asyncio.create_task(run.work())
        renewing = asyncio.create_task(self._renew(export))
        try:
            await asyncio.wait((working, renewing), return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and not run.ending:
                # Whoever writes its end may find it ended, and not its claim's.
                await end([working])
                renewing.result()
            await working
            log.info("export %s: ended", export["_id"])
            self._ended(run.status)
        except Fenced:
            log.info("export %s: no longer claim %s's", export["_id"], export["claim"])
            await self._quietly(run.tidy(), self._jobs.leave(export))
        except asyncio.CancelledError:
            await end([working])
            await self._quietly(self._jobs.let_go(export), run.tidy())
            raise
        except Exception:
            # Its end could not be written, for a reason that no waiting cures: whoever
            # claims it next tries again.
            log.exception("export %s: broke off, unforeseen", export["_id"])
            await self._quietly(run.tidy(), self._jobs.leave(export))
        finally:
            self._tools.notices.over(export)
            await end([working, renewing])
        return run.status

    async def _renew(self, export: Document) -> None:
        """Ends with :class:`Fenced`; a database that is away is asked again."""
        while True:
            await asyncio.sleep(self._renew_every_s)
            try:
                await self._jobs.renew(export)
            except PyMongoError as error:
                if not is_unavailable(error):
                    raise
                log.warning("cannot renew a lease: %s", str(error)[:200])

    async def _quietly(self, *works: Coroutine[Any, Any, None]) -> None:
        for work in works:
            try:
                await asyncio.wait_for(work, _LET_GO_S)
            except (PyMongoError, TimeoutError) as error:
                log.warning("left to its lease's end: %s", str(error)[:200])
