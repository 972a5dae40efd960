"""What a list of logs is filtered by, read from a query string.

The API and the page read the same names by the same rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

from daybook.storage.times import to_ms

# The order in which pages show them.
VALUE_FILTERS = (
    "status",
    "status_code",
    "method",
    "endpoint",
    "channel",
    "user",
    "api_key",
    "request_id",
    "resource_type",
    "resource_id",
    "task_id",
    "import_file_id",
)
AFTER, BEFORE = "created_at[after]", "created_at[before]"
FILTERS = (AFTER, BEFORE, *VALUE_FILTERS)

# Beside these the whole history is searched: one thing's traces are few and far apart.
WINDOWLESS = frozenset({"request_id", "task_id", "import_file_id", "resource_id"})
DEFAULT_WINDOW = timedelta(hours=24)

# Each value is a branch or two of a merged index scan.
MOST_VALUES = 20
LONGEST_VALUE = 4096

# Every status code that the event model allows.
ALL_CODES = range(100, 1000)
_ROUND_UP = timedelta(microseconds=999)


@dataclass(frozen=True, slots=True)
class Window:
    """Milliseconds since 1970: ``after`` inclusive, ``before`` exclusive, None open."""

    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Codes:
    """Status codes that are asked for; ``none``: logs without a response too."""

    codes: frozenset[int]
    none: bool


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

    def default_window(self) -> timedelta | None:
        """How far back to look when no time was asked for; None is all of it."""
        if any(name in WINDOWLESS for name in self.values):
            return None
        return DEFAULT_WINDOW


class InvalidFilters(ValueError):
    """Some filters cannot be read; ``problems`` says of each name what to do."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = problems
        super().__init__(
            "; ".join(f"{name}: {what}" for name, what in problems.items())
        )


def read_filters(pairs: Iterable[tuple[str, str]]) -> Filters:
    """Read filters out of a query string's pairs.

    Raises :class:`InvalidFilters` with every problem at once, unknown names included.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        values = given.setdefault(name, [])
        if value not in values:
            values.append(value)
    problems: dict[str, str] = {}
    for name, values in given.items():
        problem = _problem(name, values)
        if problem is not None:
            problems[name] = problem
    window = Window()
    if not problems:
        window = Window(
            *(
                read_time(given[name][0]) if name in given else None
                for name in (AFTER, BEFORE)
            )
        )
        if (
            window.after is not None
            and window.before is not None
            and window.after >= window.before
        ):
            problems[AFTER] = f"must be earlier than {BEFORE}"
    if problems:
        raise InvalidFilters(problems)
    return Filters(
        {name: tuple(given[name]) for name in VALUE_FILTERS if name in given}, window
    )


def _problem(name: str, values: list[str]) -> str | None:
    if name not in FILTERS:
        return f"is unknown; use {', '.join(FILTERS)}"
    if name in (AFTER, BEFORE) and len(values) > 1:
        return "give it once"
    if len(values) > MOST_VALUES:
        return f"give at most {MOST_VALUES} values"
    for value in values:
        if not value:
            return "give a value, or leave it out"
        if len(value) > LONGEST_VALUE:
            return f"give at most {LONGEST_VALUE} characters"
    if name in (AFTER, BEFORE) and read_time(values[0]) is None:
        return (
            "write a time as RFC 3339, for example 2026-11-24T03:00:00.000Z; "
            "without a zone it is UTC"
        )
    if name == "status" and not {"SUCCESS", "FAILURE"}.issuperset(values):
        return "use SUCCESS or FAILURE"
    if name == "status_code" and any(_codes(value) is None for value in values):
        return "use a code such as 404, a class such as 4xx, or null for no response"
    return None


def read_time(text: str) -> int | None:
    """Milliseconds since 1970, rounded up, or None when ``text`` is no time.

    Rounding up keeps both bounds exact against stored times of whole milliseconds.
    """
    # An offset's plus sign reads as a space where nobody escaped it.
    if len(text) > 6 and text[-6] == " ":
        text = f"{text[:-6]}+{text[-5:]}"
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return to_ms(moment.astimezone(UTC) + _ROUND_UP)
    except (ValueError, OverflowError):
        return None


def _codes(text: str) -> Codes | None:
    if text == "null":
        return Codes(frozenset(), none=True)
    if len(text) != 3 or not text.isascii() or text[0] not in "123456789":
        return None
    if text[1:] == "xx":
        first = int(text[0]) * 100
        return Codes(frozenset(range(first, first + 100)), none=False)
    return Codes(frozenset({int(text)}), none=False) if text.isdigit() else None


def asked_codes(filters: Filters) -> Codes | None:
    """The codes that ``status`` and ``status_code`` leave together; None is any."""
    asked: Codes | None = None
    if filters.of("status_code"):
        read = [
            codes for value in filters.of("status_code") if (codes := _codes(value))
        ]
        asked = Codes(
            frozenset(chain.from_iterable(item.codes for item in read)),
            none=any(item.none for item in read),
        )
    statuses = set(filters.of("status"))
    if len(statuses) != 1:
        return asked
    failure = statuses == {"FAILURE"}
    of_status = Codes(
        frozenset(code for code in ALL_CODES if (code >= 400) is failure), none=failure
    )
    if asked is None:
        return of_status
    return Codes(asked.codes & of_status.codes, none=asked.none and of_status.none)
