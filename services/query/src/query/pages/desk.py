"""What every page needs: templates, the session, answers that are pages."""

from collections.abc import Callable
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from query.api.errors import ApiError, request_id_of
from query.pages import text
from query.sessions import Session, Sessions

_PACKAGE = files("query")
STATIC = str(_PACKAGE / "static")
# Where a sign-in leads when it was not on the way to a page of ours.
HOME = "/logs"
_LISTS = (HOME, "/tasks", "/exports", "/webhooks", "/webhook-endpoints")


class Desk:
    """Renders pages and knows who is looking."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self._templates = Environment(
            loader=FileSystemLoader(str(_PACKAGE / "templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters: dict[str, Callable[..., Any]] = {
            "exact": text.exact,
            "size": text.size,
            "duration": text.duration,
            "kept": text.kept,
            "count": text.count,
        }
        self._templates.filters |= filters

    def page(
        self,
        template: str,
        context: dict[str, Any],
        *,
        session: Session | None,
        status: int = HTTPStatus.OK,
        headers: dict[str, str] | None = None,
    ) -> HTMLResponse:
        """The template as an answer."""
        token = self.sessions.form_token(session.nonce) if session else None
        shared = {
            "project_id": session.caller.project_id if session else None,
            "form_token": token,
        }
        html = self._templates.get_template(template).render({**shared, **context})
        return HTMLResponse(html, status_code=status, headers=headers)

    def error(self, request: Request, error: ApiError) -> HTMLResponse:
        """An error as a page, for whoever reads it in a browser."""
        context = {
            "status": int(error.status),
            "title": error.status.phrase,
            "message": error.message,
            "request_id": request_id_of(request),
            "retry": error.status == HTTPStatus.SERVICE_UNAVAILABLE,
        }
        return self.page(
            "error.html",
            context,
            session=None,
            status=error.status,
            headers=error.headers,
        )

    async def session(self, request: Request) -> Session | None:
        return await self.sessions.read(request.cookies)

    def to_sign_in(self, request: Request, wanted: str | None = None) -> Response:
        """Ask for a key first, and come back after; to ``wanted`` where it is given."""
        if wanted is None:
            wanted = request.url.path
            if request.url.query:
                wanted += f"?{request.url.query}"
        return RedirectResponse(
            f"/sign-in?next={quote(wanted, safe='')}", HTTPStatus.SEE_OTHER
        )


def safe_next(wanted: str) -> str:
    """``wanted`` when it is a list of the dashboard or in one, else its home.

    Not by its host: ``//elsewhere`` and ``/\\elsewhere`` have one for a browser.
    """
    inside = any(
        wanted == path or wanted.startswith((f"{path}?", f"{path}/")) for path in _LISTS
    )
    return wanted if inside and wanted.isprintable() and "\\" not in wanted else HOME
