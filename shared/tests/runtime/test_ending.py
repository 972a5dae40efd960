"""Tasks that are to end do, whatever becomes of their cancellation."""

import asyncio
import gc
from typing import Any

from daybook.runtime.ending import end


async def test_a_task_that_lost_its_cancellation_is_told_again() -> None:
    lost = 0

    async def goes_on() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    task = asyncio.create_task(goes_on())
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await end([task], again_after_s=0.01)

    assert task.cancelled()
    assert lost == 1


async def test_tasks_that_fail_or_have_ended_hold_up_nothing() -> None:
    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("at its end")

    async def is_done() -> None: ...

    tasks = [asyncio.create_task(fails()), asyncio.create_task(is_done())]
    await asyncio.sleep(0)

    await end(tasks)
    await end([])

    assert all(task.done() for task in tasks)
    assert isinstance(tasks[0].exception(), RuntimeError)


async def test_the_loop_does_not_tell_of_what_a_task_raised_at_its_end() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: told.append(context)
    )

    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("at its end")

    tasks = [asyncio.create_task(fails())]
    await asyncio.sleep(0)

    await end(tasks)
    tasks.clear()
    gc.collect()

    assert told == []
