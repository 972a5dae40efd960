"""``python -m shop.traffic``: customers, a few a second, until told to stop."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from random import Random

import httpx

from shop.plan import Step, steps

log = logging.getLogger("shop.traffic")

# While the shop is away: from the first of these between attempts, doubling up to the
# second.
BACKOFF_S = (0.5, 8.0)


async def take(client: httpx.AsyncClient, step: Step) -> bool:
    """Make one request; whether the shop was there. A client that lost its patience
    has hung up, which is what it is for."""
    request = client.build_request(
        step.method,
        step.path,
        content=step.content,
        headers=httpx.Headers(step.headers, encoding="utf-8"),
    )
    try:
        async with asyncio.timeout(step.patience_s):
            await client.send(request)
    except TimeoutError:
        return True
    except httpx.TransportError as error:
        log.debug("%s %s: %r", step.method, step.path, error)
        return False
    return True


async def run(
    client: httpx.AsyncClient,
    plan: Iterator[Step],
    stop: asyncio.Event,
    *,
    pause_s: float,
    backoff_s: tuple[float, float] = BACKOFF_S,
) -> int:
    """Go through ``plan`` until ``stop``; how many requests reached the shop.

    ``stop`` does not wait for the request under way.
    """
    reached = 0
    backoff = backoff_s[0]
    for step in plan:
        if stop.is_set():
            break
        taking = asyncio.ensure_future(take(client, step))
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({taking, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not taking.done():
            taking.cancel()
            await asyncio.wait({taking})
            break
        if taking.result():
            reached += 1
            backoff = backoff_s[0]
            await _pause(stop, pause_s)
        else:
            await _pause(stop, backoff)
            backoff = min(backoff * 2, backoff_s[1])
    return reached


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def main() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    rate = float(os.environ.get("SHOP_RATE", "4"))
    random = Random(int(os.environ.get("SHOP_SEED", "1")))  # noqa: S311 - a demo
    async with httpx.AsyncClient(
        base_url=os.environ.get("SHOP_URL", "http://127.0.0.1:8081"), trust_env=False
    ) as client:
        await run(client, steps(random), stop, pause_s=1 / rate)


if __name__ == "__main__":
    logging.basicConfig(level="INFO")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(main())
