"""The Exports pages in a browser; all of it works without JavaScript too."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

Browse = Callable[..., Page]
KeepScreenshot = Callable[[Page, str], None]


@pytest.fixture
def running(dashboard: Any) -> Iterator[Callable[..., None]]:
    """The export ``exp_running``, to be changed; as it was at the end."""
    exports = dashboard.database["exports"]
    before = exports.find_one({"_id": "shop/exp_running"})

    def change(**fields: Any) -> None:
        exports.update_one({"_id": "shop/exp_running"}, {"$set": fields})

    yield change
    exports.replace_one({"_id": "shop/exp_running"}, before)


def test_from_a_filtered_list_to_its_export(
    page: Page, dashboard: Any, keep_screenshot: KeepScreenshot
) -> None:
    page.goto(f"{dashboard.address}/logs?status=FAILURE&range=7d")
    page.get_by_role("link", name="Export…").click()
    expect(page.get_by_role("heading", level=2)).to_have_text(re.compile(r"^\d+ rows$"))
    expect(page.get_by_label("Filters of the export")).to_contain_text("is FAILURE")

    page.get_by_label("Parquet").check()
    page.get_by_label("Oldest first").check()
    page.get_by_label("Client app id").uncheck()
    page.get_by_label("Response body").check()
    keep_screenshot(page, "exports-dialog")
    page.get_by_role("button", name="Export", exact=True).click()

    expect(page).to_have_url(re.compile(r"/exports/exp_[0-9a-f]+\?"))
    detail = page.get_by_role("article")
    expect(detail).to_contain_text("It is asked for, and runs as soon as")
    expect(detail.get_by_role("heading", level=2)).to_have_text("Logs as Parquet")
    expect(detail).to_contain_text("12, oldest first")
    export_id = page.url.rpartition("/")[2].partition("?")[0]
    dashboard.database["exports"].delete_one({"id": export_id})


def test_an_export_is_browsed_sorted_searched_and_a_body_opened(
    page: Page, dashboard: Any, keep_screenshot: KeepScreenshot
) -> None:
    page.goto(f"{dashboard.address}/exports/exp_done")
    page.get_by_role("link", name="Browse data").click()
    rows = page.locator(".sheet tbody tr")
    expect(rows).to_have_count(50)

    page.get_by_role("link", name="request_duration").click()
    page.get_by_role("link", name="request_duration").click()
    expect(rows.first).to_contain_text("488.5")
    page.get_by_label("Text in any column").fill("LOG-03")
    page.get_by_role("button", name="Search").click()
    expect(rows).to_have_count(10)
    expect(page.get_by_role("columnheader", name="request_duration")).to_have_attribute(
        "aria-sort", "descending"
    )
    listed = page.url
    rows.first.get_by_role("link", name="Open as JSON").first.click()
    body = page.get_by_label("request_body, formatted")
    expect(body).to_contain_text('"amount": 1.00')
    keep_screenshot(page, "exports-row")
    page.get_by_role("link", name="Back to the rows").click()

    expect(page).to_have_url(listed)


def test_what_strangers_wrote_runs_nothing_and_is_shown_to_the_letter(
    browse: Browse, dashboard: Any
) -> None:
    page, said = browse(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))

    for path in ("exp_hostile", "exp_done/rows?q=pwned", "exp_done/rows/2"):
        page.goto(f"{dashboard.address}/exports/{path}")
    body = page.get_by_label("response_body").evaluate("node => node.textContent")

    assert body == dashboard.exact_body
    assert said == []


def test_an_export_moves_while_it_is_looked_at_and_its_file_appears(
    browse: Browse, dashboard: Any, running: Callable[..., None]
) -> None:
    page = browse()
    page.goto(f"{dashboard.address}/exports/exp_running")
    detail = page.get_by_role("article")
    row = page.locator("tr.selected")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    running(rows=750_000, bytes=400_000_000)
    for part in (row, detail):
        expect(part).to_contain_text("750,000 of 1,000,000 rows")
        expect(part.locator("[data-part=size]")).to_have_text("381.5 MiB")
        expect(part.locator("[data-part=left]")).to_contain_text("left")
    now = datetime.now(UTC)
    running(status="DONE", rows=1_000_007, finished_at=now)

    for part in (row, detail):
        expect(part.locator("[data-state=done]")).to_be_visible()
    expect(page.locator("#live-said")).to_contain_text("Logs: Done.")
    expect(detail.get_by_role("link", name="Download")).to_be_visible()
    expect(detail.get_by_role("button", name="Cancel the export")).to_have_count(0)


def test_a_file_is_downloaded_and_an_export_deleted_after_a_question(
    page: Page, dashboard: Any
) -> None:
    exports = dashboard.database["exports"]
    page.goto(f"{dashboard.address}/exports/exp_done")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == b"id\r\nlog-000\r\n"
    exports.insert_one({**exports.find_one({"id": "exp_failed"}), **_OTHER})

    page.goto(f"{dashboard.address}/exports/exp_other")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the export").click()

    expect(page.get_by_role("status").first).to_contain_text("Deleted")
    expect(page.locator('a[href^="/exports/exp_other"]')).to_have_count(0)
    exports.delete_one({"id": "exp_other"})
    dashboard.database["commands"].delete_many({"kind": "export.delete"})


_OTHER = {"_id": "shop/exp_other", "id": "exp_other"}
