"""The shop: an ordinary FastAPI service, instrumented in six places.

Look for "Daybook" below: the client's life, the middleware, who is who, and what others
are told of; and in ``imports.py``: a task that waits, and its run.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, cast
from urllib.parse import parse_qs

from daybook.events.request import Resource
from daybook.integrations.asgi import DaybookMiddleware, Exchange, Identity, Skip
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from shop.callers import caller, cause, require_key
from shop.imports import Daybook, Imports, NotAnImport, read_rows
from shop.store import Campaign, NewCampaign, NewVoucher, Store, Voucher

PASSWORD = "correct horse"  # noqa: S105 - a demo's

_RESOURCE = re.compile(r"/v1/(voucher|campaign)s/(?!import\Z)([^/]+)")
# What an import may weigh: a hundred thousand rows, and some.
MOST_BYTES = 8 * 1024 * 1024


def create_app(
    daybook: Daybook, store: Store | None = None, imports: Imports | None = None
) -> FastAPI:
    """The shop, telling ``daybook`` of every request and import. A client is started
    and closed with the shop."""
    store = store or Store()
    importing = imports or Imports(daybook, store)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        # Daybook 1: the client lives as long as the application; closing flushes it.
        managed: AbstractAsyncContextManager[Any] = (
            cast("AbstractAsyncContextManager[Any]", daybook)
            if isinstance(daybook, AbstractAsyncContextManager)
            else nullcontext()
        )
        async with managed:
            yield
            await importing.close()

    app = FastAPI(title="Voucher shop", lifespan=lifespan)
    # Daybook 2: every request, but for the health checks.
    app.add_middleware(
        DaybookMiddleware, daybook, identify=identify, skip=Skip(paths=["/healthz"])
    )
    app.state.store = store
    app.state.daybook = daybook
    app.state.imports = importing
    app.add_exception_handler(RequestValidationError, invalid_payload)
    app.include_router(open_routes)
    app.include_router(routes)
    return app


def identify(exchange: Exchange) -> Identity:
    """Daybook 3: who made the request, and about what, as this shop knows it."""
    # What the shop's own code left there: which task, which file.
    state = exchange.native.get("state", {})
    by = caller(exchange.headers)
    about = _RESOURCE.match(exchange.path)
    return Identity(
        user=by.user,
        api_key=by.api_key,
        channel=by.channel,
        task_id=state.get("task_id"),
        import_file_id=state.get("import_file_id"),
        resource=Resource(type=about[1], id=about[2]) if about else None,
    )


async def invalid_payload(request: Request, error: Exception) -> Response:
    """A request that the shop does not understand, in words."""
    faults = cast("RequestValidationError", error).errors()
    words = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults]
    return JSONResponse({"detail": "; ".join(words)}, status_code=400)


def the_store(request: Request) -> Store:
    return cast("Store", request.app.state.store)


Tell = Callable[[str, str, BaseModel], None]


def the_teller(request: Request) -> Tell:
    """Tells who has an endpoint: what happened, to which id, and how that is now."""
    daybook = cast("Daybook", request.app.state.daybook)

    def tell(event_type: str, id: str, thing: BaseModel) -> None:
        # Daybook 4: a webhook, with the request that caused it.
        daybook.publish_webhook(
            event_type,
            thing.model_dump(mode="json"),
            **{**cause(request), "entity_id": id},
        )

    return tell


open_routes = APIRouter()
routes = APIRouter(prefix="/v1", dependencies=[Depends(require_key)])
SHOP = Depends(the_store)
TELL = Depends(the_teller)


@open_routes.get("/healthz")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@open_routes.post("/echo")
async def echo(request: Request) -> Response:
    """Exactly the bytes and the content type that came."""
    kind = request.headers.get("content-type")
    return Response(
        await request.body(), headers={"content-type": kind} if kind else None
    )


@open_routes.post("/v1/login")
async def log_in(request: Request) -> dict[str, str]:
    """A form with ``username`` and ``password``."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    if form.get("password") != [PASSWORD]:
        raise HTTPException(401, "the password is wrong")
    return {"user": form.get("username", ["nobody"])[0], "token": "ey-not-a-real-one"}


@routes.get("/vouchers")
async def list_vouchers(
    limit: int = Query(default=10, ge=1, le=100), store: Store = SHOP
) -> dict[str, Any]:
    return {"vouchers": store.vouchers.latest(limit), "total": len(store.vouchers)}


@routes.post("/vouchers", status_code=201)
async def create_voucher(
    new: NewVoucher, store: Store = SHOP, tell: Tell = TELL
) -> Voucher:
    if store.vouchers.get(new.code):
        raise HTTPException(409, f"there is a voucher {new.code} already")
    if new.campaign and not store.campaigns.get(new.campaign):
        raise HTTPException(400, f"there is no campaign {new.campaign}")
    voucher = Voucher(**new.model_dump())
    store.vouchers.put(voucher.code, voucher)
    tell("voucher.created", voucher.code, voucher)
    return voucher


@routes.post("/vouchers/import", status_code=202)
async def import_vouchers(
    request: Request,
    import_file_id: str | None = Query(default=None, max_length=256),
) -> dict[str, str]:
    """A CSV with the columns ``code,discount`` as the body, imported in the
    background. ``import_file_id`` is passed on to Daybook: where the file was kept."""
    try:
        rows = read_rows(await _body(request))
    except NotAnImport as error:
        raise HTTPException(400, str(error)) from None
    state = request.state
    state.import_file_id = import_file_id
    imports: Imports = request.app.state.imports
    state.task_id = imports.begin(rows, cause(request), import_file_id)
    return {"async_action_id": state.task_id}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"send at most {MOST_BYTES} bytes")
    return bytes(body)


@routes.get("/vouchers/{code}")
async def get_voucher(code: str, store: Store = SHOP) -> Voucher:
    voucher = store.vouchers.get(code)
    if voucher is None:
        raise HTTPException(404, f"there is no voucher {code}")
    return voucher


@routes.post("/vouchers/{code}/redemption")
async def redeem_voucher(code: str, store: Store = SHOP, tell: Tell = TELL) -> Voucher:
    voucher = await get_voucher(code, store)
    if voucher.redeemed >= voucher.redemptions:
        raise HTTPException(400, f"voucher {code} is used up")
    voucher.redeemed += 1
    tell("voucher.redeemed", code, voucher)
    return voucher


@routes.get("/campaigns")
async def list_campaigns(store: Store = SHOP) -> dict[str, Any]:
    return {"campaigns": store.campaigns.latest(10), "total": len(store.campaigns)}


@routes.post("/campaigns", status_code=201)
async def create_campaign(
    new: NewCampaign, store: Store = SHOP, tell: Tell = TELL
) -> Campaign:
    campaign = Campaign(id=f"camp_{len(store.campaigns) + 1}", **new.model_dump())
    store.campaigns.put(campaign.id, campaign)
    tell("campaign.created", campaign.id, campaign)
    return campaign


@routes.get("/campaigns/{id}")
async def get_campaign(id: str, store: Store = SHOP) -> Campaign:
    campaign = store.campaigns.get(id)
    if campaign is None:
        raise HTTPException(404, f"there is no campaign {id}")
    return campaign


@routes.get("/vouchers.ndjson")
async def stream_vouchers(store: Store = SHOP) -> StreamingResponse:
    """One voucher a line, sent as they come."""

    async def lines() -> AsyncIterator[str]:
        for voucher in store.vouchers.latest(20):
            yield voucher.model_dump_json() + "\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@routes.get("/reports/slow")
async def slow_report(
    request: Request, seconds: float = Query(default=30, ge=0, le=120)
) -> object:
    """Longer than its clients wait; it gives up when they do."""
    for _ in range(round(seconds * 10)):
        if await request.is_disconnected():
            break
        await asyncio.sleep(0.1)
    return {"report": "here at last"}


@routes.get("/reports/broken")
async def broken_report() -> object:
    """It fails, and nobody catches it."""
    raise RuntimeError("the report divides by the number of customers: zero")
