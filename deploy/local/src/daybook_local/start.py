"""Bring everything up, and say where it is."""

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiokafka.errors import KafkaError
from daybook.runtime.kafka import Brokers
from daybook.runtime.kafka_topics import ensure_topics
from daybook.webhooks.sealing import new_key
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from daybook_local import services as names
from daybook_local.bootstrap import PROJECT_ID, Admin, daybook_command
from daybook_local.errors import StackError
from daybook_local.kafka import kafka_is_missing
from daybook_local.mongo import Mongo, find_mongod
from daybook_local.ports import HOST
from daybook_local.private_files import kept
from daybook_local.receiving import LEDGER, SECRETS, Receiving
from daybook_local.servers import make_kafka
from daybook_local.services import SERVICES, Service, Stage
from daybook_local.settings import Settings
from daybook_local.stack import Stack
from daybook_local.stack_file import ServiceEntry, StackEntry
from daybook_local.supervision import Backoff
from daybook_local.waiting import wait_until

KAFKA_PORT = 9092
MONGODB_PORT = 27017
GIVEN_SERVER_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What the stack is made of; tests put stand-ins here."""

    services: Sequence[Service] = SERVICES
    admin: Sequence[str] = field(default_factory=daybook_command)
    backoff: Backoff | None = None


def start(settings: Settings, parts: Parts, stack: Stack) -> StackEntry:
    brokers, mongodb = _start_servers(settings, stack)
    kafka = brokers.servers
    stack.say("making the topics")
    try:
        asyncio.run(ensure_topics(brokers))
    except KafkaError as error:
        raise StackError(f"Kafka at {kafka} refused the topics: {error}") from error

    secret_file = settings.state_dir / "session_secret"
    sealing_file = settings.state_dir / "sealing_keys"
    variables = {
        names.KAFKA: kafka,
        names.MONGODB: mongodb,
        names.SECRET: kept(secret_file, lambda: secrets.token_urlsafe(48)),
        # Absolute, so that every process means the same folder.
        names.STORAGE: settings.storage_url
        or str((settings.state_dir / "objects").absolute()),
        names.PROJECT: PROJECT_ID,
        names.SEALING: kept(sealing_file, lambda: new_key("local")),
        # Receivers on this machine, and nothing else that is private.
        names.ALLOWED_NETWORKS: "127.0.0.0/8,::1/128",
        names.PLAIN_HTTP: "true",
        names.RECEIVER_LEDGER: str((settings.state_dir / LEDGER).absolute()),
        names.RECEIVER_SECRETS: str((settings.state_dir / SECRETS).absolute()),
    }
    admin = Admin(
        {name: variables[name] for name in (names.KAFKA, names.MONGODB, names.SECRET)},
        parts.admin,
    )
    stack.say("making the project and its key")
    admin.create_project()
    key_file = settings.state_dir / "api_key"
    key = admin.key(key_file)

    _start_stages(parts.services, stack, variables)

    api = _url(stack, "query")
    if not _is_known(api, key):
        # The database is not the one that the key was made in.
        key = admin.replace_key(key_file)
    if "receiver" in stack.running:
        _deliver(stack, api, key, settings.state_dir)
    return StackEntry(
        dashboard=admin.sign_in_link(api),
        api=api,
        api_key=key,
        project_id=PROJECT_ID,
        shop=_url(stack, "shop"),
        receiver=_url(stack, "receiver") if "receiver" in stack.running else None,
        kafka=kafka,
        mongodb=mongodb,
        services={
            name: ServiceEntry(pid=each.child.pid, health=each.url)
            for name, each in stack.running.items()
            if each.service.stage is Stage.SERVICES and each.url is not None
        },
    )


def _start_stages(
    services: Sequence[Service], stack: Stack, variables: Mapping[str, str]
) -> None:
    known = dict(variables)
    for stage in Stage:
        stack.start_stage([each for each in services if each.stage is stage], known)
        if "shop" in stack.running:
            known[names.SHOP_URL] = _url(stack, "shop")


def _start_servers(settings: Settings, stack: Stack) -> tuple[Brokers, str]:
    """Kafka and MongoDB's address, once both serve. MongoDB stops last."""
    waits: list[Callable[[], None]] = []
    mongodb = settings.mongodb_uri
    if mongodb is None:
        mongo = Mongo(
            folder=settings.state_dir / "mongodb",
            port=stack.take_port("MongoDB", MONGODB_PORT),
            mongod=find_mongod(os.environ),
        )
        stack.say("starting MongoDB")
        waits.append(stack.start_server(mongo))
        mongodb = mongo.address
    if settings.kafka_bootstrap_servers is not None:
        # Its user, too, the services find where we do.
        kafka = Brokers.from_environ(os.environ)
    else:
        node = make_kafka(
            settings.state_dir / "kafka",
            port=stack.take_port("Kafka", KAFKA_PORT),
            controller_port=stack.take_port("Kafka's controller", None),
            environment=os.environ,
            progress=stack.say,
        )
        stack.say("starting Kafka")
        waits.append(stack.start_server(node))
        kafka = Brokers(node.address)
    for wait in waits:
        wait()
    stack.say("asking whether both answer")
    _require_kafka(kafka, stack)
    _require_mongodb(mongodb)
    return kafka, mongodb


def _require_kafka(brokers: Brokers, stack: Stack) -> None:
    wait_until(
        lambda: kafka_is_missing(brokers),
        what=f"Kafka at {brokers.servers}",
        within=GIVEN_SERVER_WITHIN_S,
        alive=lambda: not stack.stop_was_asked_for(),
    )


def _require_mongodb(uri: str) -> None:
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(
            uri, serverSelectionTimeoutMS=int(GIVEN_SERVER_WITHIN_S * 1000)
        )
        with client:
            client.admin.command("ping")
    except PyMongoError as error:
        raise StackError(f"MongoDB (MONGODB_URI) does not answer: {error}") from error


def _deliver(stack: Stack, api: str, key: str, state_dir: Path) -> None:
    """Have the receiver get webhooks; the stack is of use without them, too."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(
        base_url=api, headers=headers, timeout=30.0, trust_env=False
    ) as client:
        try:
            Receiving(client, state_dir).at(_url(stack, "receiver"))
        except StackError as error:
            stack.say(f"the receiver gets no webhooks: {error}")


def _url(stack: Stack, name: str) -> str:
    return stack.running[name].url or f"http://{HOST}"


def _is_known(api: str, key: str) -> bool:
    """Whether query takes the key."""
    headers = {"authorization": f"Bearer {key}"}
    try:
        answer = httpx.get(
            f"{api}/v1/logs",
            params={"limit": 1},
            headers=headers,
            timeout=30.0,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise StackError(f"{api} did not answer a first question: {error}") from error
    return answer.status_code not in (401, 403)
