"""The real supervisor over stand-ins: what the tests start instead of `make run`."""

import sys
from pathlib import Path

from daybook_local.app import run
from daybook_local.services import (
    KAFKA,
    MONGODB,
    SECRET,
    SHOP_URL,
    STORAGE,
    WEBHOOKS,
    Service,
    Stage,
)
from daybook_local.settings import Settings
from daybook_local.start import Parts
from daybook_local.supervision import Backoff

HERE = Path(__file__).parent


def stand_in(name: str, *takes: str, stage: Stage, listens: bool = True) -> Service:
    return Service(
        name,
        takes,
        port_variable=f"{name.upper()}_PORT" if listens else None,
        stage=stage,
        argv=(sys.executable, str(HERE / "stand_in.py"), name),
        grace_s=3.0,
    )


if __name__ == "__main__":
    services = (
        stand_in("ingest", KAFKA, MONGODB, stage=Stage.SERVICES),
        stand_in(
            "query", KAFKA, MONGODB, SECRET, STORAGE, *WEBHOOKS, stage=Stage.SERVICES
        ),
        stand_in("shop", KAFKA, stage=Stage.SHOP),
        stand_in("traffic", SHOP_URL, stage=Stage.TRAFFIC, listens=False),
    )
    admin = (sys.executable, str(HERE / "stand_in_admin.py"))
    sys.exit(run(Settings(), Parts(services, admin, Backoff(first_s=0.05))))
