"""What events know of the trace that they were published in."""

import contextvars
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from daybook.client.core import Core
from daybook.client.settings import Settings
from daybook.client.tracing import InTrace, current_traceparent
from daybook.events.base import Event
from daybook.events.export import ExportRequested
from daybook.events.request import RequestCompleted
from daybook.testing.recording import RecordingClient
from opentelemetry.sdk.trace import TracerProvider

TRACE = "0af7651916cd43dd8448eb211c80319c"
CARRIED = f"00-{TRACE}-b7ad6b7169203331-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-01"


@contextmanager
def span() -> Generator[str]:
    """A span of the host's own; its traceparent."""
    with TracerProvider().get_tracer("host").start_as_current_span("work") as current:
        context = current.get_span_context()
        yield f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def published(event: Event, traceparent: str | None = None) -> dict[str, Any]:
    core = Core(Settings(bootstrap_servers="127.0.0.1:9", source="s", project_id="p"))
    waiting = core.prepare(event, None, None, traceparent)
    assert waiting is not None
    return orjson.loads(waiting.value)


EVENTS = [
    RequestCompleted(request_id="r", method="GET", url="/"),
    ExportRequested(export_id="e", exported_object="api_log"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_belongs_to_the_trace_that_is_carried(event: Event) -> None:
    with InTrace(CARRIED):
        assert published(event)["traceparent"] == CARRIED

    assert "traceparent" not in published(event)


def test_an_event_belongs_to_the_hosts_own_span_before_all_that_is_carried() -> None:
    with InTrace(CARRIED), span() as own:
        assert published(EVENTS[0])["traceparent"] == own


def test_a_traceparent_that_is_given_comes_first() -> None:
    with InTrace(CARRIED), span():
        assert published(EVENTS[0], OTHER)["traceparent"] == OTHER


def test_a_malformed_one_is_left_out() -> None:
    assert "traceparent" not in published(EVENTS[0], "00-odd\r\n")


def test_a_host_without_open_telemetry_is_not_made_to_import_it() -> None:
    program = (
        "import sys; from daybook import Client; from daybook.client import"
        " current_traceparent; from daybook.integrations import asgi, wsgi;"
        "assert current_traceparent() is None;"
        "assert not [name for name in sys.modules if 'opentelemetry' in name]"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603 - our own


def test_every_event_of_a_run_has_the_trace_that_it_was_made_in() -> None:
    client = RecordingClient()

    with InTrace(CARRIED):
        task = client.sync_task("T")
    with task:
        task.advance(done=1)
        # Signs of life come from a thread that is in no trace.
        beating = threading.Thread(target=task.beat)
        beating.start()
        beating.join()
        client.publish_webhook("made", {})

    assert len(client.traces) >= 4
    assert set(client.traces) == {CARRIED}
    assert current_traceparent() is None


async def test_a_task_of_an_asyncio_host_hands_its_trace_to_what_it_publishes() -> None:
    client = RecordingClient()

    async with client.task("T", traceparent=CARRIED):
        client.publish_webhook("made", {})
    client.publish_webhook("later", {})

    assert client.traces == [CARRIED] * 4 + [None]


def test_an_enqueued_task_has_the_trace_of_who_asked_for_it() -> None:
    client = RecordingClient()

    with InTrace(CARRIED):
        client.enqueue_task("T")

    assert client.traces == [CARRIED]


def test_a_trace_is_put_back_in_any_order_and_anywhere() -> None:
    first = InTrace(CARRIED)
    second = InTrace(OTHER)

    contextvars.Context().run(second.put_back)
    first.put_back()
    assert current_traceparent() == OTHER

    second.put_back()
    InTrace(None).put_back()
    assert current_traceparent() == CARRIED
    InTrace(None)
