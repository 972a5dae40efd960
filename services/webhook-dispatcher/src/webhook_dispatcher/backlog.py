"""What waits to be sent: the figure that the dispatcher is scaled by."""

from collections.abc import Iterable
from typing import Protocol

from daybook.runtime.metrics import DispatcherMetrics

from webhook_dispatcher.claims import Claims
from webhook_dispatcher.endpoints import Endpoint
from webhook_dispatcher.lanes import Lane

# An endpoint's backlog beyond this calls for no more processes than this does.
MOST_OF_AN_ENDPOINT = 1000
# Looks are short reads one after the other: so many take a fraction of a second.
MOST_LOOKS = 200


class Ways(Protocol):
    """The endpoints of this process, and its ways to them."""

    def ways(self) -> Iterable[tuple[Lane, Endpoint]]: ...


class Backlog:
    """Shows what is due to endpoints that would take it, and how circuits stand.

    What an endpoint holds back itself, by its rate, its time-outs or an open circuit,
    is left out: no further process would send it sooner.
    """

    def __init__(self, claims: Claims, ways: Ways, metrics: DispatcherMetrics) -> None:
        self._claims = claims
        self._ways = ways
        self._metrics = metrics

    async def measure(self) -> bool:
        """Ask and show; raises ``PyMongoError`` where the database is away."""
        ways = list(self._ways.ways())
        states = {"closed": 0, "open": 0, "probing": 0}
        for lane, _ in ways:
            states[lane.circuit.state] += 1
        for state, count in states.items():
            self._metrics.endpoints.labels(state).set(count)
        due, oldest_s = 0, 0.0
        wanted = [(lane, one) for lane, one in ways if lane.may_have_work()]
        for _, endpoint in wanted[:MOST_LOOKS]:
            count, since_s = await self._claims.due(endpoint, MOST_OF_AN_ENDPOINT)
            due, oldest_s = due + count, max(oldest_s, since_s)
        self._metrics.due.set(due)
        self._metrics.oldest_due.set(oldest_s)
        return True
