"""The pages of webhook endpoints: their list, one of them, and its form."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import readable
from query.api.webhook_errors import told
from query.pages.endpoint_desk import EndpointDesk
from query.pages.endpoint_forms import body_of, filled
from query.pages.endpoint_views import EndpointRow
from query.pages.links import ENDPOINTS, endpoint_page
from query.pages.listing import given_pairs
from query.pages.posts import LONGEST_DRAFT, Fields, posted, see
from query.sessions import Session
from query.webhooks.bodies import InvalidBody
from query.webhooks.endpoint_shapes import endpoint_shape

_ONE = f"{ENDPOINTS}/{{endpoint_id}}"


def endpoints_pages(pages: EndpointDesk) -> APIRouter:
    """The pages' routes."""
    router = APIRouter(include_in_schema=False)
    desk, endpoints = pages.desk, pages.webhooks.endpoints

    @router.get(ENDPOINTS)
    async def show_list(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        with readable(()):
            return await pages.list(session, given_pairs(request))

    @router.get(f"{ENDPOINTS}/new")
    async def blank(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return pages.form(session, None)

    @router.post(ENDPOINTS)
    async def make(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def deed(session: Session, fields: Fields) -> Response:
            project_id = session.caller.project_id
            with told():
                try:
                    made = await endpoints.make(project_id, body_of(fields, new=True))
                except InvalidBody as error:
                    return pages.form(session, None, fields, error.problems)
            return pages.secret(session, made, "The endpoint is made")

        return await posted(
            desk, request, back=f"{ENDPOINTS}/new", deed=deed, longest=LONGEST_DRAFT
        )

    @router.get(_ONE)
    async def show(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await pages.show(session, endpoint_id, given_pairs(request))

    @router.get(f"{_ONE}/edit")
    async def edit(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        with told():
            found = await endpoints.get(session.caller.project_id, endpoint_id)
        return pages.form(session, endpoint_id, filled(endpoint_shape(found)))

    @router.post(f"{_ONE}/edit")
    async def change(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        page = endpoint_page(endpoint_id)

        async def deed(session: Session, fields: Fields) -> Response:
            project_id = session.caller.project_id
            with told():
                try:
                    body = body_of(fields, new=False)
                    await endpoints.change(project_id, endpoint_id, body)
                except InvalidBody as error:
                    return pages.form(session, endpoint_id, fields, error.problems)
            return see(page)

        return await posted(desk, request, back=page, deed=deed, longest=LONGEST_DRAFT)

    @router.get(f"{_ONE}/delete")
    async def ask_to_delete(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        with told():
            found = await endpoints.get(session.caller.project_id, endpoint_id)
        context: dict[str, Any] = {"row": EndpointRow(endpoint_shape(found))}
        return desk.page("endpoint_delete.html", context, session=session)

    @router.post(f"{_ONE}/delete")
    async def delete(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def deed(session: Session, _: Fields) -> Response:
            with told():
                await endpoints.delete(session.caller.project_id, endpoint_id)
            return see(ENDPOINTS)

        return await posted(desk, request, back=endpoint_page(endpoint_id), deed=deed)

    return router
