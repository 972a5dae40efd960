"""How letters look: rows, whole letters, and JSON; text for a terminal or a pipe."""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from daybook.commands.letter import Letter

# Longer bytes are easier to take elsewhere as base64.
MOST_HEX_BYTES = 256
_COLUMNS = ("PLACE", "TIME", "KIND", "SOURCE", "SIZE", "REASON")


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def size(count: int) -> str:
    """A number of bytes, short."""
    number, units = float(count), ("B", "KiB", "MiB")
    for unit in units[:-1]:
        if number < 1024:
            return f"{count} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} {units[-1]}"


def one_line(text: str) -> str:
    """A publisher's text, harmless to a terminal: control characters are escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def table(letters: Iterable[Letter]) -> Iterator[str]:
    """A row a letter, below a row of titles; columns are aligned."""
    rows = [_COLUMNS, *(_row(letter) for letter in letters)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join((*cells, row[-1])).rstrip()


def _row(letter: Letter) -> tuple[str, ...]:
    shown = size(letter.size) if letter.withheld is None else "withheld"
    said = (letter.kind, letter.source, shown, letter.reason)
    return (str(letter.place), stamp(letter.time), *map(one_line, said))


def as_json(letter: Letter) -> str:
    """One letter without its value, as one line of JSON."""
    shown: dict[str, Any] = {
        "place": str(letter.place),
        "time": stamp(letter.time),
        "kind": letter.kind,
        "reason": letter.reason,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "received_at": letter.received,
        "key": None if letter.key is None else letter.key.decode("utf-8", "replace"),
        "size": letter.size,
        "withheld": letter.withheld,
    }
    return json.dumps(shown, ensure_ascii=False)


def whole(letter: Letter) -> Iterator[str]:
    """A letter's lines: where it stands, key, headers, value."""
    yield f"place: {letter.place}"
    yield f"time: {stamp(letter.time)}"
    yield f"source: {one_line(letter.source)}"
    yield f"key: {_shown(letter.key)}"
    yield "headers:"
    for name, value in letter.headers:
        yield f"  {one_line(name)}: {_shown(value)}"
    if letter.withheld is not None:
        yield f"value: withheld, {one_line(letter.withheld)}"
    elif not letter.value:
        yield "value: none (the record's was null or empty)"
    else:
        yield from _value(letter.value)


def _shown(value: bytes | None) -> str:
    if value is None:
        return "null"
    text = _text(value)
    return f"{value.hex()} (hex)" if text is None else one_line(text)


def _value(value: bytes) -> Iterator[str]:
    text = _text(value)
    if text is not None:
        yield f"value ({size(len(value))}, text):"
        yield text
    elif len(value) <= MOST_HEX_BYTES:
        yield f"value ({size(len(value))}, no plain text, in hex):"
        yield value.hex()
    else:
        yield f"value ({size(len(value))}, no plain text, in base64):"
        yield base64.b64encode(value).decode()


def _text(value: bytes) -> str | None:
    """The UTF-8 text, if it is that and has nothing that commands a terminal."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    commands = any(
        (ord(char) < 32 and char not in "\t\r\n") or 127 <= ord(char) < 160
        for char in text
    )
    return None if commands else text
