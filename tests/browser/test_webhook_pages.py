"""The Webhooks pages in a browser; all of it works without JavaScript too."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

Browse = Callable[..., Page]
KeepScreenshot = Callable[[Page, str], None]


def test_from_the_list_to_a_sendout_and_its_retry(
    page: Page, dashboard: Any, keep_screenshot: KeepScreenshot
) -> None:
    page.goto(f"{dashboard.address}/webhooks?event_type=voucher.*")
    page.get_by_role("row").filter(has_text="Held").get_by_role("link").click()
    detail = page.get_by_role("article")
    expect(detail).to_contain_text("takes no deliveries at the moment")

    detail.get_by_role("button", name="Retry now").click()

    # No dispatcher runs beside this page.
    expect(page.get_by_role("status").first).to_contain_text("It is stored")
    keep_screenshot(page, "webhooks-retry-asked")


def test_attempts_are_folded_and_what_strangers_answered_runs_nothing(
    browse: Browse, dashboard: Any
) -> None:
    page, said = browse(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))

    page.goto(f"{dashboard.address}/webhooks/whs_hostile")
    detail = page.get_by_role("article")
    folded = detail.get_by_label("Response body of attempt 1")
    expect(folded).to_be_hidden()
    detail.get_by_text("Headers and answer").click()
    texts = [
        part.evaluate("node => node.textContent")
        for part in (folded, detail.get_by_label("Data", exact=True))
    ]

    expect(folded).to_be_visible()
    assert texts == [dashboard.exact_body, dashboard.exact_body]
    error = detail.locator(".message").evaluate("node => node.textContent")
    assert error == dashboard.exact_text
    assert said == []


def test_all_that_a_filter_shows_is_retried_after_its_count(
    page: Page, dashboard: Any
) -> None:
    page.goto(f"{dashboard.address}/webhooks?status=FAILED&event_type=order.*")
    page.get_by_role("link", name="Retry all that this shows").click()
    button = page.get_by_role("button", name=re.compile(r"^Retry \d+$"))
    expect(page.get_by_role("main")).to_contain_text("match")

    button.click()

    expect(page.get_by_role("status").first).to_contain_text("It is stored")
    expect(page.get_by_label("Active filters")).to_contain_text("order.*")


@pytest.mark.parametrize("width", [1440, 390])
def test_an_endpoint_is_made_given_a_new_secret_and_deleted(
    browse: Browse, dashboard: Any, keep_screenshot: KeepScreenshot, width: int
) -> None:
    page = browse(
        viewport={"width": width, "height": 900}, java_script_enabled=width == 390
    )
    page.goto(f"{dashboard.address}/webhook-endpoints")
    page.get_by_role("link", name="New endpoint").click()
    page.get_by_label("URL").fill(f"https://made.example/{width}")
    page.get_by_label("Attempts at once").fill("many")
    page.get_by_label("Headers of its own").fill("X-Api-Key: s3cret")

    page.get_by_role("button", name="Make the endpoint").click()
    expect(page.get_by_text("Attempts at once: use a whole number")).to_be_visible()
    keep_screenshot(page, f"webhook-endpoint-refused-{width}")
    page.get_by_label("Attempts at once").fill("5")
    page.get_by_role("button", name="Make the endpoint").click()
    secret = page.get_by_label("Secret", exact=True).inner_text()
    keep_screenshot(page, f"webhook-endpoint-secret-{width}")
    page.get_by_role("link", name="Go to the endpoint").click()
    expect(page.get_by_role("main")).not_to_contain_text("whsec_")
    page.get_by_role("button", name="Rotate secret").click()
    other = page.get_by_label("Secret", exact=True).inner_text()
    page.get_by_role("link", name="Go to the endpoint").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the endpoint").click()

    assert secret.startswith("whsec_")
    assert other.startswith("whsec_")
    assert secret != other
    expect(page.get_by_text(f"https://made.example/{width}")).to_have_count(0)


def test_a_replay_of_a_disabled_endpoint_begins_where_it_was_disabled(
    page: Page, dashboard: Any, keep_screenshot: KeepScreenshot
) -> None:
    page.goto(f"{dashboard.address}/webhook-endpoints/we_crm")
    expect(page.get_by_label("Since")).not_to_have_value("")

    page.get_by_role("button", name="Replay").click()

    expect(page.get_by_role("status")).to_contain_text("It is stored")
    keep_screenshot(page, "webhook-endpoint-replay")
