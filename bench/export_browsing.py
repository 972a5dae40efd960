"""An export's rows by HTTP: pages at depths, in orders, and searches to their end."""

import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import httpx
from daybook_local.ports import Ports
from many_logs import PROJECT
from measuring import row, wait_for
from query.exports.browsing.cursors import Place, write_place
from query.keys import make_key, system_randomness

PAGES = 5
SORTS = ("created_at", "-created_at", "request_duration", "-url", "user_email")
# Every row has it, one in fifty, one alone, none.
SEARCHES = ("shop.example", "u77@", "log-00000999", "nobody's-and-nothing's")


def browse(
    database: Any, environment: dict[str, str], export: dict[str, Any]
) -> dict[str, Any]:
    """Milliseconds of each kind of page; a table on the way."""
    now = datetime.now(UTC)
    stored, key = make_key(PROJECT, "bench", now=now, randomness=system_randomness)
    database["api_keys"].insert_one(
        {
            "_id": stored.id,
            "project_id": PROJECT,
            "name": "bench",
            "secret_sha256": stored.secret_sha256,
            "created_at": now,
        }
    )
    port = Ports().take()
    process = subprocess.Popen(
        [sys.executable, "-m", "query"],
        env=os.environ | environment | {"DAYBOOK_PORT": str(port)},
    )
    address = f"http://127.0.0.1:{port}"
    headers = {"authorization": f"Bearer {key}"}
    try:
        wait_for(f"{address}/readyz")
        with httpx.Client(base_url=address, headers=headers, timeout=30) as http:
            return Rows(http, export).measured(export["rows"])
    finally:
        process.terminate()
        process.wait()


class Rows:
    """The rows of one export."""

    def __init__(self, http: httpx.Client, export: dict[str, Any]) -> None:
        self._http = http
        self._export: str = export["_id"]
        self._path = f"/v1/exports/{export['id']}/rows"

    def measured(self, total: int) -> dict[str, Any]:
        """Everything that is measured, by what was asked."""
        row("browsing", "median ms", "most ms", "answers", "complete")
        found: dict[str, Any] = {}
        for depth in (1, total // 1000 + 1, max(1, total // 100 - PAGES)):
            pages = self._from(depth)
            found[f"page {depth}"] = _told(f"page {depth}", pages)
        for sort in SORTS:
            found[f"sort {sort}"] = _told(f"sort {sort}", self._some(sort=sort))
        for q in SEARCHES:
            found[f"q {q}"] = _told(f"q {q[:12]}", self._some(q=q))
        both = self._some(q=SEARCHES[1], sort="-url")
        found["q and sort"] = _told("q and sort", both)
        return found

    def _from(self, depth: int) -> list[tuple[float, bool]]:
        """Pages of a hundred, the first of them at this depth, each by its cursor."""
        place = Place((depth - 1) * 100)
        cursor = write_place(place, export=self._export, q=None, sort=None)
        answers: list[tuple[float, bool]] = []
        while cursor is not None and len(answers) < PAGES:
            took, answer = self._page({"limit": "100", "cursor": cursor})
            answers.append((took, answer["searched_rows"] is None))
            cursor = answer["next_cursor"]
        return answers

    def _some(self, **asked: str) -> list[tuple[float, bool]]:
        """The first page, so many times."""
        answers: list[tuple[float, bool]] = []
        for _ in range(PAGES):
            took, answer = self._page({"limit": "100", **asked})
            answers.append((took, answer["searched_rows"] is None))
        return answers

    def _page(self, asked: dict[str, str]) -> tuple[float, Any]:
        began = time.perf_counter()
        answer = self._http.get(self._path, params=asked)
        took = (time.perf_counter() - began) * 1000
        answer.raise_for_status()
        return took, answer.json()


def _told(name: str, answers: list[tuple[float, bool]]) -> dict[str, Any]:
    took = [one for one, _ in answers]
    complete = all(whole for _, whole in answers)
    middle, most = round(statistics.median(took), 1), round(max(took), 1)
    row(name, middle, most, len(took), complete)
    return {"median": middle, "most": most, "complete": complete}
