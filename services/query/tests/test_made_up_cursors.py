"""Cursors that somebody made up, checksum and all: a 400, never a fault of ours."""

from typing import Any

import httpx
import orjson
import pytest
from query import cursors
from query.cursors import write_sealed

SHAPE = b"daybook.list.1"
BEYOND = 10**15
MADE_UP: list[list[Any]] = [
    [],
    [1, "a", None, None, None, None],
    ["1", "a", None, None, None],
    [{"$gt": 0}, "a", None, None, None],
    [True, "a", None, None, None],
    [BEYOND, "a", None, None, None],
    [-BEYOND, "a", None, None, None],
    [1, {"$gt": ""}, None, None, None],
    [1, "a", BEYOND, None, None],
    [1, "a", None, "now", None],
    [1, "a", None, None, 0],
    [1, "a", None, None, -5],
    [1, "a", None, None, 10**18],
]


def bound(*_: object) -> str:
    return "bound"


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/import-files", "/v1/exports"])
async def test_a_made_up_place_is_refused_as_a_damaged_cursor(
    api: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Anyone may work out what a list's cursors are bound to; here it is written in.
    monkeypatch.setattr(cursors, "_binding", bound)

    texts = {
        str(place): write_sealed(orjson.dumps(["bound", *place]), SHAPE)
        for place in MADE_UP
    }
    answers = {
        place: await api.get(path, params={"cursor": text})
        for place, text in texts.items()
    }

    refused = {
        place: (answer.status_code, "cursor is damaged" in answer.json()["message"])
        for place, answer in answers.items()
    }
    assert refused == dict.fromkeys(answers, (400, True))
