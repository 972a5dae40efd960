"""The guard in the connection, and what the connections are kept for."""

import asyncio
import os
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from daybook.testing.receivers import Received, Receiver, raw, reply
from daybook.testing.waiting import eventually
from daybook.webhooks.addresses import AddressRules
from webhook_dispatcher.resolving import BlockedAddress
from webhook_dispatcher.transport import GuardedTransport

NewTransport = Callable[..., GuardedTransport]
SMALL = httpx.Headers({"content-type": "application/json"})


async def post(
    transport: GuardedTransport,
    url: str,
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    request = httpx.Request(
        "POST", url, content=body, headers={**SMALL, **(headers or {})}
    )
    response = await transport.handle_async_request(request)
    await response.aread()
    return response


def blocked(error: pytest.ExceptionInfo[httpx.ConnectError]) -> str:
    cause: BaseException | None = error.value
    while cause is not None and not isinstance(cause, BlockedAddress):
        cause = cause.__cause__ or cause.__context__
    assert cause is not None
    return str(cause)


async def test_an_allowed_address_is_reached_by_name(
    new_transport: NewTransport, names: Any
) -> None:
    names.say("hooks.example", ["127.0.0.1"])
    async with Receiver() as receiver:
        response = await post(new_transport(), receiver.url("hooks.example"), b"[1]")

    assert (response.status_code, response.content) == (200, b"ok")
    [received] = receiver.requests
    assert received.line == "POST /hook HTTP/1.1"
    assert received.body == b"[1]"
    assert received.header("host") == f"hooks.example:{receiver.port}"


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.2"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["127.0.0.1", "127.0.0.2"],  # one bad address spoils the answer
        ["127.0.0.2", "127.0.0.1"],
    ],
)
async def test_a_name_that_resolves_to_a_refused_address_is_not_reached(
    new_transport: NewTransport, names: Any, answer: Sequence[str]
) -> None:
    names.say("hooks.example", answer)
    async with Receiver() as receiver:
        with pytest.raises(httpx.ConnectError) as error:
            await post(new_transport(), receiver.url("hooks.example"))

    assert "is not a public address" in blocked(error)
    assert receiver.connections == 0


async def test_a_name_that_changes_its_answer_is_asked_once(
    new_transport: NewTransport, names: Any
) -> None:
    names.say("rebinding.example", ["127.0.0.1"], ["127.0.0.2"])
    async with Receiver() as good, Receiver(host="127.0.0.2") as bad:
        first = await post(new_transport(), good.url("rebinding.example"))
        with pytest.raises(httpx.ConnectError):
            await post(new_transport(), bad.url("rebinding.example"))

    assert first.status_code == 200
    assert names.asked == ["rebinding.example"] * 2  # once a connection
    assert (good.connections, bad.connections) == (1, 0)


@pytest.mark.parametrize(
    "host", ["127.0.0.2", "127.2", "2130706434", "0x7f.2", "[::1]", "localhost."]
)
async def test_an_address_in_the_url_is_not_reached_either(
    new_transport: NewTransport, names: Any, host: str
) -> None:
    names.say("localhost", ["127.0.0.2"])
    names.say("localhost.", ["127.0.0.2"])
    async with Receiver(host="127.0.0.2") as receiver:
        with pytest.raises(httpx.ConnectError) as error:
            await post(new_transport(), receiver.url(host))

    assert blocked(error)
    assert receiver.connections == 0


async def test_the_socket_itself_is_judged(
    new_transport: NewTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lets an address past the URL's judgement, no connection is made."""

    def lax(_rules: AddressRules, _url: str) -> None:
        """Let everything pass."""

    monkeypatch.setattr(AddressRules, "judge_url", lax)
    async with Receiver(host="127.0.0.2") as receiver:
        with pytest.raises(httpx.ConnectError) as error:
            await post(new_transport(), receiver.url("127.0.0.2"))

    assert blocked(error) == "127.0.0.2 is not a public address"
    assert receiver.connections == 0


async def test_plain_http_is_refused_where_it_is_not_allowed(
    new_transport: NewTransport,
) -> None:
    async with Receiver() as receiver:
        with pytest.raises(httpx.ConnectError, match="http is not allowed"):
            await post(new_transport(plain_http=False), receiver.url())

    assert receiver.connections == 0


async def test_the_certificate_is_checked_for_the_name_as_given(
    new_transport: NewTransport, names: Any, server_tls: Any
) -> None:
    asked: list[str | None] = []
    tls = server_tls("hooks.example")

    def note(
        _socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext
    ) -> None:
        asked.append(name)

    tls.sni_callback = note
    for host in ("hooks.example", "hooks.example.", "other.example"):
        names.say(host, ["127.0.0.1"])
    async with Receiver(tls=tls) as receiver:
        transport = new_transport()
        good = await post(transport, receiver.url("hooks.example"))
        dotted = await post(transport, receiver.url("hooks.example."))
        with pytest.raises(httpx.ConnectError, match="match"):
            await post(transport, receiver.url("other.example"))

    assert (good.status_code, dotted.status_code) == (200, 200)
    assert asked == ["hooks.example", "hooks.example", "other.example"]


async def test_a_redirect_is_an_answer_and_not_followed(
    new_transport: NewTransport,
) -> None:
    async with Receiver() as second, Receiver() as first:
        first.answer = reply(302, headers={"location": second.url()})
        response = await post(new_transport(), first.url())

    assert response.status_code == 302
    assert (len(first.requests), len(second.requests)) == (1, 0)


async def test_no_proxy_of_the_environment_is_asked(
    new_transport: NewTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setitem(os.environ, name, proxy.url(path=""))
            monkeypatch.setitem(os.environ, name.upper(), proxy.url(path=""))
        await post(new_transport(), receiver.url())

    assert (len(proxy.requests), len(receiver.requests)) == (0, 1)


async def test_no_cookie_is_kept(new_transport: NewTransport) -> None:
    async with Receiver(reply(headers={"set-cookie": "a=b"})) as receiver:
        transport = new_transport()
        for _ in range(2):
            await post(transport, receiver.url())

    sent = [name.lower() for one in receiver.requests for name, _ in one.headers]
    assert "cookie" not in sent


@pytest.mark.parametrize(
    "path",
    ["/a%7Eb%2Fc?sig=%41%2f%2B&x=a+b&y=%3D", "/a//b;c?q=1;2&e=", "/%E2%82"],
)
async def test_the_path_and_query_are_sent_as_they_were_written(
    new_transport: NewTransport, path: str
) -> None:
    async with Receiver() as receiver:
        await post(new_transport(), receiver.url(path=path))

    assert receiver.requests[0].line == f"POST {path} HTTP/1.1"


async def test_exactly_the_given_headers_are_sent(new_transport: NewTransport) -> None:
    async with Receiver() as receiver:
        headers = {"X-One": "1", "user-agent": "d"}
        response = await post(new_transport(), receiver.url(), headers=headers)

    assert receiver.requests[0].headers == tuple(
        (name.decode(), value.decode()) for name, value in response.request.headers.raw
    )


async def test_a_connection_is_kept_for_the_next_request(
    new_transport: NewTransport,
) -> None:
    async with Receiver() as receiver:
        transport = new_transport()
        for _ in range(10):
            await post(transport, receiver.url())

    assert receiver.connections == 1


async def test_each_endpoint_has_connections_of_its_own(
    new_transport: NewTransport, names: Any, server_tls: Any
) -> None:
    """A name that was checked never vouches for another at the same address."""
    for host in ("one.example", "two.example"):
        names.say(host, ["127.0.0.1"])
    async with Receiver() as receiver:
        transport = new_transport()
        for host in ("one.example", "two.example"):
            await post(transport, receiver.url(host))

    assert receiver.connections == 2


async def test_an_idle_connection_is_closed(new_transport: NewTransport) -> None:
    async with Receiver() as receiver:
        transport = new_transport(idle_s=0.1)
        await post(transport, receiver.url())

        await eventually(lambda: receiver.open == 0 and transport.connections == 0)


async def test_a_connection_that_the_receiver_closed_is_not_used_again(
    new_transport: NewTransport,
) -> None:
    closing = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    async with Receiver(raw(closing, close=True)) as receiver:
        transport = new_transport()
        for _ in range(5):
            assert (await post(transport, receiver.url())).status_code == 200
            await eventually(lambda: receiver.open == 0, every=0.001)

    assert receiver.connections == 5


async def test_open_connections_are_bounded_idle_ones_included(
    new_transport: NewTransport, names: Any
) -> None:
    async with Receiver() as receiver:
        transport = new_transport(most_connections=5, idle_s=600)
        for number in range(20):
            names.say(f"h{number}.example", ["127.0.0.1"])
            await post(transport, receiver.url(f"h{number}.example"))

        await eventually(lambda: receiver.open <= 5)
        assert transport.connections <= 5


async def test_a_thousand_requests_at_once_are_fine(
    new_transport: NewTransport,
) -> None:
    everybody = asyncio.Barrier(1000)

    async def together(received: Received, writer: asyncio.StreamWriter) -> None:
        await everybody.wait()
        await reply()(received, writer)

    async with Receiver(together) as receiver:
        transport = new_transport()
        async with asyncio.timeout(60):
            responses = await asyncio.gather(
                *(post(transport, receiver.url()) for _ in range(1000))
            )

    assert [response.status_code for response in responses] == [200] * 1000
    assert receiver.connections == 1000


async def test_a_name_that_many_ask_for_at_once_is_looked_up_once(
    new_transport: NewTransport, names: Any
) -> None:
    names.say("hooks.example", ["127.0.0.1"])
    async with Receiver() as receiver:
        transport = new_transport()
        url = receiver.url("hooks.example")
        await asyncio.gather(*(post(transport, url) for _ in range(50)))

    assert names.asked == ["hooks.example"]
