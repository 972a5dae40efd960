"""Imports in the background, and what the shop tells Daybook of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from daybook.events.task import FailedRow, TaskFinished, TaskProgressed
from daybook.testing import eventually
from daybook.testing.recording import RecordingClient
from shop.app import MOST_BYTES, create_app
from shop.imports import Imports
from shop.store import Store

KEY = {"x-app-id": "shop-server", "x-app-token": "s3cret", "content-type": "text/csv"}
IMPORT = "/v1/vouchers/import"


@dataclass
class Shop:
    """A shop that imports as fast as it can, and what it told."""

    http: httpx.AsyncClient
    daybook: RecordingClient
    imports: Imports

    @property
    def kinds(self) -> list[str]:
        return [event.type.split(".")[2] for event in self.daybook.tasks]

    @property
    def end(self) -> TaskFinished:
        event = self.daybook.tasks[-1]
        assert isinstance(event, TaskFinished)
        return event

    @property
    def failed(self) -> list[FailedRow]:
        return [
            row
            for event in self.daybook.tasks
            if isinstance(event, TaskProgressed | TaskFinished)
            for row in event.failed or []
        ]


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[Shop]:
    daybook, store = RecordingClient(), Store()
    imports = Imports(daybook, store, pause_s=0)
    app = create_app(daybook, store, imports)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://shop.example",
            headers=KEY,
        ) as http,
    ):
        yield Shop(http, daybook, imports)


async def test_an_import_is_answered_at_once_and_done_in_the_background(
    shop: Shop,
) -> None:
    answer = await shop.http.post(IMPORT, content="code,discount\nA,10\nB,20\n")

    assert answer.status_code == 202
    await shop.imports.finished()
    assert answer.json() == {"async_action_id": shop.end.task_id}
    assert shop.kinds == ["enqueued", "started", "finished"]
    assert (shop.end.outcome, shop.end.operation_status) == ("DONE", "SUCCESS")
    assert (shop.end.total, shop.end.done_count, shop.end.failed_count) == (2, 2, 0)
    assert shop.end.result is not None
    assert shop.end.result.message == "2 of 2 vouchers imported"
    assert (await shop.http.get("/v1/vouchers/B")).json()["discount"] == 20


async def test_rows_fail_by_their_line_with_their_reason(shop: Shop) -> None:
    lines = [
        *("code,discount", "A,10", "A,20", "B,ten", "C,101", "D 🎟️,5", "E", "F,1"),
    ]

    await shop.http.post(IMPORT, content="\r\n".join(lines).encode())
    await shop.imports.finished()

    assert [(row.row, row.code) for row in shop.failed] == [
        *((3, "A"), (4, "B"), (5, "C"), (6, "D 🎟️"), (7, "E")),
    ]
    reasons = [row.reason or "" for row in shop.failed]
    words = ["already", "whole number", "less than or equal", "pattern", "1 columns"]
    for word, reason in zip(words, reasons, strict=True):
        assert word in reason
    assert (shop.end.done_count, shop.end.failed_count) == (2, 5)


async def test_the_log_names_the_task_and_the_task_the_request(shop: Shop) -> None:
    await shop.http.post(
        f"{IMPORT}?import_file_id=imf_1",
        content="code,discount\nA,10\n",
        headers=httpx.Headers(
            {
                "x-request-id": "req_1",
                "x-user-id": "cust_1",
                "x-user-email": "李雷@example.com",
            },
            encoding="utf-8",
        ),
    )
    await shop.imports.finished()

    log = shop.daybook.only
    assert log.endpoint == "POST /v1/vouchers/import"
    assert (log.task_id, log.import_file_id) == (shop.end.task_id, "imf_1")
    assert log.resource is None
    for event in shop.daybook.tasks:
        assert (event.request_id, event.import_file_id) == ("req_1", "imf_1")
        assert event.user is not None
        assert (event.user.id, event.user.email) == ("cust_1", "李雷@example.com")
        assert event.user == log.user


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "first line"),
        (b"name,discount\nA,10\n", 400, "first line"),
        (b"code,discount\n", 400, "from 1 to"),
        (b"code,discount\nA\xff,10\n", 400, "UTF-8"),
        (b"x" * (MOST_BYTES + 1), 413, "at most"),
    ],
)
async def test_what_is_no_import_is_refused_and_is_no_task(
    shop: Shop, content: bytes, status: int, words: str
) -> None:
    answer = await shop.http.post(IMPORT, content=content)

    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert shop.daybook.tasks == []


async def test_a_third_import_waits_for_the_first_two(shop: Shop) -> None:
    shop.imports.pause_s = 0.01
    content = "code,discount\n" + "".join(f"A{n},1\n" for n in range(20))

    for _ in range(3):
        await shop.http.post(IMPORT, content=content)
    await eventually(lambda: shop.kinds.count("started") == 2)
    assert shop.kinds.count("enqueued") == 3

    await shop.imports.finished()
    assert shop.kinds.count("finished") == 3


async def test_imports_that_the_shops_end_cuts_short_say_so() -> None:
    daybook, store = RecordingClient(), Store()
    imports = Imports(daybook, store, pause_s=60)
    app = create_app(daybook, store, imports)

    async with app.router.lifespan_context(app):
        for code in "ABC":
            imports.begin([(2, [code, "10"])], {})
        await eventually(lambda: store.vouchers.get("B"))

    ends = [event for event in daybook.tasks if isinstance(event, TaskFinished)]
    assert sorted(end.done_count or 0 for end in ends) == [0, 1, 1]
    for end in ends:
        assert end.outcome == "FAILED"
        assert end.result is not None
        assert end.result.message == "it was cancelled"
