"""A list's filters as a page shows them: a form, chips, links; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

from daybook.storage.times import from_ms

from query.filters import AFTER, BEFORE, read_time

Pairs = list[tuple[str, str]]
CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class Blank:
    """A filter before anything is filled in.

    ``options``: its values with their words, where there are few. ``most``: the
    highest number.
    """

    label: str
    hint: str = ""
    kind: Literal["text", "time", "number"] = "text"
    most: int = 100
    options: Mapping[str, str] = field(default_factory=dict[str, str])


TIMES: Mapping[str, Blank] = {
    AFTER: Blank("From", kind="time"),
    BEFORE: Blank("Until", kind="time"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One filter of the form, with an input for each of its values."""

    name: str
    blank: Blank
    values: tuple[str, ...]
    problem: str | None

    @property
    def id(self) -> str:
        return f"f-{self.name.replace('[', '-').replace(']', '')}"

    @property
    def as_choice(self) -> bool:
        """Whether a drop-down list can say what is asked for."""
        return (
            bool(self.blank.options)
            and len(self.values) == 1
            and self.values[0] in ("", *self.blank.options)
        )


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on, and the address of the page without it."""

    label: str
    value: str
    remove: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few that exclude each other, as a link."""

    label: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Segments:
    """Links of which one is chosen."""

    label: str
    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Form:
    """The filters as the page shows them."""

    action: str
    segments: Sequence[Segments]
    fields: Sequence[Field]
    hidden: Pairs
    chips: Sequence[Chip]
    clearable: bool
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Words of ours, and where they lead."""

    label: str
    href: str
    download: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a detail: ``href`` finds all with this, ``opens`` the thing itself."""

    label: str
    value: str
    href: str | None = None
    opens: Link | None = None


def without(pairs: Pairs, *names: str) -> Pairs:
    return [(name, value) for name, value in pairs if name not in names]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page with a list: where it is, and which filters it offers in which order.

    ``kept`` and ``dropped`` are parameters of the page that are no filters: a change
    of filters keeps the ones and begins without the others.
    """

    path: str
    blanks: Mapping[str, Blank]
    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = (CURSOR,)

    @property
    def own(self) -> tuple[str, ...]:
        return (*self.kept, *self.dropped)

    def address(self, pairs: Pairs, thing_id: str | None = None) -> str:
        """The page with these parameters, and one thing's detail open beside it."""
        path = self.path
        if thing_id is not None:
            path += f"/{quote(thing_id, safe='')}"
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def form(
        self,
        pairs: Pairs,
        problems: Mapping[str, str],
        *,
        segments: Sequence[Segments] = (),
        first_chips: Sequence[Chip] = (),
    ) -> Form:
        """The form that the pairs of a query string fill in, with their faults."""
        own = {name: what for name, what in problems.items() if name in self.own}
        unknown = {
            name: what
            for name, what in problems.items()
            if name not in own and name not in self.blanks
        }
        return Form(
            action=self.path,
            segments=segments,
            fields=[
                Field(name, blank, _values(blank, name, pairs), problems.get(name))
                for name, blank in self.blanks.items()
            ],
            hidden=[pair for pair in pairs if pair[0] in self.kept],
            chips=[*first_chips, *self._chips(pairs)],
            clearable=bool(without(pairs, *self.dropped)),
            problems=[f"{name} {what}" for name, what in unknown.items()]
            + list(own.values()),
        )

    def segments(
        self, label: str, pairs: Pairs, choices: Mapping[str, Pairs]
    ) -> Segments:
        """Links that each set their pairs in place of all that any of them sets."""
        names = {name for chosen in choices.values() for name, _ in chosen}
        asked = {pair for pair in pairs if pair[0] in names}
        others = without(pairs, *names, *self.dropped)
        return Segments(
            label,
            [
                Choice(word, self.address([*others, *chosen]), asked == set(chosen))
                for word, chosen in choices.items()
            ],
        )

    def facts(
        self,
        asked: Sequence[tuple[str, Any, str | None]],
        opens: Mapping[str, Link | None],
    ) -> list[Fact]:
        """Label, value and the filter that finds more of it; what is absent is not.

        ``opens``: by the filter, where the thing itself is.
        """
        return [
            Fact(
                label,
                str(value),
                self.address([(name, str(value))]) if name else None,
                opens.get(name) if name else None,
            )
            for label, value, name in asked
            if value is not None and value != ""
        ]

    def _chips(self, pairs: Pairs) -> list[Chip]:
        chips: list[Chip] = []
        for pair in pairs:
            blank = self.blanks.get(pair[0])
            if blank is None:
                continue
            left = [other for other in without(pairs, *self.dropped) if other != pair]
            shown = blank.options.get(pair[1], pair[1])
            if blank.kind == "time" and read_time(shown) is not None:
                shown = local_time(shown).replace("T", " ") + " UTC"
            chips.append(Chip(blank.label, shown, self.address(left)))
        return chips


def _values(blank: Blank, name: str, pairs: Pairs) -> tuple[str, ...]:
    values = tuple(value for key, value in pairs if key == name) or ("",)
    return (local_time(values[0]),) if blank.kind == "time" else values


def local_time(text: str) -> str:
    """A time as the browser's date field takes it, in UTC; else what was written."""
    ms = read_time(text)
    if ms is None:
        return text
    return from_ms(ms).isoformat(timespec="milliseconds").removesuffix("+00:00")
