"""``daybook admin project move``: a project and all that is stored of it, to a tier."""

import asyncio
from datetime import timedelta
from typing import Final

import click
from daybook.client.ids import uuid7
from daybook.runtime.clock import utc_now
from daybook.runtime.mongo import Document, is_unavailable
from daybook.storage.commands import (
    MOVE_EVENTS,
    MOVE_SENDOUTS,
    CommandKind,
)
from pymongo.errors import PyMongoError

from query.commands_common import known_tier, read_settings, with_control_plane
from query.control_plane import ControlPlane, NoSuchProject

KINDS: Final[tuple[CommandKind, ...]] = (MOVE_EVENTS, MOVE_SENDOUTS)
LOOK_EVERY: Final = timedelta(seconds=1)


@click.command()
@click.argument("project_id", metavar="ID")
@click.option("--tier", required=True, help="The tier to move to.")
@click.option("--wait", is_flag=True, help="Return when all that is stored has moved.")
def move(project_id: str, tier: str, wait: bool) -> None:
    """Move the project ID to another retention tier.

    What is received from now on has it within ten seconds. What is stored follows, the
    oldest first, as a background task of each service that stores: none of it expires
    by the former tier before that. To a tier that keeps shorter, what is older than
    that expires once it has moved. Safe to repeat; a later move takes the place of one
    that has not ended.
    """
    settings = read_settings()
    known_tier(settings, tier)
    ids: dict[CommandKind, str] = {kind: f"cmd_{uuid7()}" for kind in KINDS}

    async def work(control: ControlPlane) -> list[Document]:
        commands = await control.move_project(project_id, tier, ids, utc_now())
        click.echo(f"project {project_id} moves to the tier {tier}")
        for command in commands:
            click.echo(f"{command['service']}: {command['id']}")
        return [await _ended(control, one) for one in commands] if wait else []

    try:
        ended = with_control_plane(settings, work)
    except NoSuchProject as error:
        raise click.ClickException(
            f"no project {project_id}; make it with "
            f"`daybook admin project create {project_id} --tier {tier}`"
        ) from error
    for command in ended:
        click.echo(f"{command['service']}: {command['message']}")
    if any(command["status"] == "FAILED" for command in ended):
        raise SystemExit(1)


async def _ended(control: ControlPlane, command: Document) -> Document:
    while command["status"] == "ACCEPTED":
        await asyncio.sleep(LOOK_EVERY.total_seconds())
        try:
            found = await control.command(command["_id"])
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            continue  # the move waits for the database, too
        if found is None:
            raise click.ClickException(f"the command {command['id']} is gone")
        command = found
    return command
