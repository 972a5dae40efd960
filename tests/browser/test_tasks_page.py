import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

Browse = Callable[..., Page]
KeepScreenshot = Callable[[Page, str], None]


@pytest.fixture
def live(browse: Browse) -> Page:
    """A signed-in page whose module runs."""
    return browse()


@pytest.fixture
def running(dashboard: Any) -> Iterator[Callable[..., None]]:
    """The task ``running``, to be changed; as it was at the end."""
    tasks = dashboard.database["tasks"]
    before = tasks.find_one({"_id": "shop/running"})

    def change(**fields: Any) -> None:
        tasks.update_one({"_id": "shop/running"}, {"$set": fields})

    yield change
    tasks.replace_one({"_id": "shop/running"}, before)


def row_of(page: Page, href: str) -> Locator:
    return page.locator("tr", has=page.locator(f'a[href^="{href}"]'))


def test_a_failed_task_is_found_opened_and_its_rows_searched(
    page: Page, keep_screenshot: KeepScreenshot
) -> None:
    rows = page.locator("table.rows tbody tr")

    page.get_by_role("link", name="Background tasks").click()
    expect(page).to_have_url(re.compile("/tasks$"))
    expect(rows).to_have_count(50)
    keep_screenshot(page, "tasks-list-1440")

    page.get_by_label("Status", exact=True).get_by_role("link", name="Failed").click()
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Type", exact=True).fill("CAMPAIGN.VOUCHERS_IMPORT")
    page.get_by_label("Progress at least").fill("60")
    page.get_by_role("button", name="Apply filters").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Failed")
    expect(rows.first).to_contain_text("2,100 of 5,000 done")
    filtered = page.url

    rows.first.get_by_role("link").click()
    detail = page.get_by_role("article")
    expect(detail.get_by_role("heading", level=2)).to_have_text(
        "CAMPAIGN.VOUCHERS_IMPORT"
    )
    expect(detail).to_contain_text("The database did not answer for 30 s.")
    expect(detail).to_contain_text("234 more are not shown")
    expect(page.locator(".sheet tbody tr")).to_have_count(1000)

    detail.get_by_label("Text in failed rows").fill("spring-001")
    detail.get_by_role("button", name="Filter").click()
    expect(page.locator(".sheet tbody tr")).to_have_count(10)
    expect(rows).to_have_count(1)
    keep_screenshot(page, "tasks-failed-rows-1440")
    with page.expect_download() as download:
        detail.get_by_role("link", name="Download CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[:2] == [
        "row,code,source_id,reason",
        "30,SPRING-0010,,The voucher exists",
    ]
    assert len(lines) == 11

    page.go_back()
    page.go_back()
    expect(page).to_have_url(filtered)
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(rows).to_have_count(50)


def test_older_tasks_are_a_link_away_and_so_are_the_newest(
    page: Page, dashboard: Any
) -> None:
    page.goto(f"{dashboard.address}/tasks?status=DONE")

    page.get_by_role("link", name="Older").click()
    expect(page.locator("table.rows tbody tr")).to_have_count(11)
    page.get_by_role("link", name="Newest").click()

    expect(page.locator("table.rows tbody tr")).to_have_count(50)


def test_a_task_and_the_log_that_caused_it_lead_to_each_other(
    page: Page, dashboard: Any
) -> None:
    page.goto(f"{dashboard.address}/tasks/running")

    page.get_by_role("link", name="Show the log that caused it").click()
    expect(page).to_have_url(f"{dashboard.address}/logs/log-002")
    page.get_by_role("link", name="Show the background task").click()
    expect(page).to_have_url(f"{dashboard.address}/tasks/running")
    expect(page.get_by_role("article")).to_contain_text("38 more events")

    page.goto(f"{dashboard.address}/logs/log-004")
    page.get_by_role("link", name="Show its background tasks").click()
    expect(page.locator("table.rows tbody tr")).to_have_count(1)


def test_without_javascript_a_link_shows_how_far_it_is_now(
    browse: Browse, dashboard: Any, running: Callable[..., None]
) -> None:
    page = browse(java_script_enabled=False)
    page.goto(f"{dashboard.address}/tasks/running?type=VOUCHERS.IMPORT")

    running(progress=77, done_count=765)
    page.get_by_role("link", name="Refresh").first.click()

    expect(page).to_have_url(re.compile(r"/tasks/running\?type=VOUCHERS.IMPORT$"))
    expect(page.get_by_label("Progress of this task")).to_have_attribute(
        "aria-valuenow", "77"
    )


def test_bars_move_in_the_list_and_the_detail_while_the_task_runs(
    live: Page,
    dashboard: Any,
    running: Callable[..., None],
    keep_screenshot: KeepScreenshot,
) -> None:
    live.goto(f"{dashboard.address}/tasks/running")
    row, detail = row_of(live, "/tasks/running"), live.get_by_role("article")
    expect(live.get_by_text("Live", exact=True)).to_be_visible()
    narrow = row.locator("[data-part=good]").get_attribute("width")

    for progress, done in ((50, 488), (75, 738)):
        running(progress=progress, done_count=done)
        for part in (row, detail):
            expect(part.get_by_role("progressbar")).to_have_attribute(
                "aria-valuenow", str(progress)
            )
            expect(part).to_contain_text(f"{progress} %")
            expect(part).to_contain_text(f"{done} of 1,000 done")

    wide = row.locator("[data-part=good]").get_attribute("width")
    assert float((narrow or "").strip("%")) < 35 < float((wide or "").strip("%"))
    keep_screenshot(live, "tasks-live-1440")


def test_what_came_of_the_open_task_is_said_once_and_shown(
    live: Page, dashboard: Any, running: Callable[..., None]
) -> None:
    live.goto(f"{dashboard.address}/tasks/running")
    row, detail = row_of(live, "/tasks/running"), live.get_by_role("article")
    expect(live.get_by_text("Live", exact=True)).to_be_visible()

    hostile = f"Ended <script>alert(1)</script> {dashboard.exact_text}"
    running(
        status="FAILED",
        stalled=False,
        message=hostile,
        finished_at=datetime.now(UTC),
        processing_time=90_000,
    )

    for part in (row, detail):
        expect(part.locator("[data-state=failed]")).to_be_visible()
        expect(part.locator("[data-part=took]")).to_have_text("1 min 30 s")
    expect(live.locator("#live-said")).to_have_text(
        "VOUCHERS.IMPORT: Failed. 2 unfinished on this page."
    )
    expect(detail.get_by_role("heading", name="Message")).to_be_visible()
    shown = detail.locator(".message").evaluate("node => node.textContent")
    assert shown == hostile


def test_a_stalled_task_is_marked_apart_the_moment_it_stalls(
    live: Page, dashboard: Any, running: Callable[..., None]
) -> None:
    live.goto(f"{dashboard.address}/tasks")
    row = row_of(live, "/tasks/running")

    running(stalled=True)

    expect(row.locator("[data-state=stalled]")).to_have_text("Stalled")


def test_a_page_that_is_not_seen_watches_nothing(
    live: Page, dashboard: Any, running: Callable[..., None]
) -> None:
    live.goto(f"{dashboard.address}/tasks")
    row = row_of(live, "/tasks/running")
    expect(live.get_by_text("Live", exact=True)).to_be_visible()

    with live.expect_event("requestfailed", lambda it: "/live/tasks" in it.url):
        live.evaluate(_HIDE, True)
    running(progress=99)
    with live.expect_request(lambda request: "/live/tasks" in request.url):
        live.evaluate(_HIDE, False)

    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "99")


# Headless browsers never hide a page by themselves.
_HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_nothing_moves_by_itself_for_who_asked_for_less_motion(
    browse: Browse, dashboard: Any
) -> None:
    page = browse(reduced_motion="reduce")
    page.goto(f"{dashboard.address}/tasks")

    duration = page.locator("[data-part=good]").first.evaluate(
        "node => getComputedStyle(node).transitionDuration"
    )

    assert duration == "0s"


def test_what_strangers_wrote_runs_nothing_and_is_shown_to_the_letter(
    live: Page, dashboard: Any, keep_screenshot: KeepScreenshot
) -> None:
    said: list[str] = []
    live.on("console", lambda message: said.append(message.text))
    live.on("dialog", lambda dialog: said.append(dialog.message))
    live.on("pageerror", lambda error: said.append(str(error)))

    live.goto(f"{dashboard.address}/tasks/hostile")

    detail = live.get_by_role("article")
    for part in (".message", ".sheet tbody td:last-child"):
        text = detail.locator(part).first.evaluate("node => node.textContent")
        assert text == dashboard.exact_text
    assert said == []
    assert "pwned" not in live.title().replace('document.title="pwned"', "")
    keep_screenshot(live, "tasks-hostile-1440")


def test_a_reason_of_a_megabyte_does_not_hang_the_page(
    live: Page, dashboard: Any
) -> None:
    rows = dashboard.database["task_failed_rows"]
    first = {"task": "shop/failed", "entry.row": 3}
    before = rows.find_one(first)
    rows.update_one(first, {"$set": {"entry.reason": "x" * 1_000_000}})

    live.goto(f"{dashboard.address}/tasks/failed", timeout=10_000)
    length = live.locator(".sheet td:last-child").first.evaluate(
        "node => node.textContent.length"
    )

    rows.replace_one({"_id": before["_id"]}, before)
    assert length < 3000
    assert live.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_task_that_nobody_finishes_keeps_its_time(
    live: Page, dashboard: Any, running: Callable[..., None]
) -> None:
    live.goto(f"{dashboard.address}/tasks")
    row = row_of(live, "/tasks/running")

    running(started_at=datetime.now(UTC) - timedelta(hours=3))

    expect(row.locator("[data-part=took]")).to_have_text("3 h 0 min")


@pytest.mark.parametrize("width", [1440, 390])
def test_no_cell_spills_over_whatever_is_counted(
    browse: Browse, dashboard: Any, running: Callable[..., None], width: int
) -> None:
    began = datetime.now(UTC) - timedelta(hours=23, minutes=59)
    running(total=2**62, done_count=2**61, failed_count=2**40, started_at=began)
    page = browse(viewport={"width": width, "height": 900})

    page.goto(f"{dashboard.address}/tasks")
    expect(row_of(page, "/tasks/running")).to_contain_text("23 h 59 min")
    spilling = page.evaluate(
        """() => [...document.querySelectorAll("td.amount, td.number")]
          .filter(cell => cell.scrollWidth > cell.clientWidth)
          .map(cell => cell.textContent.trim())"""
    )

    assert spilling == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
