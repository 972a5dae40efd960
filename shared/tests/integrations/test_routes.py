"""The endpoint is the route template, as each framework writes it."""

import httpx
import pytest
from daybook.integrations import asgi
from daybook.integrations.wsgi import DaybookMiddleware
from daybook.testing.recording import RecordingPublisher
from fastapi import APIRouter, FastAPI
from flask import Blueprint, Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client


def anything(**_: object) -> str:
    return "hello"


def templated(publisher: RecordingPublisher) -> FastAPI:
    def hello() -> str:
        return "hello"

    async def plain(request: object) -> PlainTextResponse:
        return PlainTextResponse("plain")

    inner = APIRouter(prefix="/inner")
    inner.get("/{code}")(hello)
    outer = APIRouter(prefix="/outer/{shop}")
    outer.include_router(inner)
    app = FastAPI()
    app.get("/v1/vouchers/{code:path}")(hello)
    app.include_router(outer, prefix="/v1")
    sub = FastAPI()
    sub.include_router(inner, prefix="/sub")
    app.mount("/t/{tenant}", sub)
    app.router.routes.append(
        Mount("/classic", Starlette(routes=[Route("/y/{z:int}", plain)]))
    )
    app.mount("/files", StaticFiles(directory="/", check_dir=False))
    app.add_middleware(asgi.DaybookMiddleware, publisher=publisher)
    return app


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/vouchers/a/b", "GET /v1/vouchers/{code}"),
        ("/v1/outer/s/inner/c", "GET /v1/outer/{shop}/inner/{code}"),
        ("/t/acme/sub/inner/c", "GET /t/{tenant}/sub/inner/{code}"),
        ("/classic/y/7", "GET /classic/y/{z}"),
        ("/docs", "GET /docs"),
        ("/files/no/such/file", "GET /files/{path}"),
        ("/nowhere", None),
        ("/t/acme/nowhere", None),
        ("/classic/nowhere", None),
    ],
)
async def test_the_endpoint_is_the_route_template(
    publisher: RecordingPublisher, path: str, endpoint: str | None
) -> None:
    transport = httpx.ASGITransport(templated(publisher))  # pyright: ignore[reportArgumentType] # its own spelling of ASGI
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get(path)

    assert publisher.only.endpoint == endpoint


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/vouchers/a", "GET /v1/vouchers/{code}"),
        ("/api/v1/vouchers/a", "GET /v1/vouchers/{code}"),
        ("/api/t/acme/sub/inner/c", "GET /t/{tenant}/sub/inner/{code}"),
    ],
)
async def test_a_proxys_prefix_is_in_the_url_and_not_in_the_endpoint(
    publisher: RecordingPublisher, path: str, endpoint: str
) -> None:
    transport = httpx.ASGITransport(templated(publisher), root_path="/api")  # pyright: ignore[reportArgumentType] # its own spelling of ASGI
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get(path)

    assert publisher.only.endpoint == endpoint
    assert publisher.only.url == "http://x/api" + path.removeprefix("/api")


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/vouchers/X1", "GET /v1/vouchers/{code}"),
        ("/items/7", "GET /items/{n}"),
        ("/either/a", "GET /either/{x}"),
        ("/blue/print/1", "GET /blue/print/{sheet}"),
        ("/nowhere", None),
        ("/mounted/items/7", "GET /mounted/items/{n}"),
    ],
)
def test_flasks_endpoint_is_the_rule_without_converters(
    publisher: RecordingPublisher, path: str, endpoint: str | None
) -> None:
    app, blue = Flask("shop"), Blueprint("blue", "shop", url_prefix="/blue")
    rules = ["/v1/vouchers/<code>", "/items/<int:n>", '/either/<any("a","b"):x>']
    for rule in rules:
        app.add_url_rule(rule, rule, anything)
    blue.add_url_rule("/print/<sheet>", "sheet", anything)
    app.register_blueprint(blue)
    mounted = DispatcherMiddleware(app, {"/mounted": app})

    Client(DaybookMiddleware(mounted, publisher)).get(path, buffered=True)

    assert publisher.only.endpoint == endpoint
