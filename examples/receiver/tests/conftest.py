"""Receivers as processes of their own, and webhooks signed for them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from daybook.testing.receiver_run import ReceiverRun
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Sign = Callable[..., dict[str, str]]


@pytest.fixture
def sign() -> Sign:
    """The headers of a webhook."""

    def headers(
        id: str, body: bytes, *, secret: str = SECRET, at: datetime | None = None
    ) -> dict[str, str]:
        at = at or datetime.now(UTC)
        return {
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(id, at, body.decode()),
        }

    return headers


@pytest_asyncio.fixture
async def start_receiver(
    tmp_path: Path,
) -> AsyncIterator[Callable[..., Awaitable[ReceiverRun]]]:
    """Start a receiver, with variables of its environment."""
    made: list[ReceiverRun] = []

    async def start(**environment: str) -> ReceiverRun:
        receiver = ReceiverRun(tmp_path, {"RECEIVER_SECRETS": SECRET} | environment)
        made.append(receiver)
        await receiver.start()
        return receiver

    yield start
    for receiver in made:
        await receiver.close()
        assert "Traceback" not in receiver.said


@pytest_asyncio.fixture
async def receiver(
    start_receiver: Callable[..., Awaitable[ReceiverRun]],
) -> ReceiverRun:
    return await start_receiver()


@pytest.fixture
def post(receiver: ReceiverRun, sign: Sign) -> Callable[..., Awaitable[httpx.Response]]:
    """Post a signed webhook."""

    async def send(path: str, id: str = "whs_1", body: bytes = b"{}") -> httpx.Response:
        return await receiver.http.post(path, content=body, headers=sign(id, body))

    return send
