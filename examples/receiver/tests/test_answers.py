"""What the receiver answers, over real sockets."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from daybook.testing import eventually
from daybook.testing.receiver_run import ReceiverRun

Post = Callable[..., Awaitable[httpx.Response]]


# Path, status, headers. They share a receiver, since its start takes longer than all.
TOLD: list[tuple[str, int, dict[str, str]]] = [
    ("/hooks/ok", 200, {}),
    ("/hooks/verified", 200, {}),
    ("/hooks/status/500", 500, {}),
    ("/hooks/status/204", 204, {}),
    ("/hooks/status/304", 304, {}),
    ("/hooks/status/599", 599, {}),
    ("/hooks/retry-after/30", 429, {"retry-after": "30"}),
    ("/hooks/gone", 410, {}),
    ("/hooks/redirect", 302, {"location": "/hooks/ok"}),
    (
        "/hooks/redirect?to=http://x.example/",
        302,
        {"location": "http://x.example/"},
    ),
    ("/hooks/flaky?fail=0", 200, {}),
    ("/hooks/flaky?status=500", 500, {}),
    ("/hooks/slow?ms=0", 200, {}),
    ("/hooks/status/100", 404, {}),
    ("/hooks/status/٥٠٠", 404, {}),
    ("/hooks/slow?ms=99999999999", 404, {}),
    ("/hooks/nothing/known", 404, {}),
    ("/hooks/", 404, {}),
]


async def test_a_path_tells_the_answer_and_the_ledger_has_it(
    receiver: ReceiverRun, post: Post
) -> None:
    for number, (path, status, headers) in enumerate(TOLD):
        answer = await post(path, f"whs_{number}")

        assert answer.status_code == status, path
        assert headers.items() <= dict(answer.headers).items(), path
        (entry,) = await receiver.entries(since=number)
        assert entry["answered"] == status
        assert httpx.URL(entry["path"]) == httpx.URL(path)


async def test_flaky_fails_the_first_arrivals_of_each_webhook(
    receiver: ReceiverRun,
    post: Post,
) -> None:
    async def statuses(id: str, count: int) -> list[int]:
        answers = [await post("/hooks/flaky?fail=2", id) for _ in range(count)]
        return [answer.status_code for answer in answers]

    assert await statuses("whs_1", 3) == [503, 503, 200]
    assert await statuses("whs_2", 1) == [503]

    await receiver.end()
    await receiver.start()

    assert await statuses("whs_2", 2) == [503, 200]
    assert await statuses("whs_1", 1) == [200]


async def test_slow_answers_later(receiver: ReceiverRun, post: Post) -> None:
    began = time.monotonic()

    answer = await post("/hooks/slow?ms=300")

    assert answer.status_code == 200
    assert time.monotonic() - began >= 0.3


async def test_who_hangs_gets_no_answer_and_holds_up_nobody(
    receiver: ReceiverRun,
    post: Post,
) -> None:
    hanging = asyncio.ensure_future(post("/hooks/hang"))
    await eventually(receiver.entries)

    assert (await post("/hooks/ok", "whs_2")).status_code == 200

    assert not hanging.done()
    hanging.cancel()
    answered = [entry["answered"] for entry in await receiver.entries()]
    assert answered == [None, 200]


async def test_a_drip_has_a_status_and_a_body_byte_by_byte(
    receiver: ReceiverRun,
) -> None:
    async with receiver.http.stream("POST", "/hooks/drip?ms=20") as answer:
        pieces = [piece async for piece in first(answer, 3)]

    assert answer.status_code == 200
    assert b"".join(pieces).startswith(b"...")


async def test_an_endless_body_goes_on(receiver: ReceiverRun, post: Post) -> None:
    size = 0
    async with receiver.http.stream("POST", "/hooks/endless") as answer:
        async for piece in answer.aiter_raw():
            size += len(piece)
            if size > 5_000_000:
                break

    assert answer.status_code == 200
    assert (await post("/hooks/ok")).status_code == 200


async def test_a_dripping_head_has_no_end_of_its_first_line(
    receiver: ReceiverRun,
) -> None:
    reader, writer = await raw_post(receiver, "/hooks/drip/head?ms=1")

    head = await reader.readexactly(40)

    assert head == b"HTTP/1.1 200 " + b"." * 27
    writer.close()
    await writer.wait_closed()


async def test_a_reset_comes_before_any_answer(receiver: ReceiverRun) -> None:
    reader, writer = await raw_post(receiver, "/hooks/reset")

    with pytest.raises(ConnectionResetError):
        await reader.read()

    writer.close()
    (entry,) = await receiver.entries()
    assert entry["answered"] is None


async def test_a_self_signed_certificate_is_trusted_by_nobody(
    start_receiver: Callable[..., Awaitable[ReceiverRun]],
) -> None:
    receiver = await start_receiver(RECEIVER_TLS="self-signed")

    async with httpx.AsyncClient(trust_env=False) as strict:
        with pytest.raises(httpx.ConnectError, match="self-signed certificate"):
            await strict.post(receiver.url("/hooks/ok"))

    assert (await receiver.http.post("/hooks/ok")).status_code == 200
    with pytest.raises(httpx.ReadError):
        await receiver.http.post("/hooks/reset")


async def test_it_stops_though_a_sender_hangs(
    receiver: ReceiverRun, post: Post
) -> None:
    hanging = asyncio.ensure_future(post("/hooks/hang"))
    await eventually(receiver.entries)

    assert await receiver.end() == -signal.SIGTERM

    with pytest.raises(httpx.TransportError):
        await hanging


async def first(answer: httpx.Response, count: int) -> AsyncIterator[bytes]:
    async for piece in answer.aiter_raw():
        yield piece
        count -= len(piece)
        if count <= 0:
            return


async def raw_post(
    receiver: ReceiverRun, target: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
    writer.write(
        f"POST {target} HTTP/1.1\r\nhost: r\r\ncontent-length: 2\r\n\r\n{{}}".encode()
    )
    return reader, writer
