"""What the commands of ``daybook admin`` share: settings, tiers, the database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import click
from daybook.runtime.mongo import Document, connect, is_unavailable
from daybook.storage.tiers import InvalidTiers, parse_tiers
from pydantic import ValidationError
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from query.control_plane import ControlPlane
from query.settings import QuerySettings

Result = TypeVar("Result")


def read_settings() -> QuerySettings:
    try:
        return QuerySettings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_input=False)
        )
        raise click.UsageError(f"cannot read the settings: {wrong}") from error


def run_with_database(
    settings: QuerySettings,
    work: Callable[[AsyncDatabase[Document]], Awaitable[Result]],
) -> Result:
    """Do the work; a database that is away ends the command with one sentence."""

    async def with_database() -> Result:
        async with connect(settings.mongodb_uri, app_name="daybook-admin") as client:
            return await work(client[settings.mongodb_database])

    try:
        return asyncio.run(with_database())
    except PyMongoError as error:
        if not is_unavailable(error):
            raise
        raise click.ClickException(
            "MongoDB does not answer. Check that it runs and that MONGODB_URI names "
            f"it. It said: {str(error).partition(' (configured')[0]}"
        ) from error


def with_control_plane(
    settings: QuerySettings, work: Callable[[ControlPlane], Awaitable[Result]]
) -> Result:
    """The same, with the projects and keys in it."""
    return run_with_database(settings, lambda database: work(ControlPlane(database)))


def tiers_of(settings: QuerySettings) -> dict[str, timedelta]:
    """The configured tiers, the default one first."""
    try:
        return parse_tiers(settings.tiers)
    except InvalidTiers as error:
        raise click.UsageError(f"DAYBOOK_TIERS: {error}") from error


def known_tier(settings: QuerySettings, tier: str | None, hint: str = "--tier") -> str:
    """The tier if it is configured; the default one for None."""
    tiers = tiers_of(settings)
    if tier is None:
        return next(iter(tiers))
    if tier not in tiers:
        raise click.BadParameter(
            f"no such tier; DAYBOOK_TIERS has {', '.join(tiers)}", param_hint=hint
        )
    return tier
