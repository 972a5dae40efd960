"""One dead letter, as it was read back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from daybook.runtime.dead_letters import PREFIX, Header, without_ours
from daybook.storage.times import from_ms

_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a letter stands in the topic of the dead letters: ``PARTITION:OFFSET``."""

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``ValueError`` for anything but ``PARTITION:OFFSET``."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(text)
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that nobody could use, with what is known of it."""

    place: Place
    time: datetime  # when it became a dead letter, by the broker's clock
    key: bytes | None
    value: bytes
    headers: Sequence[Header]
    size: int  # of the value

    @classmethod
    def of(cls, record: Any) -> Self:
        """Of a consumed record; a letter always has a value, be it an empty one."""
        value = record.value or b""
        return cls(
            Place(record.partition, record.offset),
            from_ms(record.timestamp),
            record.key,
            value,
            tuple(record.headers),
            len(value),
        )

    def without_value(self) -> Self:
        """All that a list shows: what is kept of many letters at once."""
        return replace(self, value=b"")

    @property
    def kind(self) -> str:
        return self._said("kind") or "unknown"

    @property
    def reason(self) -> str:
        return self._said("reason") or ""

    @property
    def topic(self) -> str | None:
        """The topic that it came from."""
        return self._said("topic")

    @property
    def partition(self) -> int | None:
        """The partition that it came from."""
        return _number(self._said("partition"))

    @property
    def offset(self) -> int | None:
        """The offset that it had there."""
        return _number(self._said("offset"))

    @property
    def received(self) -> str | None:
        """When the broker received the record itself."""
        return self._said("time")

    @property
    def withheld(self) -> str | None:
        """Why the letter came without the record's bytes, if it did."""
        return self._said("withheld")

    @property
    def source(self) -> str:
        """``TOPIC/PARTITION:OFFSET`` that it came from."""
        return "/".join(
            (
                self.topic or "?",
                f"{_shown(self.partition)}:{_shown(self.offset)}",
            )
        )

    @property
    def original_headers(self) -> list[Header]:
        """The headers that the record came with."""
        return without_ours(self.headers)

    def _said(self, name: str) -> str | None:
        # The last one: a publisher's own header of that name stands before ours.
        for header, value in reversed(self.headers):
            if header == PREFIX + name and value is not None:
                return value.decode("utf-8", "replace")
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _shown(number: int | None) -> str:
    return "?" if number is None else str(number)
