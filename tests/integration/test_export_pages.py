"""What a person does about exports on the dashboard, done by the exporter."""

import csv
import io
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from daybook.testing.pages import form_in, link_in, text_of
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually

pytestmark = pytest.mark.timeout(240)


@pytest_asyncio.fixture
async def person(run: StackRun) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in browser, as far as forms and links go."""
    async with httpx.AsyncClient(
        base_url=run.stack["api"],
        headers={"accept": "text/html"},
        follow_redirects=True,
        timeout=20,
    ) as client:
        await client.get(run.stack["dashboard"])
        yield client


async def shows(person: httpx.AsyncClient, page: str, words: str) -> httpx.Response:
    """Reload the page until it says so."""

    async def said() -> bool:
        return words in text_of((await person.get(page)).text)

    await eventually(said, within=30)
    return await person.get(page)


async def test_what_a_list_shows_is_exported_downloaded_browsed_and_deleted(
    run: StackRun, person: httpx.AsyncClient
) -> None:
    request_id = f"req-{uuid4()}"
    listed = f"/logs?request_id={request_id}"
    async with httpx.AsyncClient(base_url=run.stack["shop"]) as shop:
        headers = {"x-request-id": request_id, "content-type": "application/json"}
        await shop.post("/echo", content=b'{"n": 1.00}', headers=headers)
    page = await shows(person, listed, "/echo")

    asked = link_in(page.text, "Export…")
    form = form_in((await person.get(asked)).text, asked)
    made = await person.post(asked, data=form | {"column-request_body": "on"})
    address = made.url.path
    done = await shows(person, address, "Browse data")
    file = await person.get(link_in(done.text, "Download"))
    rows = await person.get(link_in(done.text, "Browse data"))
    body = await person.get(link_in(rows.text, "Open as JSON"))
    again = await person.post(
        f"{address}/again", data=form_in(done.text, f"{address}/again")
    )
    await shows(person, again.url.path, "Browse data")
    task = await shows(person, address, "Its background task")
    await shows(person, link_in(task.text, "Its background task"), "EXPORT.API_LOG")
    ask = await person.get(f"{address}/delete")
    gone = await person.post(
        f"{address}/delete", data=form_in(ask.text, f"{address}/delete")
    )

    [row] = csv.DictReader(io.StringIO(file.text, newline=""))
    assert (row["request_id"], row["request_body"]) == (request_id, '{"n": 1.00}')
    assert "1 row" in text_of(rows.text)
    assert '"n": 1.00' in body.text.replace("&#34;", '"')
    assert "Deleted" in text_of(gone.text)
    assert (await person.get(address)).status_code == 404
