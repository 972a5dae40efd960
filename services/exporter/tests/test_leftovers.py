"""Objects that no export lists are removed once nobody can be at work on it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from daybook.storage.exports import folder_of
from exporter.leftovers import Leftovers

Document = dict[str, Any]
LISTED = ["1-00000.csv", "1-00000.parquet"]


async def some() -> AsyncIterator[bytes]:
    yield b"left behind"


def leftovers(world: Any, after: timedelta = timedelta(0)) -> Leftovers:
    return Leftovers(world.database["exports"], world.objects, after)


@pytest.fixture
async def ended(world: Any) -> Document:
    """An export that has ended, and beside its own what a late worker put."""
    await world.store_logs(10)
    export = await world.run(await world.ask())
    for name in ("0-00000.csv", "1-00001.csv", "1-keys-00000"):
        await world.objects.put(f"{folder_of(export)}{name}", some())
    return export


async def test_only_what_is_listed_stays(world: Any, ended: Document) -> None:
    await leftovers(world).sweep()

    assert await world.names(ended) == LISTED
    assert "unswept" not in await world.document(ended)


async def test_an_export_is_left_alone_while_it_may_be_worked_on(
    world: Any, ended: Document
) -> None:
    running = await world.ask()
    await world.objects.put(f"{folder_of(running)}1-00000.csv", some())

    await leftovers(world, after=timedelta(minutes=1)).sweep()
    await leftovers(world).sweep()

    assert await world.names(running) == ["1-00000.csv"]
    assert await world.names(ended) == LISTED


async def test_a_storage_that_is_away_is_asked_again(
    world: Any, ended: Document, tmp_path: Any
) -> None:
    folder = tmp_path / "objects"
    (tmp_path / "away").mkdir()
    hidden = folder.rename(tmp_path / "away" / "objects")
    folder.write_text("no folder")

    await leftovers(world).sweep()

    assert (await world.document(ended))["unswept"] is True
    folder.unlink()
    hidden.rename(folder)
    await leftovers(world).sweep()
    assert await world.names(ended) == LISTED
