"""What ingest waits for before it reads, and that it can be told to stop meanwhile."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from os import environ
from pathlib import Path
from typing import Any

import pytest
from daybook.events.topics import Topic
from daybook.runtime.kafka_topics import ensure_topics
from daybook.testing.records import request_event
from daybook.testing.waiting import eventually
from ingest.app import Ingest


async def test_a_topic_that_is_absent_is_told_by_name_and_waited_for(
    world: Any, random_name: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    absent = random_name("webhooks")
    caplog.set_level(logging.INFO)
    await world.send(json.dumps(request_event()).encode())
    stop = asyncio.Event()

    async def run() -> None:
        async with world.ingest(webhooks_topic=absent):
            await stop.wait()

    running = asyncio.create_task(run())
    try:
        await eventually(lambda: absent in caplog.text, within=30)
        brokers = world.settings.kafka_bootstrap_servers
        await ensure_topics(brokers, [Topic(absent, keyed_by="anything")])
        await world.stored(1)
    finally:
        stop.set()
        await running

    assert f"are there: {absent} (UnknownTopicOrPartitionError)" in caplog.text
    assert "Topic creation is skipped" not in caplog.text


async def test_who_waits_to_read_is_alive_however_long_it_takes(world: Any) -> None:
    settings = world.settings.model_copy(update={"stalled_after": timedelta(0)})
    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    app: Any = Ingest(settings).app
    scope = {"type": "http", "method": "GET", "path": "/livez"}
    await app(scope, None, send)

    assert answers[0]["status"] == 200


async def test_on_sigterm_it_leaves_at_once_while_it_waits(tmp_path: Path) -> None:
    nowhere = {
        "MONGODB_URI": "mongodb://127.0.0.1:1/?directConnection=true",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "DAYBOOK_HEALTH_PORT": "0",
    }
    said = tmp_path / "log"
    with said.open("w") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - starting it blocks for a moment only
            [sys.executable, "-m", "ingest"], env=environ | nowhere, stderr=log
        )
    try:
        await eventually(lambda: "waiting for" in said.read_text(), within=60)
        process.send_signal(signal.SIGTERM)
        await eventually(lambda: process.poll() is not None, within=10)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 0
