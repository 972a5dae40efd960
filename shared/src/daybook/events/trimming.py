"""Cutting bodies so that an event fits its topic."""

import re
from typing import Any, cast

import orjson

# An escape that was cut in two at the end of a JSON string: its own backslash is
# preceded by an even number of others.
_CUT_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
# What marking a body costs: ,"truncated":true and a body_size.
_MARKS = 64


def trim_bodies(data: dict[str, Any], *, excess: int) -> dict[str, Any] | None:
    """Cut the bodies in ``data`` by at least ``excess`` bytes of JSON, the longest
    first; ``None`` when they are not that long.

    ``data`` is plain, well-formed JSON data and is changed in place. What was cut is
    marked ``truncated`` and keeps the size of the whole as ``body_size``.
    """
    sides = [
        cast("dict[str, Any]", side)
        for side in (data.get("request"), data.get("response"))
        if isinstance(side, dict)
    ]
    sides = [side for side in sides if isinstance(side.get("body"), str)]
    bodies = [orjson.dumps(side["body"])[1:-1] for side in sides]
    excess += _MARKS * len(sides)
    budget = sum(map(len, bodies)) - excess
    if budget < 0:
        return None
    for side, body, share in zip(sides, bodies, _shares(bodies, budget), strict=True):
        if share < len(body):
            _cut(side, body, share)
    return data


def _shares(bodies: list[bytes], budget: int) -> list[int]:
    """The short body keeps what it has, up to half; the other gets the rest."""
    shares = [0] * len(bodies)
    left = budget
    by_length = sorted(range(len(bodies)), key=lambda index: len(bodies[index]))
    for nth, index in enumerate(by_length):
        shares[index] = min(len(bodies[index]), left // (len(bodies) - nth))
        left -= shares[index]
    return shares


def _cut(side: dict[str, Any], escaped: bytes, length: int) -> None:
    whole: str = side["body"]
    is_base64 = side.get("body_encoding") == "base64"
    if is_base64:
        # Groups of four characters decode on their own.
        side["body"] = whole[: length - length % 4]
    else:
        cut = escaped[:length].decode("utf-8", "ignore").encode()
        broken = _CUT_ESCAPE.search(cut)
        if broken:
            cut = cut[: broken.start(1)]
        side["body"] = orjson.loads(b'"' + cut + b'"')
    side["truncated"] = True
    if side.get("body_size") is None:
        side["body_size"] = (
            len(whole) * 3 // 4 - whole[-2:].count("=")
            if is_base64
            else len(whole.encode())
        )
