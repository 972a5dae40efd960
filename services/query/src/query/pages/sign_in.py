"""Signing in by key or by link, and out again."""

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from query.auth import Authenticator, Unauthorized
from query.pages.desk import Desk, safe_next
from query.pages.posts import read_form
from query.sessions import FORM_COOKIE


def sign_in_router(desk: Desk, authenticator: Authenticator) -> APIRouter:
    """The routes of signing in and out."""
    router = APIRouter(include_in_schema=False)

    def form(request: Request, *, wanted: str, problem: str | None) -> Response:
        cookies = RedirectResponse("/")
        nonce = desk.sessions.form_nonce(request.cookies, cookies)
        status = HTTPStatus.UNAUTHORIZED if problem else HTTPStatus.OK
        context = {
            "token": desk.sessions.form_token(nonce),
            "next": wanted,
            "problem": problem,
        }
        page = desk.page("sign_in.html", context, session=None, status=status)
        for value in cookies.headers.getlist("set-cookie"):
            page.headers.append("set-cookie", value)
        return page

    @router.get("/sign-in")
    async def show(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        wanted = safe_next(request.query_params.get("next", ""))
        link = request.query_params.get("token")
        if link is None:
            return form(request, wanted=wanted, problem=None)
        caller = await desk.sessions.by_link(link)
        if caller is None:
            problem = (
                "This sign-in link has expired, or its key was revoked. "
                "Sign in with a key, or ask for a new link."
            )
            return form(request, wanted=wanted, problem=problem)
        # Away from here at once: the token stays in no address bar and no history.
        answer = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
        desk.sessions.begin(caller, answer)
        return answer

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        fields = await read_form(request)
        wanted = safe_next(fields.get("next", ""))
        nonce = request.cookies.get(FORM_COOKIE, "")
        if not desk.sessions.form_is_ours(fields.get("form", ""), nonce):
            problem = "That form had expired. Please sign in again."
            return form(request, wanted=wanted, problem=problem)
        try:
            caller = await authenticator.by_key(fields.get("key", ""))
        except Unauthorized:
            problem = (
                "That is no key of a project here. A key begins with dbk_; "
                "check that it was copied whole and was not revoked."
            )
            return form(request, wanted=wanted, problem=problem)
        answer = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
        desk.sessions.begin(caller, answer)
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        fields = await read_form(request)
        session = await desk.session(request)
        answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        if session and desk.sessions.form_is_ours(
            fields.get("form", ""), session.nonce
        ):
            desk.sessions.end(answer)
        return answer

    return router
