"""Services, commands and publishers by TLS, each as its Kafka user of the manifests."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAuthorizationFailedError
from daybook import Client
from daybook.events.export import ExportRequested
from daybook.events.request import RequestCompleted
from daybook.events.task import TaskEnqueued
from daybook.events.topics import DEAD_LETTERS, REQUESTS, TASKS
from daybook.runtime.kafka import Brokers
from daybook.testing.waiting import eventually
from daybook.webhooks.sealing import new_key
from pymongo import AsyncMongoClient

pytestmark = pytest.mark.asyncio(loop_scope="module")
Document = dict[str, Any]
MODULES = {
    "ingest": "ingest",
    "task-tracker": "task_tracker",
    "webhook-dispatcher": "webhook_dispatcher",
    "exporter": "exporter",
}


class Kafka(Protocol):
    @property
    def plain(self) -> str: ...
    def variables(self, user: str) -> dict[str, str]: ...


@pytest.fixture
def place(mongodb_uri: str, random_name: Callable[[str], str], tmp_path: Path) -> Any:
    """Everything but Kafka that a service is told."""
    return {
        "MONGODB_URI": mongodb_uri,
        "DAYBOOK_MONGODB_DATABASE": random_name("secured"),
        "DAYBOOK_HEALTH_PORT": "0",
        "DAYBOOK_STORAGE_URL": str(tmp_path / "objects"),
        "DAYBOOK_SEALING_KEYS": new_key("test"),
        "DAYBOOK_WATERMARKS_WITHIN": "PT1S",
    }


def publisher(kafka: Kafka) -> Client:
    environ = kafka.variables("publisher")
    return Client.from_env(
        {**environ, "DAYBOOK_SOURCE": "shop", "DAYBOOK_PROJECT_ID": "demo"}
    )


def request() -> RequestCompleted:
    return RequestCompleted(
        request_id="req_1", method="GET", url="https://shop.example/", status_code=200
    )


def daybook(environment: dict[str, str], *arguments: str) -> Any:
    return subprocess.run(  # noqa: S603 - our own
        [str(Path(sys.executable).with_name("daybook")), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_what_a_publisher_sends_is_stored_tracked_and_exported(
    kafka: Kafka, place: Any, spawn: Any
) -> None:
    running = {
        user: spawn(module, place | kafka.variables(user))
        for user, module in MODULES.items()
    }
    async with AsyncMongoClient[Document](place["MONGODB_URI"]) as mongo:
        database = mongo[place["DAYBOOK_MONGODB_DATABASE"]]

        async def stored(collection: str, **wanted: Any) -> bool:
            return await database[collection].find_one(wanted) is not None

        try:
            async with publisher(kafka) as client:
                client.publish(request())
                client.publish(TaskEnqueued(task_id="task_1", task_type="A.TASK"))
                client.publish(
                    ExportRequested(export_id="exp_1", exported_object="log")
                )

            await eventually(lambda: stored("logs"), within=60)
            await eventually(lambda: stored("tasks", id="task_1"), within=60)
            # Of its own the exporter tells by two topics, as another user.
            await eventually(lambda: stored("exports", announced=True), within=60)
            await eventually(lambda: stored("tasks", id="exp_1"), within=60)
        finally:
            await mongo.drop_database(database.name)

    for one in running.values():
        assert "Authorization" not in one.said
        assert "Traceback" not in one.said


async def test_dead_letters_are_written_listed_and_replayed(
    kafka: Kafka, place: Any, spawn: Any
) -> None:
    spawn("ingest", place | kafka.variables("ingest"))
    environment = place | kafka.variables("query")
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka.plain)
    async with producer:
        await producer.send_and_wait(REQUESTS, b"{not json")

    def listed() -> list[str]:
        told = daybook(environment, "dead-letters", "list", "--json")
        assert told.returncode == 0, told.stderr
        return told.stdout.splitlines()

    async def letters() -> list[str]:
        return await asyncio.to_thread(listed)

    (letter,) = await eventually(letters, within=60)
    place_of_it = json.loads(letter)["place"]
    replayed = await asyncio.to_thread(
        daybook, environment, "dead-letters", "replay", place_of_it, "--yes"
    )

    assert replayed.returncode == 0, replayed.stderr
    assert "1 record sent" in replayed.stdout


async def test_the_layout_is_made_by_one_user_and_looked_at_by_another(
    kafka: Kafka, place: Any
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.plain)
    await admin.start()
    try:
        await admin.delete_topics([TASKS])

        made = await asyncio.to_thread(
            daybook, place | kafka.variables("init"), "admin", "init"
        )
        looked_at = await asyncio.to_thread(
            daybook, place | kafka.variables("query"), "admin", "init", "--check"
        )
    finally:
        await admin.close()

    assert made.returncode == 0, made.stderr
    assert f"mended: the topic {TASKS} is missing" in made.stdout
    assert (looked_at.returncode, looked_at.stdout) == (0, "")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"KAFKA_SASL_PASSWORD": "not it"}, "SaslAuthenticationFailed"),
        # The authority is Kafka's own: no system trusts it.
        ({"KAFKA_SSL_CA_FILE": ""}, "CERTIFICATE_VERIFY_FAILED"),
        (
            {
                "KAFKA_SECURITY_PROTOCOL": "",
                "KAFKA_SASL_USERNAME": "",
                "KAFKA_SASL_PASSWORD": "",
                "KAFKA_SSL_CA_FILE": "",
            },
            "Unable connect to",
        ),
    ],
    ids=["a wrong password", "an unknown authority", "no credentials at all"],
)
async def test_who_is_not_let_in_says_why(
    kafka: Kafka,
    place: Any,
    spawn: Any,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, str],
    reason: str,
) -> None:
    environ = kafka.variables("publisher") | changed

    told = daybook(place | kafka.variables("query") | changed, "dead-letters", "list")
    service = spawn("ingest", place | kafka.variables("ingest") | changed)
    client = Client.from_env(
        {**environ, "DAYBOOK_SOURCE": "shop", "DAYBOOK_PROJECT_ID": "demo"}
    )
    client.publish(request())

    await eventually(lambda: reason in caplog.text, within=60)
    await eventually(lambda: "waiting for Kafka" in service.said, within=60)
    await client.close(timedelta(0))

    assert "cannot deliver audit events" in caplog.text
    assert reason in service.said
    assert told.returncode == 1
    assert "Check that KAFKA_BOOTSTRAP_SERVERS" in told.stderr
    assert reason in told.stderr


async def test_a_user_may_do_its_own_work_and_no_other(kafka: Kafka) -> None:
    reader: Any = AIOKafkaProducer(
        **Brokers.from_environ(kafka.variables("ingest")).options()
    )
    writer: Any = AIOKafkaConsumer(
        REQUESTS, **Brokers.from_environ(kafka.variables("publisher")).options()
    )

    async with reader, writer:
        with pytest.raises(TopicAuthorizationFailedError):
            await reader.send_and_wait(REQUESTS, b"{}")
        with pytest.raises(TopicAuthorizationFailedError):
            await writer.getone()
        await reader.send_and_wait(DEAD_LETTERS, b"{}")
