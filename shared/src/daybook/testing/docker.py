"""The two servers from testcontainers (`DAYBOOK_TEST_DOCKER=1`)."""

import re
import socket
from collections.abc import Generator
from contextlib import contextmanager

# The broker that `make run` starts; of MongoDB the oldest version that is supported.
KAFKA_IMAGE = "apache/kafka:4.3.1"
MONGODB_IMAGE = "mongo:6.0"

_EIGHT_MEBIBYTES = str(8 * 1024 * 1024)


def kafka_environment(host: str, port: int) -> dict[str, str]:
    """The image's settings for one KRaft node that clients reach at ``host:port``."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{host}:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_MESSAGE_TIMESTAMP_TYPE": "LogAppendTime",
        "KAFKA_MESSAGE_MAX_BYTES": _EIGHT_MEBIBYTES,
        "KAFKA_REPLICA_FETCH_MAX_BYTES": _EIGHT_MEBIBYTES,
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }


@contextmanager
def kafka_container() -> Generator[str]:
    """A KRaft broker in a container; yields its bootstrap servers."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    # A broker names its own address to clients: the port has to be known beforehand.
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    host = container.get_container_host_ip()
    for name, value in kafka_environment(host, port).items():
        container.with_env(name, value)
    started = re.compile(r"Kafka Server started")
    with container.waiting_for(LogMessageWaitStrategy(started)):
        yield f"{host}:{port}"


@contextmanager
def mongodb_container() -> Generator[str]:
    """A replica set of one in a container; yields its connection string."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    # Not MongoDbContainer: it sets a root user, and a replica set with users needs a
    # key file.
    container = (
        DockerContainer(MONGODB_IMAGE)
        .with_exposed_ports(27017)
        .with_command("mongod --replSet rs0 --bind_ip_all")
        .waiting_for(LogMessageWaitStrategy(re.compile(r"[Ww]aiting for connections")))
    )
    with container:
        host, port = (
            container.get_container_host_ip(),
            container.get_exposed_port(27017),
        )
        address = f"mongodb://{host}:{port}/?directConnection=true"
        _found_replica_set(address)
        yield address


def _found_replica_set(address: str) -> None:
    from pymongo import MongoClient
    from pymongo.errors import AutoReconnect

    client: MongoClient[dict[str, object]] = MongoClient(address)
    with client:
        members = [{"_id": 0, "host": "127.0.0.1:27017"}]
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        for _ in range(600):
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return
            except AutoReconnect:  # connections are closed as the state changes
                continue
    raise RuntimeError("the MongoDB container did not become a primary")
