"""Reads as MongoDB explains them: for tests of which index answers what."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

_KEPT = ("find", "filter", "sort", "projection", "limit", "batchSize", "hint")


@dataclass
class Sent(CommandListener):
    """The reads that were sent: give it to a client as an event listener."""

    commands: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate", "getMore"):
            self.commands.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@dataclass
class Explained:
    """What MongoDB says of one command that was sent."""

    stages: list[dict[str, Any]]
    keys: int
    documents: int
    returned: int

    @property
    def indexes(self) -> set[str]:
        return {stage["indexName"] for stage in self.stages if "indexName" in stage}

    @property
    def names(self) -> set[str]:
        """What was done: IXSCAN, FETCH, SORT …"""
        return {stage["stage"] for stage in self.stages}


async def explain(
    database: AsyncDatabase[dict[str, Any]], command: dict[str, Any]
) -> Explained:
    """What MongoDB says of a ``find`` that was sent; one with a skip fails the test."""
    assert "skip" not in command
    answer = await database.command(
        "explain",
        {name: command[name] for name in _KEPT if name in command},
        verbosity="executionStats",
    )
    stats = answer["executionStats"]
    return Explained(
        list(_stages(stats["executionStages"])),
        stats["totalKeysExamined"],
        stats["totalDocsExamined"],
        stats["nReturned"],
    )


def _stages(stage: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield stage
    for name in ("inputStage", "outerStage", "innerStage"):
        if name in stage:
            yield from _stages(stage[name])
    for inner in stage.get("inputStages", ()):
        yield from _stages(inner)
