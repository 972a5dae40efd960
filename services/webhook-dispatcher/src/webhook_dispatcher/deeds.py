"""The commands of the webhook-dispatcher, each safe to do again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from bson.datetime_ms import DatetimeMS
from daybook import Client
from daybook.client.tasks import Task
from daybook.events.cloudevent import CloudEvent
from daybook.events.webhook import WebhookPublished
from daybook.runtime.commands import CannotBeDone, Deed
from daybook.runtime.mongo import Document
from daybook.storage.refs import ref
from daybook.storage.sendout_filters import sendout_conditions
from daybook.storage.times import hour_of, to_ms
from daybook.storage.webhook_events import WEBHOOK_EVENTS_BY_ARRIVAL
from pymongo.asynchronous.collection import AsyncCollection

from webhook_dispatcher.claims import Claims
from webhook_dispatcher.documents import sendout_document
from webhook_dispatcher.endpoints import DatabaseClock, Endpoint, Endpoints
from webhook_dispatcher.health import Health
from webhook_dispatcher.reopening import Reopening
from webhook_dispatcher.repository import SendoutRepository

Told = Callable[[set[str]], Awaitable[None]]

# What takes as long as there are sendouts is a background task.
LONG = frozenset({"sendouts.retry", "endpoint.replay"})
MADE_AT_ONCE = 200
BY_HAND = "by hand"
DELETED = "its endpoint was deleted"
TEST_TYPE = "endpoint.test"
TEST_PAYLOAD = '{"message":"This is a test of your webhook endpoint."}'


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event of our own stands: on no topic."""

    timestamp: int
    topic: str = ""
    partition: int = -1
    offset: int = -1


@dataclass(frozen=True, slots=True)
class Tools:
    """What deeds work with; ``told`` lets endpoints' owners know of work."""

    endpoints: Endpoints
    health: Health
    claims: Claims
    reopening: Reopening
    sendouts: SendoutRepository
    events: AsyncCollection[Document]
    clock: DatabaseClock
    client: Client
    tier_of: Callable[[str], str]
    told: Told


class Deeds:
    """One method a kind of command; all raise ``PyMongoError`` to be done again."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def by_kind(self) -> dict[str, Deed]:
        """The methods, by the names that commands have."""
        return {
            "sendout.retry": self.retry,
            "sendouts.retry": self.retry_all,
            "endpoint.test": self.test,
            "endpoint.enable": self.enable,
            "endpoint.disable": self.disable,
            "endpoint.replay": self.replay,
            "endpoint.delete": self.delete,
        }

    async def retry(self, command: Document) -> str | None:
        """One sendout is due now, whatever became of it."""
        identity = f"{command['project_id']}/{command['parameters']['sendout_id']}"
        reopened = self._tools.reopening.again(
            {"_id": identity}, trigger="manual", command_id=command["id"]
        )
        async for _, keys in reopened:
            await self._tools.told(keys)
        return None

    async def retry_all(self, command: Document) -> str | None:
        """All that a filter shows; its progress is a background task."""
        parameters = command["parameters"]
        # Of what a filter shows without a status, what failed is meant.
        asked = {"status": ["FAILED"], **parameters["filter"]}
        try:
            chosen = sendout_conditions(asked)
        except KeyError as error:
            name = error.args[0]
            raise CannotBeDone(f"sendouts are not filtered by {name}") from error
        chosen["project_id"] = command["project_id"]
        async with self._task("WEBHOOKS.RETRY", command) as task:
            task.advance(total=parameters.get("count"))
            reopened = self._tools.reopening.again(
                chosen, trigger="bulk", command_id=command["id"]
            )
            count = await self._advance(task, reopened)
            task.message = f"{_sendouts(count)} sent again"
        return task.message

    async def test(self, command: Document) -> str | None:
        """A test event, sent once even where the endpoint is disabled."""
        endpoint = await self._endpoint(command)
        tools = self._tools
        await tools.clock.ask(tools.events)
        now = tools.clock()
        event = CloudEvent(
            event=WebhookPublished,
            id=command["id"],
            source="webhook-dispatcher",
            project_id=endpoint.project_id,
            time=now,
            sequence=None,
            traceparent=command.get("traceparent"),
            data={"event_type": TEST_TYPE, "payload": TEST_PAYLOAD},
        )
        made = self._sendout(event, Place(to_ms(now)), endpoint, now, "test")
        identity = command["parameters"]["sendout_id"]
        made |= {"_id": f"{endpoint.project_id}/{identity}", "id": identity}
        await tools.sendouts.make([made])
        await tools.told({endpoint.key})
        return None

    async def enable(self, command: Document) -> str | None:
        """Deliver again; what was held stays held until a replay."""
        endpoint = await self._endpoint(command)
        await self._tools.health.enable(endpoint.key)
        await self._tools.told({endpoint.key})
        return None

    async def disable(self, command: Document) -> str | None:
        """Deliver nothing more; what is open is held."""
        endpoint = await self._endpoint(command)
        reason = command["parameters"].get("reason") or BY_HAND
        await self._tools.health.disable(endpoint.key, reason)
        await self._tools.told({endpoint.key})
        return None

    async def delete(self, command: Document) -> str | None:
        """What is open of a deleted endpoint fails, and says so."""
        gone = Endpoint(
            command["project_id"], command["parameters"]["endpoint_id"], (), False
        )
        await self._tools.endpoints.refresh()
        while await self._tools.claims.settle(gone, "FAILED", DELETED, tests_too=True):
            pass
        return None

    async def replay(self, command: Document) -> str | None:
        """What was held or failed since a time is sent again, and what is younger than
        its events is made for them."""
        endpoint = await self._endpoint(command)
        parameters = command["parameters"]
        since = _time(parameters["since"])
        statuses = ["HELD", "FAILED"] + ["SENT"] * bool(parameters.get("include_sent"))
        chosen: Document = {
            "project_id": endpoint.project_id,
            "hour": {"$gte": hour_of(to_ms(since))},
            "refs": ref("webhook_endpoint", endpoint.id),
            "endpoint_id": endpoint.id,
            "received_at": {"$gte": since},
            "status": {"$in": statuses},
        }
        async with self._task("WEBHOOKS.REPLAY", command) as task:
            reopened = self._tools.reopening.again(
                chosen, trigger="replay", command_id=command["id"]
            )
            again = await self._advance(task, reopened)
            made = await self._make_missing(task, endpoint, since)
            task.message = (
                f"{_sendouts(again)} sent again, and {made} that there were not yet"
            )
        return task.message

    async def _make_missing(
        self, task: Task, endpoint: Endpoint, since: datetime
    ) -> int:
        tools, made = self._tools, 0
        await tools.clock.ask(tools.events)
        batch: list[Document] = []
        stored = tools.events.find(
            {"project_id": endpoint.project_id, "received_at": {"$gte": since}},
            sort=[("received_at", 1), ("_id", 1)],
            hint=WEBHOOK_EVENTS_BY_ARRIVAL,
        )
        async for event in stored:
            if endpoint.asks_for(event["event_type"]):
                batch.append(self._of_stored(event, endpoint))
            if len(batch) >= MADE_AT_ONCE:
                made += await self._make(task, endpoint, batch)
                batch = []
        return made + await self._make(task, endpoint, batch)

    async def _make(self, task: Task, endpoint: Endpoint, batch: list[Document]) -> int:
        for one in batch:  # the first of them were made long ago, where few are
            one["tier"] = self._tools.tier_of(endpoint.project_id)
        made = (await self._tools.sendouts.make(batch)).made
        if made:
            await self._tools.told({endpoint.key})
            task.advance(done=made)
        return made

    def _of_stored(self, stored: Document, endpoint: Endpoint) -> Document:
        event = CloudEvent(
            event=WebhookPublished,
            id=_as_published(stored),
            source=stored["source"],
            project_id=stored["project_id"],
            time=stored["created_at"],
            sequence=None,
            traceparent=stored.get("traceparent"),
            data=stored,
        )
        origin = stored["origin"]
        place = Place(to_ms(stored["received_at"]), **origin)
        return self._sendout(event, place, endpoint, self._tools.clock(), "replay")

    def _sendout(
        self,
        event: CloudEvent,
        place: Place,
        endpoint: Endpoint,
        now: datetime,
        trigger: str,
    ) -> Document:
        made = sendout_document(
            event,
            place,
            endpoint,
            tier=self._tools.tier_of(endpoint.project_id),
            now=now,
            held=False,
        )
        return made | {"trigger": trigger, "next_attempt_at": DatetimeMS(to_ms(now))}

    def _task(self, task_type: str, command: Document) -> Task:
        # Under the command's own id: the same task, however often it is begun.
        return self._tools.client.task(
            task_type, task_id=command["id"], project_id=command["project_id"]
        )

    async def _advance(
        self, task: Task, reopened: AsyncIterator[tuple[int, set[str]]]
    ) -> int:
        total = 0
        async for count, keys in reopened:
            total += count
            await self._tools.told(keys)
            task.advance(done=count)
        return total

    async def _endpoint(self, command: Document) -> Endpoint:
        await self._tools.endpoints.refresh()
        identity: Any = command["parameters"]["endpoint_id"]
        endpoint = self._tools.endpoints.get(f"{command['project_id']}/{identity}")
        if endpoint is None:
            raise CannotBeDone(f"there is no endpoint {identity}: it was deleted")
        return endpoint


def _sendouts(count: int) -> str:
    return "1 sendout is" if count == 1 else f"{count} sendouts are"


def _as_published(stored: Document) -> str:
    """The event's own id: one whose id another source used first has a suffix."""
    suffix = f"~{sha256(stored['source'].encode()).hexdigest()[:16]}"
    return stored["id"].removesuffix(suffix)


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise CannotBeDone(f"since is no time: {value!r}") from error
