"""The readme's examples run, and its events are read."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from daybook.client import SyncClient
from daybook.events.catalog import EVENTS
from daybook.events.reading import EventReader
from daybook.testing.records import FakeRecord

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(), re.M | re.S)
PYTHON = [code for language, code in BLOCKS if language == "python"]
EVENTS_SHOWN = [
    (headers, value)
    for (said, headers), (language, value) in pairwise(BLOCKS)
    if (said, language) == ("text", "json")
]


def run(code: str) -> dict[str, Any]:
    """The names that an example makes, as an imported module's."""
    module = ModuleType("readme")
    exec(compile(code, str(README), "exec"), module.__dict__)  # noqa: S102 - our own
    return module.__dict__


@pytest.mark.parametrize("code", PYTHON, ids=lambda code: code.strip()[:40])
def test_an_example_can_be_imported(code: str) -> None:
    if "import Celery" in code:
        # Its signals are the whole process's: test_celery has processes of its own.
        compile(code, str(README), "exec")
    else:
        assert run(code)


def test_the_example_redactor_knows_what_it_was_told() -> None:
    (code,) = [code for code in PYTHON if "Redactor()" in code]

    redactor = run(code)["redactor"]

    body = '{"IBAN": "DE02", "note": "SSN 123456789", "n": 1.00}'
    assert redactor.redact_text(body, "application/json") == (
        '{"IBAN": "****", "note": "SSN *********", "n": 1.00}'
    )


def test_the_example_task_is_enqueued_and_run() -> None:
    (code,) = [code for code in PYTHON if "enqueue_task" in code]
    names = run(code)
    client: SyncClient = names["client"]

    names["work"](names["accept"]("req_1"))

    assert client.stats.published == 3
    client.close(timedelta(0))


@pytest.mark.parametrize(
    ("headers", "value"), EVENTS_SHOWN, ids=["structured", "binary"]
)
def test_an_event_of_another_language_is_read(headers: str, value: str) -> None:
    pairs = [line.split(": ", 1) for line in headers.splitlines()]
    record = FakeRecord(
        value.encode(), tuple((name, text.encode()) for name, text in pairs)
    )

    event = EventReader(EVENTS.values()).read(record)

    assert event.project_id == "demo"
    assert event.data["task_id"] == "import-1"
    assert event.extra is None
