"""One attempt, from the request's bytes to what is kept of the answer."""

import asyncio
import base64
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import pytest_asyncio
import standardwebhooks
from daybook.testing.receivers import (
    Answer,
    Received,
    Receiver,
    drip,
    hang,
    raw,
    reply,
)
from daybook.testing.waiting import eventually
from webhook_dispatcher.excerpts import MOST_BYTES
from webhook_dispatcher.sender import Attempt, Sender, Target

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"data":{"price":1.00,"name":"Zoë"}}'.encode()
HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS = HEAD + b"transfer-encoding: chunked\r\n\r\n"


async def attempt(
    sender: Sender, url: str, *, body: bytes = BODY, **target: Any
) -> Attempt:
    target.setdefault("secrets", [SECRET])
    return await sender.attempt(Target(url=url, **target), "whs_1", body)


class Deaf:
    """Takes connections and reads nothing; may say something all the same."""

    def __init__(self) -> None:
        self.says = b""
        self.url = ""
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(
        self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.writers.append(writer)
        writer.write(self.says)


@pytest_asyncio.fixture
async def deaf() -> AsyncIterator[Deaf]:
    made = Deaf()
    # What is not read is soon not taken either.
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=1024)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield made
    for writer in made.writers:
        writer.transport.abort()
    server.close()
    await server.wait_closed()


async def test_the_bytes_arrive_and_their_signature_verifies(sender: Sender) -> None:
    async with Receiver() as receiver:
        made = await attempt(sender, receiver.url())

    assert made.sent
    [received] = receiver.requests
    assert received.body == BODY
    assert received.header("content-type") == "application/json"
    assert received.header("webhook-id") == "whs_1"
    headers = {name.lower(): value for name, value in received.headers}
    standardwebhooks.Webhook(SECRET).verify(received.body, headers)


async def test_what_was_sent_and_what_came_back_are_recorded(sender: Sender) -> None:
    before = datetime.now(UTC)
    async with Receiver(reply(202, b"taken", {"x-id": "7"})) as receiver:
        made = await attempt(sender, receiver.url())

    assert (made.status_code, made.error, made.retry_after_s) == (202, None, None)
    assert not made.gone
    assert not made.final
    assert before <= made.started_at <= datetime.now(UTC)
    assert 0 < made.duration_ms < 10_000
    assert made.request_headers == receiver.requests[0].headers
    assert made.response_headers == (("content-length", "5"), ("x-id", "7"))
    assert made.response_body is not None
    assert (made.response_body.text, made.response_body.encoding) == ("taken", "utf-8")
    assert not made.response_body.truncated


async def test_each_attempt_is_signed_for_its_own_time(
    new_transport: Callable[..., Any],
) -> None:
    times = iter(
        [datetime(2026, 11, 25, 12, tzinfo=UTC) + timedelta(hours=n) for n in range(9)]
    )
    sender = Sender(new_transport(), lambda: next(times), time.monotonic)
    async with Receiver() as receiver:
        for _ in range(2):
            await attempt(sender, receiver.url())

    one, two = receiver.requests
    assert int(two.header("webhook-timestamp")) > int(one.header("webhook-timestamp"))
    assert one.header("webhook-signature") != two.header("webhook-signature")
    assert one.header("webhook-id") == two.header("webhook-id")


async def test_both_secrets_sign_during_a_rotation(sender: Sender) -> None:
    old = "whsec_" + base64.b64encode(b"o" * 32).decode()
    async with Receiver() as receiver:
        await attempt(sender, receiver.url(), secrets=[SECRET, old])

    [received] = receiver.requests
    headers = {name.lower(): value for name, value in received.headers}
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, old):
        standardwebhooks.Webhook(secret).verify(received.body, headers)


async def test_an_endpoints_own_headers_are_sent_and_masked(sender: Sender) -> None:
    own = {"X-Api-Key": "s3cret", "Authorization": "Bearer t0ken", "User-Agent": "me"}
    async with Receiver() as receiver:
        made = await attempt(sender, receiver.url(), headers=own)

    [received] = receiver.requests
    assert {name: received.header(name) for name in own} == own
    recorded = dict(made.request_headers)
    assert {name: recorded[name] for name in own} == dict.fromkeys(own, "••••")
    assert recorded["webhook-id"] == "whs_1"
    assert "s3cret" not in repr(made)
    assert "t0ken" not in repr(Target(url="", secrets=[SECRET], headers=own))
    assert SECRET not in repr(Target(url="", secrets=[SECRET]))


async def test_an_endpoints_own_headers_override_none_of_ours(sender: Sender) -> None:
    own = {
        "Webhook-Id": "forged",
        "webhook-signature": "v1,forged",
        "Host": "other.example",
        "Content-Length": "1",
        "content-type": "text/plain",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "X-Good": "a",
        "X-Bad": "a\r\nX-Smuggled: b",
    }
    async with Receiver() as receiver:
        made = await attempt(sender, receiver.url(), headers=own)

    [received] = receiver.requests
    names = [name.lower() for name, _ in received.headers]
    assert made.sent
    assert received.body == BODY
    assert len(names) == len(set(names))
    assert received.header("webhook-id") == "whs_1"
    assert received.header("host") == f"127.0.0.1:{receiver.port}"
    assert received.header("content-type") == "application/json"
    assert received.header("x-good") == "a"
    assert not {"x-bad", "x-smuggled", "transfer-encoding", "connection"} & set(names)


@pytest.mark.parametrize(
    "answer",
    [
        drip(HEAD + b"content-length: 1000\r\n\r\n"),
        drip(ENDLESS, b"1\r\nx\r\n"),
        drip(HEAD + b"\r\n"),  # until the connection closes, which it never does
        raw(HEAD + b"content-length: 10\r\n\r\n"),  # nothing of it comes
        raw(HEAD + b"content-length: 10\r\n\r\nx", close=True),
        raw(HEAD + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n\xff\xff"),
    ],
    ids=["drips", "chunks", "no-length", "silent", "short", "bad-gzip"],
)
async def test_a_2xx_is_sent_whatever_its_body_does(
    sender: Sender, answer: Answer
) -> None:
    async with Receiver(answer) as receiver:
        made = await attempt(sender, receiver.url(), timeout_s=0.5)

        assert made.sent
        assert made.status_code == 200
        assert made.duration_ms < 2000
        if made.response_body and made.response_body.truncated:
            await eventually(lambda: receiver.open == 0)  # its connection is cut


@pytest.mark.parametrize("status", [500, 410, 302])
async def test_another_status_is_told_whatever_its_body_does(
    sender: Sender, status: int
) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-length: 1000\r\n\r\n".encode()
    async with Receiver(drip(head)) as receiver:
        made = await attempt(sender, receiver.url(), timeout_s=0.3)

    assert made.error is not None
    assert made.error.message.startswith(f"answered {status}")
    assert made.response_body is not None
    assert set(made.response_body.text) == {"x"}
    assert made.response_body.truncated


async def test_a_body_of_a_gigabyte_costs_no_more_than_the_cap(sender: Sender) -> None:
    sent = 0

    async def flood(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(HEAD + b"content-length: 1073741824\r\n\r\n")
        while sent < 2**30:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with Receiver(flood) as receiver:
        made = await attempt(sender, receiver.url())

        await eventually(lambda: receiver.open == 0)
    assert made.sent
    assert made.response_body is not None
    assert len(made.response_body.text) == MOST_BYTES
    assert made.response_body.truncated
    assert made.duration_ms < 5000
    assert sent < 32 * 2**20  # what fits into the sockets' buffers


async def test_a_body_of_just_the_cap_is_whole_and_its_connection_is_kept(
    sender: Sender,
) -> None:
    async with Receiver(reply(200, b"x" * MOST_BYTES)) as receiver:
        for _ in range(2):
            made = await attempt(sender, receiver.url())
            assert made.response_body is not None
            assert not made.response_body.truncated

    assert receiver.connections == 1


async def test_bytes_that_are_no_text_are_kept_in_base64(sender: Sender) -> None:
    async with Receiver(reply(200, b"\xff\x00")) as receiver:
        made = await attempt(sender, receiver.url())

    assert made.response_body is not None
    assert (made.response_body.text, made.response_body.encoding) == ("/wA=", "base64")


@pytest.mark.parametrize(
    "answer",
    [
        drip(HEAD, b"x: y\r\n"),  # headers without end
        drip(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n"),
        drip(b"HTTP/1."),
    ],
    ids=["headers", "informational", "status-line"],
)
async def test_an_answer_that_never_begins_ends_with_the_timeout(
    sender: Sender, answer: Answer
) -> None:
    async with Receiver(answer) as receiver:
        made = await attempt(sender, receiver.url(), timeout_s=0.5)

        assert made.error is not None
        assert made.error.kind in ("timeout", "protocol")
        assert made.duration_ms < 2000
        await eventually(lambda: receiver.open == 0)


async def test_a_flood_of_headers_is_bounded(sender: Sender) -> None:
    async with Receiver(drip(HEAD, b"x: y\r\n" * 10_000, every_s=0)) as receiver:
        tracemalloc.start()
        made = await attempt(sender, receiver.url(), timeout_s=2)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert made.error is not None
    assert peak < 64 * 2**20


async def test_an_early_hint_is_not_the_answer(sender: Sender) -> None:
    hint = b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n"
    whole = hint + HEAD + b"content-length: 2\r\n\r\nok"
    async with Receiver(raw(whole)) as receiver:
        made = await attempt(sender, receiver.url())

    assert made.status_code == 200


async def test_a_receiver_that_reads_nothing_ends_with_the_timeout(
    sender: Sender, deaf: Deaf
) -> None:
    body = b"x" * 32 * 2**20
    made = await attempt(sender, deaf.url, body=body, timeout_s=0.5)

    assert made.error is not None
    assert made.error.kind == "timeout"
    assert made.duration_ms < 2000


async def test_an_answer_before_the_body_was_taken_counts(
    sender: Sender, deaf: Deaf
) -> None:
    deaf.says = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"
    body = b"x" * 32 * 2**20
    made = await attempt(sender, deaf.url, body=body, timeout_s=5)

    assert made.status_code == 413
    assert made.duration_ms < 3000


async def test_four_megabytes_arrive_whole(sender: Sender) -> None:
    body = b"0123456789abcdef" * 2**18
    async with Receiver() as receiver:
        made = await attempt(sender, receiver.url(), body=body)

    assert made.sent
    assert receiver.requests[0].body == body


@pytest.mark.parametrize("status", [429, 503, 500, 302])
async def test_retry_after_is_handed_on(sender: Sender, status: int) -> None:
    async with Receiver(reply(status, headers={"Retry-After": "120"})) as receiver:
        made = await attempt(sender, receiver.url())

    assert made.retry_after_s == 120


async def test_retry_after_may_be_a_date(sender: Sender) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    async with Receiver(reply(503, headers={"Retry-After": later})) as receiver:
        made = await attempt(sender, receiver.url())

    assert made.retry_after_s == pytest.approx(300, abs=5)


async def test_a_success_has_nothing_to_retry(sender: Sender) -> None:
    async with Receiver(reply(200, headers={"Retry-After": "120"})) as receiver:
        made = await attempt(sender, receiver.url())

    assert made.retry_after_s is None


async def test_receivers_that_hang_slow_no_other(
    sender: Sender,
) -> None:
    async with Receiver(hang) as slow, Receiver() as quick:
        hanging = [
            asyncio.create_task(attempt(sender, slow.url(), timeout_s=30))
            for _ in range(200)
        ]
        await eventually(lambda: len(slow.requests) == 200)

        made = [await attempt(sender, quick.url()) for _ in range(100)]

        assert all(one.sent for one in made)
        assert sorted(one.duration_ms for one in made)[98] < 1000
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        await eventually(lambda: slow.open == 0)


async def test_a_cancelled_attempt_is_no_timeout(sender: Sender) -> None:
    async with Receiver(hang) as receiver:
        task = asyncio.create_task(attempt(sender, receiver.url()))
        await eventually(lambda: receiver.requests)
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: receiver.open == 0)
