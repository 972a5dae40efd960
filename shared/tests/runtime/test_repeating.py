"""What a service does over and over goes on, whatever happens once."""

import asyncio
import logging

import pytest
from daybook.runtime.consuming.service import repeat
from daybook.testing.waiting import eventually


async def test_work_that_fails_once_is_told_and_done_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise OverflowError("date value out of range")

    repeating = repeat(0.01, work)
    try:
        await eventually(lambda: len(done) >= 3, within=5)
    finally:
        repeating.cancel()
        await asyncio.gather(repeating, return_exceptions=True)

    (told,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "date value out of range" in (told.exc_text or caplog.text)
