"""What holds for each page, whatever it shows."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Browse = Callable[..., Page]
KeepScreenshot = Callable[[Page, str], None]

PAGES = [
    "logs",
    "logs/log-002?user=u2",
    "logs/hostile",
    "logs?status_code=4x",
    "logs?user=nobody",
    "tasks",
    "tasks/running",
    "tasks/failed?q=0001",
    "tasks/hostile",
    "tasks/nothing",
    "tasks?progress[gte]=x&user=me",
    "tasks?type=nothing",
    "webhooks",
    "webhooks/whs_retrying?event_type=voucher.*",
    "webhooks/whs_hostile",
    "webhooks/whs_held",
    "webhooks?event_type=nothing",
    "webhooks?status_code=4x",
    "webhook-retry?event_type=voucher.*",
    "webhook-endpoints",
    "webhook-endpoints/new",
    "webhook-endpoints/we_shop",
    "webhook-endpoints/we_crm",
    "webhook-endpoints/we_hostile",
    "webhook-endpoints/we_shop/edit",
    "webhook-endpoints/we_off/delete",
    "exports",
    "exports/exp_running",
    "exports/exp_done",
    "exports/exp_foreign",
    "exports/exp_hostile",
    "exports/exp_done/rows?sort=-request_duration",
    "exports/exp_running/rows",
    "exports/exp_done/rows/2",
    "new-export/webhook_attempt?status=FAILED",
    "docs",
]
WINDOWS = [(1440, 900), (390, 844)]
# What a page may not do, at any width: be wider than its window.
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"
# What is folded is a part of the page.
OPEN_ALL = "document.querySelectorAll('details').forEach(node => node.open = true)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), WINDOWS)
@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_its_window(
    browse: Browse,
    dashboard: Any,
    keep_screenshot: KeepScreenshot,
    path: str,
    width: int,
    height: int,
    scheme: str,
) -> None:
    page = browse(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
    )

    page.goto(f"{dashboard.address}/{path}")

    assert page.evaluate(TOO_WIDE) <= 0
    name = path.replace("/", "-").replace("?", "-").replace("=", "-")
    keep_screenshot(page, f"{name}-{width}-{scheme}")
    page.evaluate(OPEN_ALL)
    assert page.evaluate(TOO_WIDE) <= 0


# Seconds a page: each width and each scheme once is enough to find what differs.
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(
    browse: Browse, dashboard: Any, path: str, width: int, scheme: str
) -> None:
    page = browse(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
        # Axe comes as a script of its own, which our policy refuses.
        bypass_csp=True,
    )

    page.goto(f"{dashboard.address}/{path}")
    page.evaluate(OPEN_ALL)
    found = Axe().run(page)  # pyright: ignore[reportUnknownMemberType] - it has no types

    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(
    "path",
    [
        "logs?status=FAILURE&range=7d",
        "tasks/failed?q=0",
        "webhooks/whs_retrying",
        "webhook-endpoints/we_shop",
        "webhook-endpoints/new",
        "exports/exp_done",
        "exports/exp_done/rows",
        "new-export/api_log",
    ],
)
@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_clicked_is_large_enough_and_seen_when_focused(
    browse: Browse, dashboard: Any, width: int, path: str
) -> None:
    page = browse(viewport={"width": width, "height": 900})
    page.goto(f"{dashboard.address}/{path}")

    small = page.evaluate(
        """() => [...document.querySelectorAll("a, button, summary, input, select")]
          .filter(node => node.checkVisibility() && !node.closest(".skip, tbody"))
          .map(node => [node.textContent.trim(), node.getBoundingClientRect()])
          .filter(([, box]) => box.height < 24 || box.width < 24)
          .map(([text]) => text)"""
    )
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")

    assert small == []
    assert outline == "solid"


def test_the_documentation_breaks_no_word_where_there_is_little_room(
    browse: Browse, dashboard: Any
) -> None:
    page = browse(viewport={"width": 390, "height": 844})

    page.goto(f"{dashboard.address}/docs")
    broken = page.evaluate(
        """() => [...document.querySelectorAll("td:nth-child(2), tbody th")]
          .filter(cell => /^\\w{1,8}$/.test(cell.textContent))
          .filter(cell => {
            const text = document.createRange();
            text.selectNodeContents(cell);
            return new Set([...text.getClientRects()].map(box => box.bottom)).size > 1;
          })
          .map(cell => cell.textContent)"""
    )

    assert broken == []
