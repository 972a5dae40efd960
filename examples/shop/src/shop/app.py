"""The shop: an ordinary FastAPI service, instrumented in five places.

Look for "Daybook" below: the client's life, the middleware, and who is who; and in
``imports.py``: a task that waits, and its run.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, cast
from urllib.parse import parse_qs

from daybook.events.request import ApiKey, Resource, User
from daybook.integrations.asgi import DaybookMiddleware, Exchange, Identity, Skip
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse

from shop.imports import Daybook, Imports, NotAnImport, read_rows
from shop.store import Campaign, NewCampaign, NewVoucher, Store, Voucher

# A demo's keys: id, then name, kind and secret.
KEYS: dict[str, tuple[ApiKey, str]] = {
    "shop-server": (ApiKey(id="shop-server", name="Backend", kind="server"), "s3cret"),
    "shop-web": (ApiKey(id="shop-web", name="Storefront", kind="client"), "pub1ic"),
}
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
    app.state.imports = importing
    app.add_exception_handler(RequestValidationError, invalid_payload)
    app.include_router(open_routes)
    app.include_router(routes)
    return app


def identify(exchange: Exchange) -> Identity:
    """Daybook 3: who made the request, and about what, as this shop knows it."""
    headers = exchange.headers
    # What the shop's own code left there: which task, which file.
    state = exchange.native.get("state", {})
    key = KEYS.get(headers.get("x-app-id", ""))
    about = _RESOURCE.match(exchange.path)
    return Identity(
        user=who_acts(headers),
        api_key=key[0] if key else None,
        channel="CLIENT_API" if key and key[0].kind == "client" else None,
        task_id=state.get("task_id"),
        import_file_id=state.get("import_file_id"),
        resource=Resource(type=about[1], id=about[2]) if about else None,
    )


def who_acts(headers: Mapping[str, str]) -> User | None:
    user = User(id=headers.get("x-user-id"), email=headers.get("x-user-email"))
    return user if user.id or user.email else None


async def require_key(
    x_app_id: str = Header(default=""), x_app_token: str = Header(default="")
) -> None:
    """Let in who has a key and its secret."""
    key = KEYS.get(x_app_id)
    if key is None or key[1] != x_app_token:
        raise HTTPException(401, "send a valid X-App-Id and X-App-Token")


async def invalid_payload(request: Request, error: Exception) -> Response:
    """A request that the shop does not understand, in words."""
    faults = cast("RequestValidationError", error).errors()
    words = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults]
    return JSONResponse({"detail": "; ".join(words)}, status_code=400)


def the_store(request: Request) -> Store:
    return cast("Store", request.app.state.store)


open_routes = APIRouter()
routes = APIRouter(prefix="/v1", dependencies=[Depends(require_key)])
SHOP = Depends(the_store)


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
async def create_voucher(new: NewVoucher, store: Store = SHOP) -> Voucher:
    if store.vouchers.get(new.code):
        raise HTTPException(409, f"there is a voucher {new.code} already")
    if new.campaign and not store.campaigns.get(new.campaign):
        raise HTTPException(400, f"there is no campaign {new.campaign}")
    voucher = Voucher(**new.model_dump())
    store.vouchers.put(voucher.code, voucher)
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
    state.task_id = imports.begin(
        rows,
        {
            "request_id": state.daybook_request_id,
            "user": who_acts(_in_utf8(request)),
            "import_file_id": import_file_id,
        },
    )
    return {"async_action_id": state.task_id}


def _in_utf8(request: Request) -> dict[str, str]:
    # The customers' e-mail addresses are in UTF-8, which Starlette reads as Latin-1.
    return {
        name.decode("latin-1"): value.decode("utf-8", "replace")
        for name, value in request.headers.raw
    }


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
async def redeem_voucher(code: str, store: Store = SHOP) -> Voucher:
    voucher = await get_voucher(code, store)
    if voucher.redeemed >= voucher.redemptions:
        raise HTTPException(400, f"voucher {code} is used up")
    voucher.redeemed += 1
    return voucher


@routes.get("/campaigns")
async def list_campaigns(store: Store = SHOP) -> dict[str, Any]:
    return {"campaigns": store.campaigns.latest(10), "total": len(store.campaigns)}


@routes.post("/campaigns", status_code=201)
async def create_campaign(new: NewCampaign, store: Store = SHOP) -> Campaign:
    campaign = Campaign(id=f"camp_{len(store.campaigns) + 1}", **new.model_dump())
    store.campaigns.put(campaign.id, campaign)
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
