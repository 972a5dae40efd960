"""Health as every service answers it: /livez, /readyz and /metrics."""

from collections.abc import Callable
from typing import Any

from faststream.asgi import AsgiResponse, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Check = Callable[[], str | None]


def health_routes(
    *, alive: Check, ready: Check, registry: CollectorRegistry
) -> list[tuple[str, Any]]:
    """Routes for an ASGI FastStream; a check returns what is wrong, or None.

    Liveness tells whether a restart would help, never whether a broker or a database
    can be reached; readiness whether the service does its work now.
    """

    @get(include_in_schema=False)
    async def livez(_scope: Any) -> AsgiResponse:
        return _answer(alive())

    @get(include_in_schema=False)
    async def readyz(_scope: Any) -> AsgiResponse:
        return _answer(ready())

    @get(include_in_schema=False)
    async def metrics(_scope: Any) -> AsgiResponse:
        return AsgiResponse(
            generate_latest(registry), 200, {"content-type": CONTENT_TYPE_LATEST}
        )

    return [("/livez", livez), ("/readyz", readyz), ("/metrics", metrics)]


def _answer(fault: str | None) -> AsgiResponse:
    return AsgiResponse((fault or "ok").encode(), 503 if fault else 200)
