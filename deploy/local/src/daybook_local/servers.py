"""The two servers, made from what this machine has."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from daybook_local.jars import cache_dir, read_lock, resolve_jars
from daybook_local.java import find_java
from daybook_local.kafka import Kafka, Secured
from daybook_local.mongo import Mongo, find_mongod
from daybook_local.ports import Ports
from daybook_local.server import Server


def make_kafka(
    folder: Path,
    *,
    port: int,
    controller_port: int,
    environment: Mapping[str, str],
    progress: Callable[[str], None] = lambda _: None,
    secured: Secured | None = None,
) -> Kafka:
    """A Kafka whose data is in `folder`; downloads it the first time."""
    return Kafka(
        folder=folder,
        port=port,
        controller_port=controller_port,
        java=find_java(environment),
        jars=resolve_jars(cache_dir(environment), jars=read_lock(), progress=progress),
        secured=secured,
    )


def kafka_server(folder: Path) -> Server:
    """A Kafka for tests, not started yet, on a free port."""
    ports = Ports()
    kafka = make_kafka(
        folder / "data",
        port=ports.take(),
        controller_port=ports.take(),
        environment=os.environ,
    )
    return Server(kafka, log=folder / "kafka.log")


def secured_kafka_server(
    folder: Path, users: Mapping[str, str], certificate: Path
) -> tuple[Server, Secured]:
    """The same with a listener for these users (name → password), who may do nothing
    before the other listener's have given them rights."""
    ports = Ports()
    secured = Secured(ports.take(), users, certificate)
    kafka = make_kafka(
        folder / "data",
        port=ports.take(),
        controller_port=ports.take(),
        environment=os.environ,
        secured=secured,
    )
    return Server(kafka, log=folder / "kafka.log"), secured


def mongodb_server(
    folder: Path, parameters: Mapping[str, str | int] | None = None
) -> Server:
    """A MongoDB for tests, not started yet, on a free port.

    `parameters`: `--setParameter`s beyond the usual, such as `ttlMonitorSleepSecs`.
    """
    mongo = Mongo(
        folder=folder / "data",
        port=Ports().take(),
        mongod=find_mongod(os.environ),
        parameters=parameters or {},
    )
    return Server(mongo, log=folder / "mongodb.log")
