"""Posted forms: who sent one, whether it is ours, and what was filled in."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from query.api.errors import ApiError
from query.pages.desk import Desk
from query.sessions import Session

# More than a sign-in, or a button, sends.
LONGEST_FORM = 16 * 1024
# A hundred event types and twenty headers, each byte of them escaped.
LONGEST_DRAFT = 256 * 1024

Fields = Mapping[str, str]
Deed = Callable[[Session, Fields], Awaitable[Response]]


async def read_form(request: Request, longest: int = LONGEST_FORM) -> dict[str, str]:
    """A posted form's fields, the first value of each; empty when it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


async def posted(
    desk: Desk, request: Request, *, back: str, deed: Deed, longest: int = LONGEST_FORM
) -> Response:
    """What ``deed`` answers to a form of ours.

    Who is signed out signs in first and comes to ``back``. A form that no page of ours
    sent to this session is refused: nothing is done.
    """
    session = await desk.session(request)
    if session is None:
        return desk.to_sign_in(request, back)
    fields = await read_form(request, longest)
    if not desk.sessions.form_is_ours(fields.get("form", ""), session.nonce):
        raise ApiError(
            HTTPStatus.FORBIDDEN,
            "form_expired",
            "That form had expired, or was too long, so nothing was done. Open the "
            "page again and send it from there.",
        )
    return await deed(session, fields)


def see(address: str) -> Response:
    """Go there next, so that a reload repeats nothing."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
