"""The traffic: what it sends, and how it carries on and stops."""

import asyncio
import itertools
import os
import signal
import sys
from random import Random

import httpx
from daybook.events.task import TaskFinished
from daybook.testing.recording import RecordingClient
from shop.app import create_app
from shop.imports import Imports
from shop.plan import CSV, IMPORT_EVERY, Step, steps
from shop.store import Store
from shop.traffic import run


def first(count: int, seed: int = 1) -> list[Step]:
    return list(itertools.islice(steps(Random(seed)), count))


def test_the_same_seed_gives_the_same_traffic() -> None:
    assert first(100) == first(100)
    assert first(100) != first(100, seed=2)


def test_bodies_come_in_all_sizes_scripts_and_conditions() -> None:
    plan = first(1_500)
    bodies = [step.content for step in plan]
    kinds = {step.headers.get("content-type", "").partition(";")[0] for step in plan}

    assert b"" in bodies
    assert any(len(body) == 200_000 for body in bodies)
    assert any("🎟️".encode() in body for body in bodies)
    assert any("خصم".encode() in body for body in bodies)
    assert any(b"12345678901234567890123" in body for body in bodies)
    assert any(b"password=" in body for body in bodies)
    assert any(step.headers.get("content-encoding") == "gzip" for step in plan)
    assert any(step.patience_s < 2 for step in plan)
    assert "application/octet-stream" in kinds


def test_imports_come_in_all_sizes_with_and_without_faults() -> None:
    plan = first(60 * IMPORT_EVERY)
    imports = [step.content for step in plan if step.headers.get("content-type") == CSV]
    sizes = {content.count(b"\n") - 1 for content in imports}

    assert len(imports) == 60
    assert {30, 2_000} <= sizes
    assert any(b",ten\n" in content for content in imports)
    assert any(b",ten\n" not in content for content in imports)


async def test_the_traffic_makes_the_shop_succeed_and_fail_in_every_way() -> None:
    publisher = RecordingClient()
    imports = Imports(publisher, Store(), pause_s=0)
    app = create_app(publisher, imports=imports)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    stop = asyncio.Event()
    # One of each kind that hangs up is enough: they take their time.
    plan = first(300)
    slow = [step for step in plan if step.patience_s < 2][:1]
    plan = slow + [step for step in plan if step.patience_s > 2]

    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        reached = await run(client, iter(plan), stop, pause_s=0)
    await imports.finished()

    statuses = {call.event.status_code for call in publisher.calls}
    assert reached == len(plan) == len(publisher.calls)
    assert {None, 200, 201, 202, 400, 401, 404, 409, 500} <= statuses
    ends = [event for event in publisher.tasks if isinstance(event, TaskFinished)]
    assert len(ends) == 3
    assert all(end.outcome == "DONE" for end in ends)


async def test_the_traffic_waits_for_a_shop_that_is_away() -> None:
    answers = iter([False, False, False, True])

    def answer(request: httpx.Request) -> httpx.Response:
        if not next(answers):
            raise httpx.ConnectError("nobody there", request=request)
        return httpx.Response(200)

    async with httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="http://shop"
    ) as client:
        plan = itertools.repeat(Step("GET", "/"), 4)
        reached = await run(
            client, plan, asyncio.Event(), pause_s=0, backoff_s=(0.001, 0.002)
        )

    assert reached == 1


async def test_the_traffic_stops_clean_on_sigterm_even_while_a_request_hangs() -> None:
    asked = asyncio.Event()

    hanging: list[asyncio.Future[None]] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = asyncio.get_running_loop().create_future()
        hanging.append(left)
        asked.set()
        await reader.read()  # until the client has left
        writer.close()
        left.set_result(None)

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shop.traffic",
        env={**os.environ, "SHOP_URL": f"http://127.0.0.1:{port}"},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        await asked.wait()
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()

    server.close()
    await asyncio.gather(*hanging)
    assert (process.returncode, err) == (0, b"")
