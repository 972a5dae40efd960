"""What the ledger has, whatever happens to the receiver."""

import asyncio
import hashlib
import json
import signal
import stat
from base64 import b64decode
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from daybook.testing import eventually
from daybook.testing.receiver_run import ReceiverRun
from receiver.app import MOST_BYTES
from receiver.ledger import Arrival, Ledger, LedgerInUse

Post = Callable[..., Awaitable[httpx.Response]]
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def arrival(id: str | None = "whs_1", body: bytes = b"{}") -> Arrival:
    return Arrival(
        webhook_id=id,
        timestamp="1767225600",
        received_at=NOW,
        path="/hooks/ok",
        reason=None,
        headers=[("content-type", "application/json")],
        body=body,
        answered=200,
    )


def content(ledger: Ledger, since: int = 0) -> bytes:
    return b"".join(ledger.read(since))


async def test_five_hundred_posts_at_once_are_five_hundred_lines(
    receiver: ReceiverRun, post: Post
) -> None:
    bodies = {f"whs_{n}": f'{{"n": {n}, "s": "🎟️\u2028"}}'.encode() for n in range(250)}

    answers = await asyncio.gather(
        *(post("/hooks/verified", id, body) for id, body in bodies.items()),
        *(post("/hooks/verified", id, body) for id, body in bodies.items()),
    )

    assert {answer.status_code for answer in answers} == {200}
    entries = await receiver.entries()
    assert [entry["seq"] for entry in entries] == list(range(1, 501))
    assert Counter(entry["webhook_id"] for entry in entries) == dict.fromkeys(bodies, 2)
    for entry in entries:
        body = bodies[entry["webhook_id"]]
        assert entry["body"].encode() == body
        assert entry["sha256"] == hashlib.sha256(body).hexdigest()
        assert entry["verified"] is True
    summary = await receiver.summary()
    assert summary["total"] == {"received": 500, "verified": 500, "accepted": 500}
    twice = {"received": 2, "verified": 2, "accepted": 2}
    assert summary["webhooks"] == dict.fromkeys(bodies, twice)


async def test_a_kill_loses_nothing_that_was_answered(
    receiver: ReceiverRun, post: Post
) -> None:
    sent: set[str] = set()
    answered: set[str] = set()

    async def send_on(sender: int) -> None:
        for number in range(100_000):
            sent.add(id := f"whs_{sender}_{number}")
            try:
                await post("/hooks/ok", id, b'"' + b"x" * 20_000 + b'"')
            except httpx.TransportError:
                return
            answered.add(id)

    senders = [asyncio.ensure_future(send_on(number)) for number in range(8)]
    await eventually(lambda: len(answered) > 200, within=60)
    await receiver.end(signal.SIGKILL)
    await asyncio.gather(*senders)
    await receiver.start()

    entries = await receiver.entries()
    ids = [entry["webhook_id"] for entry in entries]
    assert answered <= set(ids) <= sent
    assert [entry["seq"] for entry in entries] == list(range(1, len(ids) + 1))
    summary = await receiver.summary()
    assert summary["webhooks"].keys() == set(ids)
    assert (await post("/hooks/ok", "whs_after")).status_code == 200
    assert [e["seq"] for e in await receiver.entries(len(ids))] == [len(ids) + 1]


async def test_a_line_has_all_that_came(receiver: ReceiverRun, post: Post) -> None:
    before = datetime.now(UTC)

    await post("/hooks/ok?a=%20b", "whs_1", b'{"n": 1.00}')

    (entry,) = await receiver.entries()
    received_at = datetime.fromisoformat(entry["received_at"])
    assert before <= received_at <= datetime.now(UTC)
    assert abs(int(entry["timestamp"]) - received_at.timestamp()) < 5
    assert (entry["path"], entry["body"]) == ("/hooks/ok?a=%20b", '{"n": 1.00}')
    assert ["webhook-id", "whs_1"] in entry["headers"]


async def test_half_a_webhook_and_one_too_large_are_no_lines(
    receiver: ReceiverRun, post: Post
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
    writer.write(b"POST /hooks/ok HTTP/1.1\r\nhost: r\r\ncontent-length: 9\r\n\r\n{")
    writer.close()
    await writer.wait_closed()
    refused = await receiver.http.post("/hooks/ok", content=b"x" * (MOST_BYTES + 1))

    await post("/hooks/ok")

    assert refused.status_code == 413
    assert len(await receiver.entries()) == 1


async def test_what_is_no_line_number_is_refused(receiver: ReceiverRun) -> None:
    for since in ("", "-1", "x", "٣", "2026-01-01", "9" * 20):
        answer = await receiver.http.get("/ledger", params={"since": since})

        assert answer.status_code == 400, since


def test_lines_are_read_from_a_number_on(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    for number in range(3):
        ledger.append(arrival(f"whs_{number}", b"x" * 100_000))

    reading = ledger.read(since=1)
    ledger.append(arrival("whs_3"))

    lines = [json.loads(line) for line in b"".join(reading).splitlines()]
    assert [line["webhook_id"] for line in lines] == ["whs_1", "whs_2"]
    assert content(ledger, since=4) == content(ledger, since=99) == b""
    ledger.close()


def test_what_a_kill_cut_short_goes_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = Ledger(path)
    ledger.append(arrival("whs_1"))
    whole = content(ledger)
    ledger.close()
    path.write_bytes(whole + whole[:-1])

    again = Ledger(path)
    again.append(arrival("whs_2"))

    lines = [json.loads(line) for line in content(again).splitlines()]
    assert [(line["seq"], line["webhook_id"]) for line in lines] == [
        (1, "whs_1"),
        (2, "whs_2"),
    ]
    again.close()


def test_a_body_of_any_bytes_is_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    body = bytes(range(256))

    ledger.append(arrival(None, body))

    line = json.loads(content(ledger))
    assert line["body_encoding"] == "base64"
    assert b64decode(line["body"]) == body
    assert line["received_at"] == "2026-01-02T03:04:05.678901Z"
    assert ledger.summary.total.received == 1
    assert ledger.summary.webhooks == {}
    ledger.close()


def test_a_ledger_is_one_receivers_and_private(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")

    with pytest.raises(LedgerInUse):
        Ledger(tmp_path / "ledger")

    assert stat.S_IMODE((tmp_path / "ledger").stat().st_mode) == 0o600
    ledger.close()
    Ledger(tmp_path / "ledger").close()
