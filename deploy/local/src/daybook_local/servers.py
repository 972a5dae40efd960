"""The two servers, made from what this machine has."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from daybook_local.jars import cache_dir, read_lock, resolve_jars
from daybook_local.java import find_java
from daybook_local.kafka import Kafka
from daybook_local.mongo import Mongo, find_mongod
from daybook_local.ports import Ports
from daybook_local.server import Server

KAFKA_PORT = 9092
MONGODB_PORT = 27017


def make_kafka(
    folder: Path,
    ports: Ports,
    *,
    environment: Mapping[str, str] = os.environ,
    usual_port: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Kafka:
    """A Kafka whose data is in `folder`; downloads it the first time."""
    return Kafka(
        folder=folder,
        port=ports.take(usual_port),
        controller_port=ports.take(),
        java=find_java(environment),
        jars=resolve_jars(cache_dir(environment), jars=read_lock(), progress=progress),
    )


def make_mongo(
    folder: Path,
    ports: Ports,
    *,
    environment: Mapping[str, str] = os.environ,
    usual_port: int | None = None,
    parameters: Mapping[str, str | int] | None = None,
) -> Mongo:
    """A MongoDB whose data is in `folder`."""
    return Mongo(
        folder=folder,
        port=ports.take(usual_port),
        mongod=find_mongod(environment),
        parameters=parameters or {},
    )


def kafka_server(folder: Path) -> Server:
    """A Kafka for tests, not started yet, on a free port."""
    return Server(make_kafka(folder / "data", Ports()), log=folder / "kafka.log")


def mongodb_server(
    folder: Path, parameters: Mapping[str, str | int] | None = None
) -> Server:
    """A MongoDB for tests, not started yet, on a free port."""
    mongo = make_mongo(folder / "data", Ports(), parameters=parameters)
    return Server(mongo, log=folder / "mongodb.log")
