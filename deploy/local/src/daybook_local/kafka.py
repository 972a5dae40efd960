"""Apache Kafka as an ordinary process: one KRaft node, broker and controller."""

import asyncio
import base64
import logging
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from daybook.runtime.kafka import Brokers

from daybook_local.errors import StackError
from daybook_local.ports import HOST
from daybook_local.processes import Command
from daybook_local.waiting import wait_until

MEBIBYTE = 1024 * 1024
# The largest topic takes 6 MiB a record (dead letters); headers and batch come on top.
MAX_MESSAGE_BYTES = 8 * MEBIBYTE
HEAP = "256m"
READY_WITHIN_S = 90.0

_LOGGING = Path(__file__).with_name("log4j2.properties")
_READINESS_GROUP = "daybook-readiness"


@dataclass(frozen=True, slots=True)
class Secured:
    """A second listener, by TLS, for users with a password and rights of their own.

    What comes by the first one, in plain text, may do everything, and gives rights.
    """

    port: int
    users: Mapping[str, str]  # name → password
    # The server's own, as PEM: its key (PKCS #8), then its chain.
    certificate: Path

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def listener(self) -> str:
        return f",SASL://{self.address}"

    def format_options(self) -> list[str]:
        """What makes the users, while the folder is formatted."""
        return [
            option
            for name, password in self.users.items()
            for option in (
                "--add-scram",
                f"SCRAM-SHA-512=[name={name},password={password}]",
            )
        ]

    def settings(self) -> list[tuple[str, str | int]]:
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        return [
            ("listener.name.sasl.sasl.enabled.mechanisms", "SCRAM-SHA-512"),
            ("listener.name.sasl.scram-sha-512.sasl.jaas.config", login),
            ("listener.name.sasl.ssl.keystore.type", "PEM"),
            ("listener.name.sasl.ssl.keystore.location", _escaped(self.certificate)),
            ("authorizer.class.name", authorizer),
            ("super.users", "User:ANONYMOUS"),
        ]


@dataclass(frozen=True, slots=True)
class Kafka:
    """One node: where its data is, which ports it has, what runs it."""

    folder: Path
    port: int
    controller_port: int
    java: Path
    jars: Sequence[Path]
    secured: "Secured | None" = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def prepare(self) -> None:
        """Write the properties for this start's ports; format the folder once.

        A format that was killed half-way is begun again: the folder gets its name last.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        data = self.folder / "data"
        if not (data / "meta.properties").exists():
            fresh = self.folder / "data.new"
            for left_over in (fresh, data):
                shutil.rmtree(left_over, ignore_errors=True)
            self._format(fresh)
            fresh.rename(data)
        self._properties.write_text(self._render(data), "utf-8")

    def command(self) -> Command:
        return Command(
            name="kafka",
            argv=[*self._java(HEAP), "kafka.Kafka", str(self._properties)],
            # It writes to its folder, and flushes its logs for at most this long.
            grace_s=30.0,
            shown=show_kafka_line,
        )

    def wait_ready(self, alive: Callable[[], bool]) -> None:
        """Return once groups can be joined and records written; else `StackError`."""
        wait_until(
            lambda: kafka_is_missing(self.address),
            what="Kafka",
            within=READY_WITHIN_S,
            alive=alive,
        )

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, heap: str) -> list[str]:
        return [
            str(self.java),
            f"-Xmx{heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            f"-Dlog4j2.configurationFile={_LOGGING}",
            "-cp",
            os.pathsep.join(str(jar) for jar in self.jars),
        ]

    def _format(self, fresh: Path) -> None:
        properties = self.folder / "format.properties"
        properties.write_text(self._render(fresh), "utf-8")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # A leading dash would be read as an option.
        cluster = cluster.replace("-", "A")
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c"]
        users = [] if self.secured is None else self.secured.format_options()
        answer = subprocess.run(  # noqa: S603 - our own command
            [*self._java(HEAP), *tool, str(properties), *users],
            capture_output=True,
            text=True,
            check=False,
        )
        properties.unlink()
        if answer.returncode != 0:
            words = (answer.stderr or answer.stdout).strip()
            raise StackError(f"Kafka could not format {fresh.parent}: {words}")

    def _render(self, data: Path) -> str:
        return "".join(f"{key}={value}\n" for key, value in self._settings(data))

    def _settings(self, data: Path) -> list[tuple[str, str | int]]:
        more = self.secured
        return [
            ("process.roles", "broker,controller"),
            ("node.id", 1),
            # The voter's address is this file's alone, never the metadata's, so that
            # the node comes back with its data on other ports.
            ("controller.quorum.voters", f"1@{HOST}:{self.controller_port}"),
            ("controller.listener.names", "CONTROLLER"),
            (
                "listeners",
                f"PLAINTEXT://{HOST}:{self.port},"
                f"CONTROLLER://{HOST}:{self.controller_port}"
                f"{more.listener if more else ''}",
            ),
            (
                "advertised.listeners",
                f"PLAINTEXT://{HOST}:{self.port}{more.listener if more else ''}",
            ),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL",
            ),
            *(more.settings() if more else ()),
            ("log.dirs", _escaped(data)),
            ("log.segment.bytes", 64 * MEBIBYTE),
            ("message.timestamp.type", "LogAppendTime"),
            ("message.max.bytes", MAX_MESSAGE_BYTES),
            ("replica.fetch.max.bytes", MAX_MESSAGE_BYTES),
            ("auto.create.topics.enable", "false"),
            # One node: nothing can be stored twice.
            ("default.replication.factor", 1),
            ("min.insync.replicas", 1),
            ("offsets.topic.replication.factor", 1),
            ("offsets.topic.num.partitions", 1),
            ("transaction.state.log.replication.factor", 1),
            ("transaction.state.log.min.isr", 1),
            ("transaction.state.log.num.partitions", 1),
            ("share.coordinator.state.topic.replication.factor", 1),
            ("share.coordinator.state.topic.min.isr", 1),
            ("share.coordinator.state.topic.num.partitions", 1),
            ("group.initial.rebalance.delay.ms", 0),
            # After a crash the node is let in again when its last session has ended.
            ("broker.session.timeout.ms", 4_000),
            ("broker.heartbeat.interval.ms", 500),
        ]


def show_kafka_line(line: str) -> str | None:
    """On the console only what went wrong: the file has the rest."""
    return line if " ERROR " in line or " FATAL " in line else None


def kafka_is_missing(brokers: Brokers | str) -> str | None:
    """What keeps the broker from serving consumer groups; None: nothing.

    It asks as the first member of a group would, which makes the broker create its
    offsets topic and load it: no service then meets GroupCoordinatorNotAvailable.
    """
    answers: list[str | None] = []
    # A thread of its own: the caller may be inside a running event loop.
    thread = Thread(target=lambda: answers.append(asyncio.run(_ask(brokers))))
    thread.start()
    thread.join()
    return answers[0] if answers else "the question failed"


async def _ask(brokers: Brokers | str) -> str | None:
    admin = AIOKafkaAdminClient(
        **Brokers.of(brokers).options(), request_timeout_ms=5_000
    )
    # What it logs while it waits is what we wait for.
    logger = logging.getLogger("aiokafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        await admin.start()
        await admin.list_consumer_group_offsets(_READINESS_GROUP)
    except (KafkaError, OSError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await admin.close()
        logger.setLevel(level)
    return None


def _escaped(path: Path) -> str:
    """A path as Java's properties files spell it."""
    return str(path.absolute()).replace("\\", "\\\\")
