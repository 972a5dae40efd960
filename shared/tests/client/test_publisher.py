"""What every publisher does: both clients, and the fake for users' tests."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from daybook import Client, Publisher, SyncClient
from daybook.events.request import RequestCompleted
from daybook.testing.recording import RecordingPublisher


@pytest_asyncio.fixture(params=[Client, SyncClient, RecordingPublisher])
async def publisher(
    request: pytest.FixtureRequest, nowhere: str
) -> AsyncIterator[Publisher]:
    if request.param is RecordingPublisher:
        yield RecordingPublisher()
    elif request.param is SyncClient:
        client = SyncClient(nowhere, source="shop")
        yield client
        client.close(timedelta(0))
    else:
        async with Client(
            nowhere, source="shop", close_timeout=timedelta(0)
        ) as asynchronous:
            yield asynchronous


@pytest.mark.parametrize("event", [None, 7, "event", RequestCompleted])
def test_publishing_nonsense_breaks_no_host(publisher: Publisher, event: Any) -> None:
    if isinstance(publisher, RecordingPublisher):
        with pytest.raises(AssertionError):  # where it breaks a test, on purpose
            publisher.publish(event)
    else:
        publisher.publish(event)


def test_publishing_returns_nothing_and_takes_what_the_protocol_says(
    publisher: Publisher, make_event: Any
) -> None:
    publisher.publish(make_event())
    publisher.publish(
        make_event(),
        project_id="demo",
        time=datetime(2026, 11, 24, tzinfo=UTC),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


def test_the_fake_remembers_every_call_in_order(make_event: Any) -> None:
    fake = RecordingPublisher()
    first, second = make_event("a"), make_event("b")

    fake.publish(first, project_id="demo")
    fake.publish(second)

    assert [call.event for call in fake.calls] == [first, second]
    assert [call.project_id for call in fake.calls] == ["demo", None]
