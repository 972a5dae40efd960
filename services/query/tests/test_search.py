"""The search's own time: slices, what it says when time runs out, where it goes on."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from daybook.runtime.mongo import Document
from daybook.storage.times import MS_PER_HOUR, from_ms
from pymongo.errors import ExecutionTimeout
from query.cursors import Position
from query.filters import Window
from query.plans import Plan, Span, Stretch, Tie
from query.search import Page, Search

CHECKED = Plan("by_time", (), {"status_code": 404}, exact=False)
EXACT_REFS = Plan("by_ref", ("user:u",), {}, exact=True)
BUDGET = 2.0
TIE_SLICE = 50


@dataclass
class SlowStore:
    """Logs whose every key takes its time: what MongoDB is when it is too much."""

    logs: list[tuple[int, str, bool]]  # milliseconds, id, whether it matches
    seconds_a_key: float
    now: float = 0.0
    asked: list[Stretch] = field(default_factory=list[Stretch])

    def __post_init__(self) -> None:
        self.logs.sort(reverse=True)

    def _within(self, stretch: Stretch) -> Iterator[tuple[int, str, bool]]:
        for ms, log_id, matches in self.logs:
            if isinstance(stretch, Span):
                if stretch.low <= ms < stretch.high:
                    yield ms, log_id, matches
            elif (
                ms == stretch.ms
                and f"p/{log_id}" < stretch.below_id
                and (stretch.from_id is None or f"p/{log_id}" >= stretch.from_id)
            ):
                yield ms, log_id, matches

    async def find(
        self, stretch: Stretch, *, limit: int, seconds: float
    ) -> list[Document]:
        self.asked.append(stretch)
        found: list[Document] = []
        spent = 0.0
        for ms, log_id, matches in self._within(stretch):
            spent += self.seconds_a_key
            if spent > seconds:
                self.now += seconds
                raise ExecutionTimeout("operation exceeded time limit", 50)
            if matches:
                found.append({"id": log_id, "created_at": from_ms(ms)})
            if len(found) == limit:
                break
        self.now += spent
        return found

    async def newest_in(self, span: Span, *, seconds: float) -> int | None:
        self.now += self.seconds_a_key
        return next((ms for ms, *_ in self._within(span)), None)

    async def far_below(self, tie: Tie, *, seconds: float) -> str | None:
        keys = [log_id for _, log_id, _ in self._within(tie)][:TIE_SLICE]
        self.now += len(keys) * self.seconds_a_key
        return f"p/{keys[-1]}" if len(keys) == TIE_SLICE else None


async def read_page(
    store: SlowStore, plan: Plan, start: Position | None, span: int | None
) -> Page:
    end = store.now + BUDGET
    search = Search(
        store, plan, "p", limit=10, span=span, remaining=lambda: end - store.now
    )
    return await search.run(Window(), start)


async def read_all(store: SlowStore, plan: Plan) -> list[Page]:
    """Every page; fails when they do not end."""
    pages: list[Page] = []
    start, span = None, None
    for _ in range(300):
        before = store.now
        pages.append(await read_page(store, plan, start, span))
        assert store.now - before <= BUDGET + 0.5
        start, span = pages[-1].next, pages[-1].span
        if start is None:
            return pages
    pytest.fail("the pages do not end")


def logs_of(
    count: int, step_ms: int, every: int, newest: int = 400_000 * MS_PER_HOUR
) -> list[tuple[int, str, bool]]:
    return [
        (newest - n * step_ms, f"{count - n:06}", n % every == every - 1)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("logs", "seconds_a_key"),
    [
        (logs_of(3000, 60_000, 700), 0.000_1),
        (logs_of(3000, 60_000, 700), 0.01),
        (logs_of(3000, 1, 700), 0.01),
        (logs_of(1000, 0, 300), 0.01),
        (logs_of(1000, 0, 300) + logs_of(50, 90_000_000, 3), 0.01),
        (logs_of(40, 9_000 * MS_PER_HOUR, 3), 0.05),
        ([], 0.01),
    ],
    ids=["fast", "slow", "dense", "one millisecond", "both", "years apart", "none"],
)
@pytest.mark.parametrize("plan", [CHECKED, EXACT_REFS], ids=["checked", "exact"])
async def test_however_slow_it_is_the_pages_hold_every_match_once(
    logs: list[tuple[int, str, bool]], seconds_a_key: float, plan: Plan
) -> None:
    store = SlowStore(logs, seconds_a_key)

    pages = await read_all(store, plan)

    found = [log["id"] for page in pages for log in page.rows]
    assert found == [log_id for _, log_id, matches in store.logs if matches]


async def test_a_search_whose_time_ran_out_says_how_far_back_it_got() -> None:
    store = SlowStore(logs_of(3000, 60_000, 10_000), 0.01)

    page = await read_page(store, CHECKED, None, None)

    assert page.rows == []
    assert page.searched_until is not None
    assert page.next == Position(page.searched_until)
    looked_at = [s for s in store.asked if isinstance(s, Span)]
    assert min(s.low for s in looked_at) <= page.searched_until


async def test_what_was_found_before_time_ran_out_is_answered() -> None:
    logs = [*logs_of(3000, 60_000, 10_000), (400_000 * MS_PER_HOUR, "zz", True)]

    page = await read_page(SlowStore(logs, 0.01), CHECKED, None, None)

    assert [log["id"] for log in page.rows] == ["zz"]
    assert page.searched_until is not None


async def test_a_full_page_says_nothing_of_time() -> None:
    page = await read_page(
        SlowStore(logs_of(500, 1000, 2), 0.0001), CHECKED, None, None
    )

    assert len(page.rows) == 10
    assert page.next is not None
    assert page.searched_until is None


async def test_years_without_a_log_cost_no_search_of_their_own() -> None:
    logs = [(-60_000_000_000_000, "first", True), (250_000_000_000_000, "last", True)]
    store = SlowStore(logs, 0.000_1)

    page = await read_page(store, EXACT_REFS, None, None)

    assert [log["id"] for log in page.rows] == ["last", "first"]
    assert len(store.asked) == 2
