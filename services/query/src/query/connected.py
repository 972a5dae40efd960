"""Work that is worth doing only while somebody waits for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

T = TypeVar("T")

# As proxies log it; nobody is there to read it.
_CLIENT_CLOSED_REQUEST = 499


class ClientGone(Exception):
    """The client went away before its answer was ready."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work returns; it is cancelled when the client goes away.

    Raises :class:`ClientGone` then, once the work has ended. The request's body must
    have been read, or not be wanted.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    if working.cancelled():
        raise ClientGone
    return working.result()


def nobody_there() -> Response:
    """The answer to :class:`ClientGone`."""
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
