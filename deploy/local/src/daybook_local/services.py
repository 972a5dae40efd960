"""The processes of the stack beside its two servers, as data."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from daybook_local.logs import Shown
from daybook_local.processes import Command, everything

KAFKA = "KAFKA_BOOTSTRAP_SERVERS"
MONGODB = "MONGODB_URI"
SECRET = "DAYBOOK_SESSION_SECRET"  # noqa: S105 - a variable's name
STORAGE = "DAYBOOK_STORAGE_URL"
PROJECT = "DAYBOOK_PROJECT_ID"
SEALING = "DAYBOOK_SEALING_KEYS"
ALLOWED_NETWORKS = "DAYBOOK_WEBHOOK_ALLOWED_NETWORKS"
PLAIN_HTTP = "DAYBOOK_WEBHOOK_PLAIN_HTTP"
# What whoever makes webhook endpoints and whoever sends to them have to agree on.
WEBHOOKS = (SEALING, ALLOWED_NETWORKS, PLAIN_HTTP)
SHOP_URL = "SHOP_URL"
RECEIVER_LEDGER = "RECEIVER_LEDGER"
RECEIVER_SECRETS = "RECEIVER_SECRETS_FILE"


class Stage(IntEnum):
    """When a process starts; they stop the other way round, each stage at once."""

    RECEIVER = 1  # there for as long as anybody delivers
    SERVICES = 2
    SHOP = 3
    TRAFFIC = 4


@dataclass(frozen=True, slots=True)
class Service:
    """One process. `takes`: which of the stack's variables it gets.

    `port_variable` names the variable that tells it its port; there it answers
    `ready_path` with a 2xx once it is ready. Without a port it is ready when it runs.
    """

    name: str
    takes: tuple[str, ...]
    module: str | None = None  # its own name if not said
    port_variable: str | None = None
    usual_port: int | None = None
    ready_path: str = "/readyz"
    stage: Stage = Stage.SERVICES
    shown: Shown = everything
    grace_s: float = 20.0
    argv: tuple[str, ...] | None = None  # else `python -m MODULE`

    def command(self, stack: Mapping[str, str], port: int | None) -> Command:
        env = {name: stack[name] for name in self.takes}
        if self.port_variable is not None and port is not None:
            env[self.port_variable] = str(port)
        module = self.module or self.name
        return Command(
            name=self.name,
            argv=self.argv or (sys.executable, "-m", module),
            env=env,
            grace_s=self.grace_s,
            shown=self.shown,
        )


def show_trouble(line: str) -> str | None:
    """On the console only warnings and worse: requests would bury everything else."""
    words = ("WARNING", "ERROR", "CRITICAL", "Traceback", "Error:")
    return line if any(word in line for word in words) else None


SERVICES = (
    Service(
        "receiver",
        (RECEIVER_LEDGER, RECEIVER_SECRETS),
        port_variable="RECEIVER_PORT",
        usual_port=8082,
        ready_path="/healthz",
        stage=Stage.RECEIVER,
        shown=show_trouble,
    ),
    Service("ingest", (KAFKA, MONGODB), port_variable="DAYBOOK_HEALTH_PORT"),
    Service(
        "task-tracker",
        (KAFKA, MONGODB),
        module="task_tracker",
        port_variable="DAYBOOK_HEALTH_PORT",
    ),
    Service(
        "webhook-dispatcher",
        (KAFKA, MONGODB, *WEBHOOKS),
        module="webhook_dispatcher",
        port_variable="DAYBOOK_HEALTH_PORT",
    ),
    Service("exporter", (KAFKA, MONGODB, STORAGE), port_variable="DAYBOOK_HEALTH_PORT"),
    Service(
        "query",
        (KAFKA, MONGODB, SECRET, STORAGE, *WEBHOOKS),
        port_variable="DAYBOOK_PORT",
        usual_port=8080,
    ),
    Service(
        "shop",
        (KAFKA, PROJECT),
        port_variable="SHOP_PORT",
        usual_port=8081,
        ready_path="/openapi.json",
        stage=Stage.SHOP,
        shown=show_trouble,
    ),
    Service(
        "traffic",
        (SHOP_URL,),
        module="shop.traffic",
        stage=Stage.TRAFFIC,
        shown=show_trouble,
        grace_s=5.0,
    ),
)
