"""HTML pages as tests read them: what they say, and what their forms would send."""

import re
from html import unescape

import httpx


def text_of(html: str) -> str:
    """What is read in the page's main part, on one line."""
    main = html[html.index("<main") :]
    return " ".join(unescape(re.sub(r"<[^>]*>", "", main)).split())


def link_in(html: str, words: str) -> str:
    """Where the first link leads whose text begins with these words."""
    found = re.search(rf'href="([^"]*)"[^>]*>{re.escape(words)}', html)
    assert found is not None, html
    return unescape(found[1])


def form_in(html: str, action: str) -> dict[str, str]:
    """The fields of one form as the page fills them in, and as a browser sends them."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', html, re.S)
    assert found is not None, html
    inputs = re.findall(
        r'<input(?![^>]*type="radio")[^>]*name="([^"]*)" value="([^"]*)"', found[0]
    )
    picked = re.findall(
        r'<input type="radio" name="([^"]*)" value="([^"]*)" checked', found[0]
    )
    areas = re.findall(
        r'<textarea[^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>', found[0], re.S
    )
    chosen = re.findall(
        r'<select[^>]*name="([^"]*)".*?value="([^"]*)" selected', found[0], re.S
    )
    checked = re.findall(r'type="checkbox"[^>]*name="([^"]*)" checked', found[0])
    fields = {
        name: unescape(value) for name, value in (*inputs, *picked, *areas, *chosen)
    }
    return fields | dict.fromkeys(checked, "on")


async def press(signed_in: httpx.AsyncClient, page: str, action: str) -> httpx.Response:
    """Send the form of the page and follow where it leads."""
    shown = await signed_in.get(page)
    sent = await signed_in.post(action, data=form_in(shown.text, action))
    assert sent.status_code == 303, sent.text
    return await signed_in.get(sent.headers["location"])
