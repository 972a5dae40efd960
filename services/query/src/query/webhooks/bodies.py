"""JSON bodies: fields read one by one, and all that is wrong with them told at once."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

# The value that is meant; raises Wrong.
Field = Callable[[object], Any]


class Wrong(ValueError):
    """A field's value cannot be used; the text says what to do."""


class InvalidBody(ValueError):
    """A body cannot be used; ``problems`` says of each field what to do."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = problems
        super().__init__(
            "; ".join(f"{name}: {said}" for name, said in problems.items())
        )


def read_object(
    body: object, fields: Mapping[str, Field], *, required: Iterable[str] = ()
) -> dict[str, Any]:
    """The fields that were given, each as it is meant; raises :class:`InvalidBody`."""
    if not isinstance(body, Mapping):
        raise InvalidBody({"body": "send a JSON object"})
    given = cast("Mapping[str, object]", body)
    read: dict[str, Any] = {}
    problems = {name: "is needed" for name in required if name not in given}
    for name, value in given.items():
        field = fields.get(name)
        if field is None:
            problems[_short(name)] = f"is unknown; use {', '.join(fields) or 'none'}"
            continue
        try:
            read[name] = field(value)
        except Wrong as error:
            problems[name] = str(error)
    if problems:
        raise InvalidBody(problems)
    return read


def whole(lowest: int, highest: int) -> Field:
    """A whole number."""

    def read(value: object) -> int:
        if (
            isinstance(value, int)
            and lowest <= value <= highest
            and not _is_flag(value)
        ):
            return value
        raise Wrong(f"use a whole number from {lowest} to {highest}")

    return read


def text(longest: int) -> Field:
    """A text that is not empty."""

    def read(value: object) -> str:
        if isinstance(value, str) and 0 < len(value) <= longest:
            return value
        raise Wrong(f"use a text of 1 to {longest} characters")

    return read


def number(lowest: float, highest: float) -> Field:
    """A number, whole or not."""

    def read(value: object) -> float:
        if isinstance(value, float) and lowest <= value <= highest:
            return value
        if (
            isinstance(value, int)
            and lowest <= value <= highest
            and not _is_flag(value)
        ):
            return value
        raise Wrong(f"use a number from {lowest:g} to {highest:g}")

    return read


def flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Wrong("use true or false")


def or_default(field: Field, default: object) -> Field:
    """What ``field`` reads; null is the default."""

    def read(value: object) -> Any:
        return default if value is None else field(value)

    return read


def _is_flag(value: object) -> bool:
    # To Python, true is a whole number.
    return isinstance(value, bool)


def _short(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:100]}…"
