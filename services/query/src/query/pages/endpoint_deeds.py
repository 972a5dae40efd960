"""What a person asks of one webhook endpoint with a button."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.webhook_errors import told
from query.pages.asked import COMMAND, Asked
from query.pages.endpoint_desk import EndpointDesk
from query.pages.links import ENDPOINTS, endpoint_page, sendout_page
from query.pages.posts import Fields, posted, see
from query.sessions import Session
from query.shapes import time_text
from query.webhooks.bodies import InvalidBody

Ask = Callable[[str, str, Fields], Awaitable[Document]]

_ONE = f"{ENDPOINTS}/{{endpoint_id}}"
_CHANGED = (
    "The endpoint was changed since this page was opened, so no secret was made. If "
    "you reloaded the page that showed one: it is in force, and shows no more."
)


def endpoint_deeds(pages: EndpointDesk) -> APIRouter:
    """The routes, each answering a form of the endpoint's page."""
    router = APIRouter(include_in_schema=False)
    desk, actions = pages.desk, pages.webhooks.actions
    endpoints = pages.webhooks.endpoints

    async def command(request: Request, endpoint_id: str, ask: Ask) -> Response:
        """Ask for it, and say on the endpoint's page what became of it."""
        page = endpoint_page(endpoint_id)

        async def deed(session: Session, fields: Fields) -> Response:
            with told():
                try:
                    given = await ask(session.caller.project_id, endpoint_id, fields)
                except InvalidBody as error:
                    return await refused(session, endpoint_id, error.problems)
            return see(f"{page}?{COMMAND}={given['id']}")

        return await posted(desk, request, back=page, deed=deed)

    async def refused(
        session: Session, endpoint_id: str, problems: Mapping[str, str]
    ) -> Response:
        said = "; ".join(f"{name}: {what}" for name, what in problems.items())
        notice = Asked(f"Nothing was done. {said}.", "bad", None)
        return await pages.show(session, endpoint_id, [], notice=notice)

    @router.post(f"{_ONE}/enable")
    async def enable(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def ask(project_id: str, endpoint_id: str, _: Fields) -> Document:
            return await actions.enable(project_id, endpoint_id)

        return await command(request, endpoint_id, ask)

    @router.post(f"{_ONE}/disable")
    async def disable(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def ask(project_id: str, endpoint_id: str, fields: Fields) -> Document:
            body = {"reason": fields.get("reason", "").strip() or None}
            return await actions.disable(project_id, endpoint_id, body)

        return await command(request, endpoint_id, ask)

    @router.post(f"{_ONE}/replay")
    async def replay(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def ask(project_id: str, endpoint_id: str, fields: Fields) -> Document:
            body: dict[str, Any] = {
                "since": fields.get("since", ""),
                "include_sent": fields.get("include_sent") == "on",
            }
            return await actions.replay(project_id, endpoint_id, body)

        return await command(request, endpoint_id, ask)

    @router.post(f"{_ONE}/test")
    async def test(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        page = endpoint_page(endpoint_id)

        async def deed(session: Session, _: Fields) -> Response:
            with told():
                asked = await actions.test(session.caller.project_id, endpoint_id)
            # Its sendout is there once the command is done.
            done = asked.command["status"] == "DONE"
            to = sendout_page(asked.sendout_id) if done else page
            return see(f"{to}?{COMMAND}={asked.command['id']}")

        return await posted(desk, request, back=page, deed=deed)

    @router.post(f"{_ONE}/rotate-secret")
    async def rotate(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def deed(session: Session, fields: Fields) -> Response:
            project_id = session.caller.project_id
            grace = fields.get("grace_s", "")
            body = {"grace_s": int(grace) if grace.isdecimal() else grace}
            with told():
                found = await endpoints.get(project_id, endpoint_id)
                # A reload of the page that shows a secret would make another one.
                if time_text(found["updated_at"]) != fields.get("seen"):
                    notice = Asked(_CHANGED, "bad", None)
                    return await pages.show(session, endpoint_id, [], notice=notice)
                try:
                    made = await endpoints.rotate_secret(project_id, endpoint_id, body)
                except InvalidBody as error:
                    return await refused(session, endpoint_id, error.problems)
            return pages.secret(session, made, "The secret is a new one")

        return await posted(desk, request, back=endpoint_page(endpoint_id), deed=deed)

    return router
