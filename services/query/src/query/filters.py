"""What a list is filtered by, read from a query string: what all lists have in common.

The API and the pages read the same names by the same rules.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from daybook.storage.status_codes import read_codes
from daybook.storage.times import to_ms

AFTER, BEFORE = "created_at[after]", "created_at[before]"

# Each value is a branch or two of a merged index scan.
MOST_VALUES = 20
LONGEST_VALUE = 4096
# Caps what an answer says of a query string that is nothing but mistakes.
MOST_PROBLEMS = 20
# Dates that the driver can hold; an open window ends here.
EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999

# An offset's plus sign reads as a space where nobody escaped it.
_UNESCAPED_OFFSET = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$")
_ROUND_UP = timedelta(microseconds=999)

# The values of one name; what is wrong with them, or None.
Check = Callable[[Sequence[str]], str | None]


@dataclass(frozen=True, slots=True)
class Window:
    """Milliseconds since 1970: ``after`` inclusive, ``before`` exclusive, None open."""

    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Values are OR within a name and AND between names; ``window`` is as asked for."""

    values: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )
    window: Window = Window()

    def of(self, name: str) -> tuple[str, ...]:
        return self.values.get(name, ())

    def effective_window(self, now: datetime, default: timedelta | None) -> Window:
        """The window to search: as asked for, else the default that ends now."""
        if self.window != Window() or default is None:
            return self.window
        return Window(after=to_ms(now - default))


class InvalidFilters(ValueError):
    """Some filters cannot be read; ``problems`` says what to do, of the first names."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(islice(problems.items(), MOST_PROBLEMS))
        super().__init__(
            "; ".join(f"{name}: {what}" for name, what in problems.items())
        )


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The filters of one list.

    ``values`` may be repeated; ``once`` may not; ``ends`` are names beside ``BEFORE``
    for the end of the window. ``checks`` judge values beyond that.
    """

    values: tuple[str, ...]
    once: frozenset[str] = frozenset()
    ends: tuple[str, ...] = ()
    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])

    @property
    def times(self) -> tuple[str, ...]:
        return (AFTER, BEFORE, *self.ends)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.times, *self.values)

    def read(self, pairs: Iterable[tuple[str, str]]) -> Filters:
        """Read filters out of a query string's pairs.

        Raises :class:`InvalidFilters` with the problems at once, unknown names
        included.
        """
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            values = given.setdefault(name, [])
            if value not in values:
                values.append(value)
        problems = {
            name: problem
            for name, values in given.items()
            if (problem := self._problem(name, values)) is not None
        }
        if problems:
            raise InvalidFilters(problems)
        return Filters(
            {name: tuple(given[name]) for name in self.values if name in given},
            self._window({name: values[0] for name, values in given.items()}),
        )

    def _problem(self, name: str, values: list[str]) -> str | None:
        if name not in self.names:
            return f"is unknown; use {', '.join(self.names)}"
        if (name in self.once or name in self.times) and len(values) > 1:
            return "give it once"
        if len(values) > MOST_VALUES:
            return f"give at most {MOST_VALUES} values"
        for value in values:
            if not value:
                return "give a value, or leave it out"
            if len(value) > LONGEST_VALUE:
                return f"give at most {LONGEST_VALUE} characters"
        if name in self.times and read_time(values[0]) is None:
            return (
                "write a time as RFC 3339, for example 2026-11-24T03:00:00.000Z; "
                "without a zone it is UTC"
            )
        check = self.checks.get(name)
        return None if check is None else check(values)

    def _window(self, given: Mapping[str, str]) -> Window:
        after = read_time(given.get(AFTER, ""))
        ends = {
            name: ms
            for name in (BEFORE, *self.ends)
            if (ms := read_time(given.get(name, ""))) is not None
        }
        if not ends:
            return Window(after)
        end = min(ends, key=ends.__getitem__)
        if after is not None and after >= ends[end]:
            raise InvalidFilters({AFTER: f"must be earlier than {end}"})
        return Window(after, ends[end])


def read_time(text: str) -> int | None:
    """Milliseconds since 1970, rounded up, or None when ``text`` is no time.

    Rounding up keeps both bounds exact against stored times of whole milliseconds.
    """
    try:
        moment = datetime.fromisoformat(_UNESCAPED_OFFSET.sub(r"\1+\2", text))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return to_ms(moment.astimezone(UTC) + _ROUND_UP)
    except (ValueError, OverflowError):
        return None


def codes_problem(values: Sequence[str]) -> str | None:
    """What is wrong with values of ``status_code``."""
    if any(read_codes(value) is None for value in values):
        return "use a code such as 404, a class such as 4xx, or null for no response"
    return None


def one_of(*choices: str) -> Check:
    """Accepts nothing but these."""
    *most, last = choices
    sentence = f"use {', '.join(most)} or {last}"

    def check(values: Sequence[str]) -> str | None:
        return None if set(choices).issuperset(values) else sentence

    return check
