import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, expect

Browse = Callable[..., Page]
KeepScreenshot = Callable[[Page, str], None]


def test_a_failure_is_found_opened_and_left_again(
    page: Page, keep_screenshot: KeepScreenshot
) -> None:
    rows = page.locator("table:not(.headers) tbody tr")

    expect(page).to_have_url(re.compile("/logs$"))
    expect(page.get_by_label("Active filters")).to_contain_text("Last 24 hours")
    expect(rows).to_have_count(50)
    keep_screenshot(page, "list-1440")

    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Status code").fill("404")
    page.get_by_label("User", exact=True).fill("mira2@shop.example")
    page.get_by_role("button", name="Apply filters").click()
    for filtered_by in ("status_code=404", "user=mira2%40shop.example"):
        expect(page).to_have_url(re.compile(re.escape(filtered_by)))
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("404 Failure")
    filtered = page.url
    keep_screenshot(page, "filtered-1440")

    rows.first.get_by_role("link").click()
    detail = page.get_by_role("article")
    expect(detail.get_by_role("heading", level=2)).to_have_text("POST /v1/orders")
    expect(detail.get_by_label("Request body", exact=True)).to_have_text(
        '{"order":2,"amount":1.00,"lines":[1,2]}'
    )
    expect(rows).to_have_count(2)
    expect(page.locator("tr.selected")).to_have_count(1)
    keep_screenshot(page, "detail-1440")

    page.go_back()
    expect(page).to_have_url(filtered)
    expect(rows).to_have_count(2)

    page.get_by_role("link", name="Remove Status code 404").click()
    expect(rows).to_have_count(14)  # of 120, every ninth from the second on
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page).to_have_url(re.compile("/logs$"))
    expect(rows).to_have_count(50)


def test_older_logs_are_a_link_away_and_so_are_the_newest(page: Page) -> None:
    # Not its inner text, which depends on how far the styles have come.
    newest = page.locator("tbody tr").first.text_content() or ""

    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(21)
    page.get_by_role("link", name="Newest").click()

    expect(page.locator("tbody tr")).to_have_count(50)
    assert page.locator("tbody tr").first.text_content() == newest


def test_a_key_signs_in_and_a_button_signs_out(
    browser: Browser, dashboard: Any, keep_screenshot: KeepScreenshot
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()

    page.goto(f"{dashboard.address}/logs?status=FAILURE")
    keep_screenshot(page, "sign-in")
    page.get_by_label("API key").fill(dashboard.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{dashboard.address}/logs?status=FAILURE")
    assert all(cookie.get("httpOnly") for cookie in context.cookies())

    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{dashboard.address}/logs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()


def test_what_strangers_wrote_runs_nothing_and_is_shown_to_the_letter(
    browse: Browse, dashboard: Any, keep_screenshot: KeepScreenshot
) -> None:
    page = browse()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("pageerror", lambda error: said.append(str(error)))

    page.goto(f"{dashboard.address}/logs/hostile")

    shown = page.locator("pre.raw").first.evaluate("node => node.textContent")
    assert shown == dashboard.exact_body
    assert said == []
    assert "pwned" not in page.title().replace('document.title="pwned"', "")
    expect(page.get_by_text("were recorded")).to_be_visible()
    expect(page.get_by_text("shown as base64")).to_be_visible()
    keep_screenshot(page, "hostile-1440")


def test_a_body_of_a_megabyte_on_one_line_does_not_hang_the_page(
    browse: Browse, dashboard: Any
) -> None:
    page = browse()

    page.goto(f"{dashboard.address}/logs/large", timeout=10_000)

    length = page.locator("pre.raw").first.evaluate("node => node.textContent.length")
    assert length == 1_000_000
