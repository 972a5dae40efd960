"""What people ask the dispatcher to do, as commands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from daybook.storage.sendout_filters import CREATED_AFTER, CREATED_BEFORE
from daybook.storage.times import from_ms, to_ms

from query.filters import Filters, Window, read_time
from query.shapes import ms_text
from query.webhooks.bodies import Wrong, flag, or_default, read_object, text
from query.webhooks.commands import Commands
from query.webhooks.endpoints import Endpoints
from query.webhooks.filters import default_window, filters_of_body
from query.webhooks.sendouts import Count, Sendouts

LONGEST_REASON: Final = 500
_BY_HAND: Final = "disabled by hand"


@dataclass(frozen=True, slots=True)
class Test:
    """A test that was asked for, and the sendout that it makes."""

    command: Document
    sendout_id: str


@dataclass(frozen=True, slots=True)
class BulkRetry:
    """What would be retried, and the command where it is."""

    count: Count
    filter: Mapping[str, list[str]]
    command: Document | None


class Actions:
    """Each stores a command and waits for it a little; the command as it is then.

    Those that take an endpoint raise NoSuchEndpoint and NoSealingKeys, those that take
    a sendout NoSuchSendout, those that take a body InvalidBody; all TimeoutError when
    the database is silent.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        sendouts: Sendouts,
        commands: Commands,
        clock: Clock,
        make_id: Callable[[], str],
    ) -> None:
        self._endpoints = endpoints
        self._sendouts = sendouts
        self._commands = commands
        self._clock = clock
        self._make_id = make_id

    async def test(self, project_id: str, endpoint_id: str) -> Test:
        """Send a made-up event once, also to an endpoint that takes nothing."""
        await self._endpoints.get(project_id, endpoint_id)
        sendout_id = f"whs_{self._make_id().replace('-', '')}"
        parameters = {"endpoint_id": endpoint_id, "sendout_id": sendout_id}
        command = await self._commands.give(project_id, "endpoint.test", parameters)
        return Test(command, sendout_id)

    async def enable(self, project_id: str, endpoint_id: str) -> Document:
        """Deliver again after it was disabled."""
        await self._endpoints.get(project_id, endpoint_id)
        parameters = {"endpoint_id": endpoint_id}
        return await self._commands.give(project_id, "endpoint.enable", parameters)

    async def disable(
        self, project_id: str, endpoint_id: str, body: object
    ) -> Document:
        """Deliver nothing until it is enabled; what comes meanwhile is held."""
        reason = or_default(text(LONGEST_REASON), _BY_HAND)
        given = read_object(body, {"reason": reason})
        await self._endpoints.get(project_id, endpoint_id)
        parameters = {"endpoint_id": endpoint_id, "reason": _BY_HAND, **given}
        return await self._commands.give(project_id, "endpoint.disable", parameters)

    async def replay(self, project_id: str, endpoint_id: str, body: object) -> Document:
        """Send again what was held or failed since a time, and what it never had."""
        fields = {"since": self._since, "include_sent": or_default(flag, False)}
        given = read_object(body, fields, required=("since",))
        await self._endpoints.get(project_id, endpoint_id)
        parameters = {"endpoint_id": endpoint_id, "include_sent": False, **given}
        return await self._commands.give(project_id, "endpoint.replay", parameters)

    async def retry(self, project_id: str, sendout_id: str) -> Document:
        """Send one again now, from the start of its schedule."""
        await self._sendouts.require(project_id, sendout_id)
        parameters = {"sendout_id": sendout_id}
        return await self._commands.give(project_id, "sendout.retry", parameters)

    async def retry_all(self, project_id: str, body: object) -> BulkRetry:
        """Send again all that a filter finds; with ``dry_run`` only count them.

        Without a status those that FAILED. The window is fixed now, so what is sent is
        what was counted, but for what changes its status meanwhile.
        """
        fields = {"filter": filters_of_body, "dry_run": or_default(flag, False)}
        given = read_object(body, fields, required=("filter",))
        filters: Filters = given["filter"]
        if not filters.of("status"):
            values = {**filters.values, "status": ("FAILED",)}
            filters = Filters(values, filters.window)
        window = self._fixed(filters)
        count = await self._sendouts.count(project_id, filters, window)
        stored = _stored(filters, window)
        if given.get("dry_run", False):
            return BulkRetry(count, stored, None)
        parameters: dict[str, Any] = {"filter": stored}
        if not count.at_least:
            parameters["count"] = count.number
        command = await self._commands.give(project_id, "sendouts.retry", parameters)
        return BulkRetry(count, stored, command)

    def _fixed(self, filters: Filters) -> Window:
        now = self._clock()
        window = filters.effective_window(now, default_window(filters))
        before = to_ms(now) + 1 if window.before is None else window.before
        return Window(window.after, before)

    def _since(self, value: object) -> datetime:
        since = read_time(value) if isinstance(value, str) else None
        if since is None:
            raise Wrong("write a time as RFC 3339, for example 2026-11-24T03:00:00Z")
        if since > to_ms(self._clock()):
            raise Wrong("must not be in the future")
        return from_ms(since)


def _stored(filters: Filters, window: Window) -> dict[str, list[str]]:
    bounds = {CREATED_AFTER: window.after, CREATED_BEFORE: window.before}
    times = {name: [said] for name, ms in bounds.items() if (said := ms_text(ms))}
    return {name: list(values) for name, values in filters.values.items()} | times
