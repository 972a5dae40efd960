"""Looking names up, at a real name server of the test's own."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import cast

import pytest
import pytest_asyncio
from daybook.webhooks.addresses import AddressRules, networks
from webhook_dispatcher.resolving import (
    BlockedAddress,
    DnsLookup,
    GuardedResolver,
    NameNotFound,
)

A, AAAA = 1, 28
NAME_ERROR, SERVER_FAILURE = 3, 2


class NameServer(asyncio.DatagramProtocol):
    """Answers with what its records say: addresses, or a response code."""

    def __init__(self) -> None:
        self.records: dict[str, list[str] | int] = {}
        self.asked: list[str] = []
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, kind, end = self._question(data)
        self.asked.append(name)
        found = self.records.get(name, NAME_ERROR)
        code = found if isinstance(found, int) else 0
        addresses = (
            [ip_address(one) for one in found] if isinstance(found, list) else []
        )
        version = {A: 4, AAAA: 6}.get(kind)
        answers = [
            struct.pack(">HHHIH", 0xC00C, kind, 1, 60, len(one.packed)) + one.packed
            for one in addresses
            if one.version == version
        ]
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(answers), 0, 0)
        self.transport.sendto(head + data[12:end] + b"".join(answers), addr)

    def _question(self, data: bytes) -> tuple[str, int, int]:
        labels: list[str] = []
        at = 12
        while length := data[at]:
            labels.append(data[at + 1 : at + 1 + length].decode())
            at += 1 + length
        return ".".join(labels).lower(), int.from_bytes(data[at + 1 : at + 3]), at + 5


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    yield protocol
    transport.close()


@pytest_asyncio.fixture
async def lookup(server: NameServer) -> AsyncIterator[DnsLookup]:
    made = DnsLookup([server.address])
    yield made
    await made.close()


async def test_addresses_of_both_families_are_found(
    server: NameServer, lookup: DnsLookup
) -> None:
    server.records["hooks.example"] = ["192.0.2.7", "2001:db8::7"]

    assert set(await lookup.addresses("hooks.example")) == {"192.0.2.7", "2001:db8::7"}


async def test_a_name_that_does_not_exist_is_told(lookup: DnsLookup) -> None:
    with pytest.raises(NameNotFound, match=r"^name not found$"):
        await lookup.addresses("missing.example")


async def test_a_name_without_an_address_is_told(
    server: NameServer, lookup: DnsLookup
) -> None:
    server.records["empty.example"] = []

    with pytest.raises(NameNotFound, match=r"^name not found$"):
        await lookup.addresses("empty.example")


async def test_a_name_server_that_fails_is_told(
    server: NameServer, lookup: DnsLookup
) -> None:
    server.records["broken.example"] = SERVER_FAILURE

    with pytest.raises(NameNotFound, match=r"^name not found: .+"):
        await lookup.addresses("broken.example")


async def test_every_address_of_an_answer_is_judged(
    server: NameServer, lookup: DnsLookup
) -> None:
    rules = AddressRules(networks(["192.0.2.0/24"]))
    server.records["good.example"] = ["192.0.2.7", "192.0.2.8"]
    server.records["mixed.example"] = ["192.0.2.7", "10.0.0.1"]
    resolver = GuardedResolver(lookup, rules)

    good = await resolver.resolve("good.example", 443)
    with pytest.raises(BlockedAddress, match=r"10\.0\.0\.1 is not a public address"):
        await resolver.resolve("mixed.example", 443)

    assert sorted(one["host"] for one in good) == ["192.0.2.7", "192.0.2.8"]
    assert {(one["port"], one["family"]) for one in good} == {(443, socket.AF_INET)}


async def test_a_name_that_hangs_holds_up_no_other(
    server: NameServer, lookup: DnsLookup
) -> None:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    server.records["hooks.example"] = ["192.0.2.7"]
    host, port = silent.getsockname()
    hanging = DnsLookup([f"{host}:{port}"])
    waiting = [
        asyncio.create_task(hanging.addresses(f"h{n}.example")) for n in range(100)
    ]

    async with asyncio.timeout(2):
        found = await lookup.addresses("hooks.example")

    assert list(found) == ["192.0.2.7"]
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await hanging.close()
    silent.close()
