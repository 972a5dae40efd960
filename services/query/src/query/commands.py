"""``daybook admin``: projects, keys and sign-in links, from a shell."""

import json

import click
from daybook.runtime.clock import utc_now
from daybook.storage.projects import ProjectDocument, is_project_id

from query.commands_common import (
    known_tier,
    read_settings,
    with_control_plane,
)
from query.commands_init import init
from query.commands_moving import move
from query.control_plane import ControlPlane, ProjectExists
from query.keys import ApiKey, make_key, system_randomness
from query.signing import Signer, sign_in_link


@click.group()
def admin() -> None:
    """Make the layout; manage projects, API keys and sign-in links."""


admin.add_command(init)


@admin.group()
def project() -> None:
    """Create, list and move projects."""


project.add_command(move)


@project.command("create")
@click.argument("project_id", metavar="ID")
@click.option("--name", help="Name that people read; the id if not given.")
@click.option("--tier", help="Retention tier; the first configured one if not given.")
@click.option("--if-missing", is_flag=True, help="Succeed when it exists already.")
def create_project(
    project_id: str, name: str | None, tier: str | None, if_missing: bool
) -> None:
    """Create the project ID."""
    settings = read_settings()
    if not is_project_id(project_id):
        raise click.BadParameter(
            "use 1 to 64 letters, digits, - and _", param_hint="ID"
        )
    document: ProjectDocument = {
        "_id": project_id,
        "name": name or project_id,
        "tier": known_tier(settings, tier),
        "created_at": utc_now(),
    }
    try:
        with_control_plane(settings, lambda control: control.create_project(document))
    except ProjectExists as error:
        if not if_missing:
            raise click.ClickException(
                f"project {project_id} exists already; --if-missing accepts that"
            ) from error
        click.echo(f"project {project_id} exists")
    else:
        click.echo(f"project {project_id} created, tier {document['tier']}")


@project.command("list")
def list_projects() -> None:
    """List the projects: id, tier, time of creation, name."""

    async def work(control: ControlPlane) -> list[ProjectDocument]:
        return [item async for item in control.projects()]

    for item in with_control_plane(read_settings(), work):
        created = item["created_at"].isoformat(timespec="seconds")
        click.echo("\t".join((item["_id"], item["tier"], created, item["name"])))


@admin.group()
def key() -> None:
    """Create, list and revoke API keys."""


@key.command("create")
@click.option("--project", "project_id", required=True, help="The project's id.")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def create_key(project_id: str, name: str, as_json: bool) -> None:
    """Create a key and print it, once: only its hash is kept."""
    stored, text = make_key(
        project_id, name, now=utc_now(), randomness=system_randomness
    )

    async def work(control: ControlPlane) -> None:
        await _require_project(control, project_id)
        await control.add_key(stored)

    with_control_plane(read_settings(), work)
    if as_json:
        shown = {"id": stored.id, "project_id": project_id, "name": name, "key": text}
        click.echo(json.dumps(shown))
    else:
        click.echo("Keep this key now: it is not shown again.", err=True)
        click.echo(text)


@key.command("list")
@click.option("--project", "project_id", required=True, help="The project's id.")
def list_keys(project_id: str) -> None:
    """List a project's keys: id, state, time of creation, name."""

    async def work(control: ControlPlane) -> list[ApiKey]:
        await _require_project(control, project_id)
        return [item async for item in control.keys(project_id)]

    for item in with_control_plane(read_settings(), work):
        state = "live" if item.live else "revoked"
        created = item.created_at.isoformat(timespec="seconds")
        click.echo("\t".join((item.id, state, created, item.name)))


@key.command("revoke")
@click.argument("key_id")
def revoke_key(key_id: str) -> None:
    """End the key KEY_ID, and its sessions, within ten seconds."""
    if not with_control_plane(
        read_settings(), lambda control: control.revoke_key(key_id, utc_now())
    ):
        raise click.ClickException(
            f"no key {key_id}; `daybook admin key list --project P` shows their ids"
        )
    click.echo(f"key {key_id} revoked")


@admin.command("sign-in-link")
@click.option("--project", "project_id", required=True, help="The project's id.")
@click.option("--key", "key_id", help="Id of the key to bind it to; else the newest.")
@click.option("--base-url", required=True, help="Where the dashboard is reached.")
def print_sign_in_link(project_id: str, key_id: str | None, base_url: str) -> None:
    """Print an address that signs in to the dashboard, for 30 days."""
    settings = read_settings()
    if settings.session_secret is None:
        raise click.UsageError(
            "set DAYBOOK_SESSION_SECRET to the query service's: it signs the link"
        )
    if not base_url.startswith(("http://", "https://")):
        raise click.BadParameter(
            "begin with http:// or https://", param_hint="--base-url"
        )
    signer = Signer(settings.session_secret.get_secret_value(), utc_now)

    async def work(control: ControlPlane) -> str | None:
        await _require_project(control, project_id)
        async for item in control.keys(project_id):
            if item.live and key_id in (None, item.id):
                return item.id
        return None

    bound = with_control_plane(settings, work)
    if bound is None:
        raise click.ClickException(
            f"project {project_id} has no such live key; make one with "
            f"`daybook admin key create --project {project_id} --name NAME`"
        )
    click.echo(sign_in_link(signer, base_url, key_id=bound, project_id=project_id))


async def _require_project(control: ControlPlane, project_id: str) -> None:
    if not await control.project_exists(project_id):
        raise click.ClickException(
            f"no project {project_id}; make it with "
            f"`daybook admin project create {project_id}`"
        )
