"""The application: it writes down what came, then answers as the path tells."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from receiver.answers import told
from receiver.ledger import Arrival, Ledger
from receiver.verifying import Secrets

# Beyond it a body is refused, and not written down.
MOST_BYTES = 16 * 1024 * 1024

Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(ledger: Ledger, secrets: Secrets, clock: Clock = _utc_now) -> Starlette:
    """The receiver, writing to a ledger that its maker closes."""
    app = Starlette(
        routes=[
            Route("/hooks/{told:path}", receive, methods=["POST"]),
            Route("/ledger", lines),
            Route("/ledger/summary", summary),
            Route("/healthz", health),
        ]
    )
    app.state.ledger, app.state.secrets, app.state.clock = ledger, secrets, clock
    return app


async def receive(request: Request) -> Response:
    """A webhook: it is in the ledger before any of its answer is sent."""
    try:
        body = await _body(request)
    except ClientDisconnect:
        return Response()  # half a webhook is none
    if body is None:
        return PlainTextResponse(f"send at most {MOST_BYTES} bytes", 413)
    state = request.app.state
    ledger, secrets = cast("Ledger", state.ledger), cast("Secrets", state.secrets)
    webhook_id = request.headers.get("webhook-id")
    reason = secrets.why_not(request.headers, body)
    answer = told(
        request.path_params["told"],
        request.query_params,
        earlier=ledger.received(webhook_id),
        reason=reason,
    )
    query = f"?{request.url.query}" if request.url.query else ""
    ledger.append(
        Arrival(
            webhook_id=webhook_id,
            timestamp=request.headers.get("webhook-timestamp"),
            received_at=state.clock(),
            path=request.url.path + query,
            reason=reason,
            headers=request.headers.items(),
            body=body,
            answered=answer.status,
        )
    )
    return await answer.send(request)


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


async def lines(request: Request) -> Response:
    """The ledger's lines after number ``since``, as NDJSON."""
    since = request.query_params.get("since", "0")
    if not (since.isascii() and since.isdigit() and len(since) < 16):
        return PlainTextResponse("since is the number of a line (its seq)", 400)
    ledger = cast("Ledger", request.app.state.ledger)
    return StreamingResponse(ledger.read(int(since)), media_type="application/x-ndjson")


async def summary(request: Request) -> Response:
    """How often each webhook arrived, was verified, was answered with a 2xx."""
    ledger = cast("Ledger", request.app.state.ledger)
    answer: dict[str, Any] = asdict(ledger.summary)
    return JSONResponse(answer)


async def health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
