"""The webhook-dispatcher's composition root: what is made of the settings."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from daybook import Client
from daybook.client.ids import uuid7
from daybook.runtime.clock import monotonic, utc_now
from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.pipeline import Pipeline
from daybook.runtime.consuming.service import ConsumingService, make_broker, repeat
from daybook.runtime.consuming.traced import traced
from daybook.runtime.ending import end
from daybook.runtime.metrics import DispatcherMetrics
from daybook.runtime.mongo import connect, durable, is_unavailable
from daybook.runtime.process_name import process_name
from daybook.runtime.tiers.projects import ProjectTiers
from daybook.runtime.tracing import Tracer, tracer_of
from daybook.storage import collections
from daybook.storage.commands import ensure_commands
from daybook.storage.sendouts import ensure_sendouts
from daybook.webhooks.sealing import Box
from prometheus_client import CollectorRegistry
from pymongo.errors import PyMongoError

from webhook_dispatcher.attempts import Attempts
from webhook_dispatcher.backlog import Backlog
from webhook_dispatcher.claims import Claims
from webhook_dispatcher.commanding import commands, moves
from webhook_dispatcher.deeds import Tools
from webhook_dispatcher.deliveries import Deliveries, Parts
from webhook_dispatcher.documents import Claim
from webhook_dispatcher.endpoints import DatabaseClock, Endpoints
from webhook_dispatcher.health import Health
from webhook_dispatcher.judge import Judge, Judged
from webhook_dispatcher.notices import Notices
from webhook_dispatcher.recorder import Recorder
from webhook_dispatcher.reopening import Reopening
from webhook_dispatcher.repository import SendoutRepository
from webhook_dispatcher.resolving import DnsLookup
from webhook_dispatcher.sender import Sender
from webhook_dispatcher.settings import Settings
from webhook_dispatcher.slots import Slots
from webhook_dispatcher.subscribers import subscribe
from webhook_dispatcher.transport import GuardedTransport, trusting
from webhook_dispatcher.writer import Stores, Writer

log = logging.getLogger(__name__)

COMMANDS_EVERY = timedelta(milliseconds=200)
ENDPOINTS_EVERY = timedelta(seconds=1)
BACKLOG_EVERY = timedelta(seconds=5)


Result = TypeVar("Result")


class NoSealingKeys(ValueError):
    """Set DAYBOOK_SEALING_KEYS, or DAYBOOK_SEALING_KEYS_FILE, as query has it: it opens
    the secrets that sign webhooks.
    """

    def __init__(self) -> None:
        super().__init__(" ".join(str(self.__doc__).split()))


class WebhookDispatcher:
    """The service: its parts, wired; ``app`` runs it. Make it inside the loop."""

    def __init__(self, settings: Settings, tracer: Tracer | None = None) -> None:
        box = settings.box()
        if box is None:
            raise NoSealingKeys
        self._settings = settings
        self._tracer = tracer or tracer_of(settings, "webhook-dispatcher")
        self._random = random = Random()  # noqa: S311 - jitter needs no secrecy
        self._registry = CollectorRegistry()
        self._metrics = DispatcherMetrics(self._registry)
        self._mongo = connect(
            settings.mongodb_uri, app_name="daybook-webhook-dispatcher"
        )
        database = durable(self._mongo[settings.mongodb_database])
        self._sendouts = database[collections.SENDOUTS]
        self._commands = database[collections.COMMANDS]
        self._client = Client(
            settings.brokers.servers,
            source="webhook-dispatcher",
            **settings.brokers.security(),
        )
        self._projects = ProjectTiers(
            database[collections.PROJECTS], settings.tier_durations()
        )
        self._endpoints = Endpoints(database[collections.WEBHOOK_ENDPOINTS])
        self._health = Health(
            database[collections.ENDPOINT_HEALTH], settings.disable_after
        )
        self._claims = Claims(self._sendouts, uuid7, settings.sendout_lease)
        self._slots = Slots(
            database[collections.SLOTS], process_name(), settings.slot_lease
        )
        self._deliveries = self._make_deliveries(box)
        self._backlog = Backlog(self._claims, self._deliveries, self._metrics)
        clock = DatabaseClock(utc_now)
        repository = SendoutRepository(self._sendouts)
        self._writer = Writer(
            Stores(self._endpoints, self._health, repository, self._sendouts, clock),
            self._projects.tier_of,
            self._tell,
            self._metrics,
            random,
            settings.clock_skew,
            self._deliveries,
            lambda: Claim(uuid7(), settings.sendout_lease),
        )
        self._doing = commands(
            self._commands,
            Tools(
                endpoints=self._endpoints,
                health=self._health,
                claims=self._claims,
                reopening=Reopening(self._sendouts),
                sendouts=repository,
                events=database[collections.WEBHOOK_EVENTS],
                clock=clock,
                client=self._client,
                tier_of=self._projects.tier_of,
                told=self._tell_of_change,
            ),
        )
        self._moving = moves(
            database, settings, lambda: self._service.caught_up(), self._client
        )
        self._running: list[asyncio.Task[None]] = []
        self._service = self._make_service()
        self.app = self._service.app

    def _make_deliveries(self, box: Box) -> Deliveries:
        settings = self._settings
        self._transport = GuardedTransport(
            settings.address_rules, DnsLookup(), trusting(settings.webhook_ca_file)
        )
        notices = Notices(self._client, self._metrics)
        recorder = Recorder(
            self._claims,
            self._health,
            self._random,
            told=notices.attempted,
            disabled=notices.disabled,
        )
        parts = Parts(
            endpoints=self._endpoints,
            health=self._health,
            claims=self._claims,
            slots=self._slots,
            attempts=Attempts(
                Sender(self._transport, utc_now, monotonic), box, utc_now, self._tracer
            ),
            recorder=recorder,
            stopwatch=monotonic,
            random=self._random,
        )
        return Deliveries(parts, settings.sendouts_in_flight, settings.sendout_lease)

    def _make_service(self) -> ConsumingService[Judged]:
        settings = self._settings
        intake = Intake[Judged](settings, Judge().judge)
        self._pipeline = Pipeline[Judged](
            traced(
                self._writer.write,
                self._tracer,
                settings.group_id,
                lambda one: one.traceparent,
            ),
            intake.commit,
            settings,
            self._metrics,
        )
        broker = make_broker(settings, "daybook-webhook-dispatcher")
        subscribe(broker, intake, settings)
        return ConsumingService[Judged](
            settings,
            broker,
            intake,
            self._pipeline,
            registry=self._registry,
            random=self._random,
            prepare=self._prepare,
            loops={
                self._projects.refresh: settings.projects_refresh,
                **self._moving,
                self._balance: settings.slot_lease / 4,
                self._listen: settings.marks_every,
                self._look_at_endpoints: ENDPOINTS_EVERY,
                self._measure: BACKLOG_EVERY,
                self._renew: settings.sendout_lease / 3,
            },
            close=self._close,
        )

    async def _prepare(self) -> None:
        await ensure_sendouts(self._sendouts, self._settings.tier_durations())
        await ensure_commands(self._commands)
        await self._slots.prepare()
        await self._projects.refresh()
        await self._endpoints.refresh()
        await self._slots.balance()
        self._deliveries.slots_changed()
        if not self._running:
            self._running = [
                asyncio.create_task(self._deliver()),
                # On its own: a long command must not hold the others up.
                repeat(COMMANDS_EVERY.total_seconds(), self._doing.work),
            ]

    async def _deliver(self) -> None:
        try:
            await self._deliveries.run()
        except Exception:
            log.critical("the delivery loop ended in an unforeseen way", exc_info=True)
            self._deliveries.failed = True

    async def _balance(self) -> None:
        before = dict(self._slots.mine)
        if await self._patiently("share slots", self._slots.balance()) is None:
            return
        if dict(self._slots.mine) != before:
            self._deliveries.slots_changed()
        self._metrics.slots.set(len(self._slots.mine))

    async def _listen(self) -> None:
        self._metrics.sending.set(len(self._deliveries.in_flight))
        if self._deliveries.failed:
            self._pipeline.failed = True  # told by liveness, and ended by the watch
        marked = await self._patiently("ask for work", self._slots.marked())
        if marked:
            health = self._deliveries.refresh_health(marked)
            await self._patiently("ask who is disabled", health)
            self._deliveries.wake(marked)

    async def _look_at_endpoints(self) -> None:
        await self._patiently("read the endpoints", self._endpoints.refresh())
        self._deliveries.slots_changed()
        health = self._deliveries.refresh_health()
        await self._patiently("ask who is disabled", health)

    async def _measure(self) -> None:
        await self._patiently("count what is due", self._backlog.measure())

    async def _renew(self) -> None:
        if sending := self._deliveries.in_flight:
            await self._patiently("renew leases", self._claims.renew(sending))

    async def _tell(self, keys: Iterable[str]) -> None:
        """There is work for these endpoints: to ourselves, or to their owners."""
        mine, others = self._slots.divide(keys)
        if others:
            await self._slots.mark(others)
        self._deliveries.wake(mine)

    async def _tell_of_change(self, keys: Iterable[str]) -> None:
        """These endpoints may have been enabled or disabled, and there may be work."""
        asked = set(keys)
        await self._deliveries.refresh_health(asked)
        await self._tell(asked)

    async def _patiently(
        self, what: str, work: Coroutine[Any, Any, Result]
    ) -> Result | None:
        """The result; None, and a word in the log, where the database is away."""
        try:
            return await work
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("cannot %s: %s", what, str(error)[:200])
            return None

    async def _close(self) -> None:
        await end(self._running[1:])
        await self._deliveries.stop(self._settings.drain_within.total_seconds())
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._patiently("let go of slots", self._slots.leave())
        await self._client.close()
        await self._transport.aclose()
        await self._mongo.close()
        await self._tracer.close()
