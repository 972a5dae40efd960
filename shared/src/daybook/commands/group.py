"""The group of commands that the installed distributions bring.

A distribution adds a command by an entry point in the group ``daybook.commands``. Each
is imported only when it is asked for, and one that is broken says so, alone.
"""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

import click

ENTRY_POINTS = "daybook.commands"


class DiscoveredCommands(click.Group):
    """The commands of an entry-point group; of two with one name, the first."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._found()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        known = super().get_command(ctx, cmd_name)
        if known is not None:
            return known
        entry_point = self._found().get(cmd_name)
        return None if entry_point is None else _load(entry_point)

    def _found(self) -> dict[str, EntryPoint]:
        return {found.name: found for found in reversed(list(discover()))}


def discover() -> Iterable[EntryPoint]:
    """The commands that are installed, in the order of their distributions."""
    return entry_points(group=ENTRY_POINTS)


def _load(entry_point: EntryPoint) -> click.Command:
    try:
        loaded: object = entry_point.load()
    # Another distribution's module may raise anything at all while it is imported.
    except Exception as error:
        return _broken(entry_point, f"{type(error).__name__}: {error}")
    if not isinstance(loaded, click.Command):
        return _broken(entry_point, f"{entry_point.value} is no click command")
    return loaded


def _broken(entry_point: EntryPoint, why: str) -> click.Command:
    """A command that only says why it is not there."""
    brought_by = entry_point.dist.name if entry_point.dist else "an unknown package"

    def fail(arguments: tuple[str, ...]) -> None:
        del arguments
        raise click.ClickException(
            f"`{entry_point.name}`, which {brought_by} brings, cannot be loaded: {why}"
        )

    return click.Command(
        entry_point.name,
        callback=fail,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
        short_help=f"(cannot be loaded: {why})",
    )


@click.group(cls=DiscoveredCommands)
@click.version_option(package_name="daybook", prog_name="daybook")
def daybook() -> None:
    """Look after a Daybook: see `daybook COMMAND --help` for each command."""
