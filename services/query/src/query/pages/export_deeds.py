"""What is done to an export by a form, and its file, for who is signed in."""

from http import HTTPStatus
from typing import Any

from daybook.exports.parameters import parameters_of
from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.errors import ApiError, request_id_of
from query.api.export_errors import expired, no_file_yet
from query.exports.downloads import download
from query.exports.making import WEBSITE
from query.exports.parts import ExportParts
from query.exports.shapes import expires_at
from query.pages.asked import COMMAND
from query.pages.desk import Desk
from query.pages.export_views import FINISHED, ONCE, SAID, Row
from query.pages.exports import AGAIN, ENDED
from query.pages.links import EXPORTS, export_page
from query.pages.posts import Fields, posted, see
from query.sessions import Session

_ONE = f"{EXPORTS}/{{export_id}}"
_GONE = "The file was removed when its time was over."


def export_deeds(desk: Desk, exports: ExportParts) -> APIRouter:
    """The routes, over what they are given."""
    router = APIRouter(include_in_schema=False)

    @router.post(f"{_ONE}/cancel")
    async def cancel(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        page = export_page(export_id)

        async def deed(session: Session, _: Fields) -> Response:
            command = await exports.asking.cancel(session.caller.project_id, export_id)
            if command is None:
                return see(f"{page}?{SAID}={ENDED}")
            return see(f"{page}?{COMMAND}={command['id']}")

        return await posted(desk, request, back=page, deed=deed)

    @router.post(f"{_ONE}/again")
    async def run_again(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def deed(session: Session, fields: Fields) -> Response:
            project_id = session.caller.project_id
            export = await exports.stored.find(project_id, export_id)
            _may_run_again(export)
            made = await exports.making.make(
                project_id,
                parameters_of(export),
                channel=WEBSITE,
                user_id=session.caller.key_id,
                request_id=request_id_of(request),
                once=fields.get(ONCE),
            )
            return see(f"{export_page(made['id'])}?{SAID}={AGAIN}")

        return await posted(desk, request, back=export_page(export_id), deed=deed)

    @router.get(f"{_ONE}/delete")
    async def ask(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        export = await exports.stored.find(session.caller.project_id, export_id)
        row = Row(export, exports.clock(), export_page(export_id))
        context: dict[str, Any] = {
            "row": row,
            "elsewhere": "url" in export.get("recorded", {}),
        }
        return desk.page("export_delete.html", context, session=session)

    @router.post(f"{_ONE}/delete")
    async def delete(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def deed(session: Session, _: Fields) -> Response:
            command = await exports.asking.delete(session.caller.project_id, export_id)
            return see(f"{EXPORTS}?{COMMAND}={command['id']}")

        return await posted(desk, request, back=export_page(export_id), deed=deed)

    @router.get(f"{_ONE}/file")
    async def file(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request, export_page(export_id))
        export = await exports.stored.find(session.caller.project_id, export_id)
        if export["status"] != "DONE":
            raise no_file_yet(export_id, export["status"])
        expires = expires_at(export)
        if expires is not None and expires <= exports.clock():
            raise expired(export_id, _GONE)
        return await download(export, exports.objects, request.headers, body=True)

    return router


def _may_run_again(export: Document) -> None:
    """Raises ApiError where nobody but its maker can, or it has not ended."""
    if "recorded" in export:
        raise ApiError(
            HTTPStatus.CONFLICT,
            "export_not_repeatable",
            "Another service of the platform made this file: only it can make it anew.",
        )
    if export["status"] not in FINISHED:
        raise ApiError(
            HTTPStatus.CONFLICT,
            "export_not_ended",
            "This export has not ended yet: wait for it, or cancel it first.",
        )
