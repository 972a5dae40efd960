"""JSON as text: what is looked at without changing a character of it."""

import json
import re
from typing import Any, NoReturn

from pydantic import BaseModel

from daybook.events.faults import NotJson, TooDeep

DEEPEST = 100

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")

Raws = dict[str, str]


def parse(value: bytes, deepest: int = DEEPEST) -> Any:
    """Read any JSON, integers and fractions as their text.

    Raises :class:`TooDeep` beyond ``deepest`` levels and :class:`NotJson`, which says
    where. Lone surrogates, which Python's strings can hold, pass.
    """
    refuse_depth(value, deepest)
    try:
        return _decoder.decode(value.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise NotJson(f"no UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from None


class _Number(str):
    """A number's text, which is told from a string by its class."""

    __slots__ = ()


def is_string(value: object) -> bool:
    """Whether a value from :func:`parse` was a JSON string."""
    return isinstance(value, str) and not isinstance(value, _Number)


def integer_text(value: object) -> str | None:
    """The digits of a value from :func:`parse` that was a JSON integer, else None."""
    if isinstance(value, _Number) and value.removeprefix("-").isdigit():
        return str(value)
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is no JSON value")


# Numbers stay text: Python's own would lose their spelling, and refuses the longest.
_decoder = json.JSONDecoder(
    parse_int=_Number, parse_float=_Number, parse_constant=_refuse_constant
)


def refuse_depth(value: bytes, deepest: int = DEEPEST) -> None:
    """Raise :class:`TooDeep` where arrays and objects nest beyond ``deepest`` levels.

    Linear in the value's length, and never recursive.
    """
    if value.count(b"[") + value.count(b"{") <= deepest:
        return  # cannot be deeper than it has brackets
    depth = 0
    for byte in _STRINGS.sub(b"", value):
        if byte in b"[{":
            depth += 1
            if depth > deepest:
                raise TooDeep
        elif byte in b"]}":
            depth -= 1


def split(text: str) -> Raws:
    """The members of a JSON object that :func:`parse` has read, spelled as they came.

    Of a repeated name the last stands, as everywhere else.
    """
    members: Raws = {}
    at = _skip_space(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = _decoder.raw_decode(text, at)
        start = _skip_space(text, _skip_space(text, at) + 1)  # past the colon
        _, at = _decoder.raw_decode(text, start)
        members[name] = text[start:at]
        at = _skip_space(text, at)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return members


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def join(members: Raws) -> str:
    """The JSON object with these members."""
    return (
        "{"
        + ",".join(f"{json.dumps(name)}:{raw}" for name, raw in members.items())
        + "}"
    )


def as_strings(text: str, names: frozenset[str]) -> str:
    """The object with these members' values as strings: the text that they were."""
    members = split(text)
    told = {name: json.dumps(raw) for name, raw in members.items() if name in names}
    return join(members | told) if told else text


def divide(text: str, model: type[BaseModel]) -> tuple[str, Raws]:
    """Cut an object into what the model knows and what it does not, at every level."""
    known: Raws = {}
    unknown: Raws = {}
    for name, raw in split(text).items():
        field = model.model_fields.get(name)
        if field is None:
            unknown[name] = raw
            continue
        inner = model_in(field.annotation)
        if inner is not None and raw.startswith("{"):
            raw, deeper = divide(raw, inner)
            if deeper:
                unknown[name] = join(deeper)
        known[name] = raw
    return join(known), unknown


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or allows beside None."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    for part in getattr(annotation, "__args__", ()):
        if (found := model_in(part)) is not None:
            return found
    return None
