"""Rows of an export, browsed without downloading it."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.pages import link_in, text_of
from daybook.testing.stored_exports import stored_row
from query.exports.browsing.slices import Row, Slice
from query.pages.browsing_views import searched

Store = Callable[..., Awaitable[Document]]
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


def cells(page: httpx.Response) -> list[list[str]]:
    lines = re.findall(r"<tr><th scope=\"row\".*?</tr>", page.text, re.S)
    return [
        [
            unescape(re.sub(r"<[^>]*>", "", cell)).strip()
            for cell in re.findall(r"<td.*?</td>", line, re.S)
        ]
        for line in lines
    ]


async def test_rows_are_paged_sorted_and_searched(
    signed_in: httpx.AsyncClient, stored: Store
) -> None:
    await stored("exp_1", [stored_row(f"Log {n:02}", n) for n in range(60)])

    first = await signed_in.get("/exports/exp_1/rows")
    second = await signed_in.get(link_in(first.text, "Next"))
    ascending = await signed_in.get(link_in(first.text, "n"))
    descending = await signed_in.get(link_in(ascending.text, "n"))
    found = await signed_in.get("/exports/exp_1/rows?q=lOG%200&sort=-n")

    assert "60 rows" in text_of(first.text)
    assert (len(cells(first)), len(cells(second))) == (50, 10)
    assert cells(second)[0][0] == "Log 50"
    assert link_in(second.text, "First") == "/exports/exp_1/rows"
    assert 'aria-sort="ascending"' in ascending.text
    assert 'aria-sort="descending"' in descending.text
    assert cells(descending)[0][:2] == ["Log 59", "59"]
    assert [line[1] for line in cells(found)] == [str(n) for n in range(9, -1, -1)]


async def test_a_body_is_opened_as_json_with_every_digit_that_it_has(
    signed_in: httpx.AsyncClient, stored: Store
) -> None:
    body = '{"n":12345678901234567890.10,"n":1,"t":"' + "x" * 3000 + '"}'
    await stored("exp_1", [stored_row("a", None, body), stored_row("b", None, "plain")])

    page = await signed_in.get("/exports/exp_1/rows?sort=id")
    href = link_in(page.text, "Open as JSON")
    whole = await signed_in.get(href)

    assert page.text.count("Open as JSON") == 1
    assert "x" * 200 not in page.text
    assert href == "/exports/exp_1/rows/1?sort=id#request_body"
    assert '"n": 12345678901234567890.10,\n  "n": 1,' in unescape(whole.text)
    assert body in unescape(whole.text)
    assert link_in(whole.text, "Back to the rows") == "/exports/exp_1/rows?sort=id"


async def test_what_strangers_exported_is_text(
    signed_in: httpx.AsyncClient, stored: Store
) -> None:
    await stored("exp_1", [stored_row(EVIL, None, f'{{"a":"{EVIL}"')])

    page = await signed_in.get("/exports/exp_1/rows", params={"q": EVIL})
    whole = await signed_in.get("/exports/exp_1/rows/1")

    assert cells(page)[0][0] == EVIL
    for one in (page, whole):
        assert EVIL in unescape(one.text)
        assert "<script>alert" not in one.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sort=nope", "sort: use one of id, n, request_body"),
        ("q=" + "x" * 5000, "q: give at most 4096 characters"),
        ("cursor=made-up", "cursor:"),
        ("sort=id%3B%20DROP%20TABLE%20best", "sort: use one of"),
    ],
)
async def test_what_cannot_be_asked_of_rows_says_what_to_do(
    signed_in: httpx.AsyncClient, stored: Store, query: str, said: str
) -> None:
    await stored("exp_1", [stored_row("a")])

    page = await signed_in.get(f"/exports/exp_1/rows?{query}")

    assert page.status_code == 400
    assert said in text_of(page.text)


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"status": "IN_PROGRESS"}, 409, "Not ready yet"),
        ({"status": "ERROR"}, 409, "Nothing to browse"),
        ({"recorded": {"url": "https://x.example"}}, 409, "Nothing to browse"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, 410, "has expired"),
    ],
)
async def test_what_cannot_be_browsed_says_so_and_leads_to_the_export(
    signed_in: httpx.AsyncClient,
    stored: Store,
    fields: Document,
    status: int,
    said: str,
) -> None:
    await stored("exp_1", [stored_row("a")], **fields)

    for path in ("rows", "rows/1"):
        page = await signed_in.get(f"/exports/exp_1/{path}")
        assert page.status_code == status
        assert said in text_of(page.text)
        assert link_in(page.text, "Go to the export") == "/exports/exp_1"


async def test_files_that_somebody_removed_are_said_to_be_gone(
    signed_in: httpx.AsyncClient, stored: Store, tmp_path: Path
) -> None:
    await stored("exp_1", [stored_row("a")])
    for file in (tmp_path / "objects").rglob("*.parquet"):
        file.unlink()

    page = await signed_in.get("/exports/exp_1/rows")

    assert page.status_code == 410
    assert "The files are not there" in text_of(page.text)


@pytest.mark.parametrize("number", ["0", "2", "x", "9" * 40])
async def test_a_row_that_is_not_there_says_so(
    signed_in: httpx.AsyncClient, stored: Store, number: str
) -> None:
    await stored("exp_1", [stored_row("a")])

    page = await signed_in.get(f"/exports/exp_1/rows/{number}")

    assert page.status_code == 404
    assert "No such row" in text_of(page.text)


def test_a_search_that_ran_out_of_time_says_how_far_it_got() -> None:
    found = Slice((), (), 1_000_000, "cursor", 250_000)
    some = Slice((), (Row(1, ()),), 1_000_000, "cursor", 250_000)

    assert searched(found, sorts=False) == (
        "Searched 250,000 of 1,000,000 rows, with no match so far."
    )
    assert searched(some, sorts=False) == "Searched 250,000 of 1,000,000 rows."
    assert "Sorted 250,000 of 1,000,000 rows so far" in (
        searched(found, sorts=True) or ""
    )
