"""Who makes a request, as this shop knows them."""

from collections.abc import Mapping
from dataclasses import dataclass

from daybook.client import WebhookLinks
from daybook.events.request import ApiKey, User
from fastapi import Header, HTTPException, Request

# A demo's keys: id, then name, kind and secret.
KEYS: dict[str, tuple[ApiKey, str]] = {
    "shop-server": (ApiKey(id="shop-server", name="Backend", kind="server"), "s3cret"),
    "shop-web": (ApiKey(id="shop-web", name="Storefront", kind="client"), "pub1ic"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """As a gateway in front of the shop would tell."""

    user: User | None
    api_key: ApiKey | None

    @property
    def channel(self) -> str:
        client = self.api_key is not None and self.api_key.kind == "client"
        return "CLIENT_API" if client else "API"


def caller(headers: Mapping[str, str]) -> Caller:
    user = User(id=headers.get("x-user-id"), email=headers.get("x-user-email"))
    key = KEYS.get(headers.get("x-app-id", ""))
    return Caller(
        user=user if user.id or user.email else None, api_key=key[0] if key else None
    )


def cause(request: Request) -> WebhookLinks:
    """What a webhook says of the request that caused it."""
    # The customers' e-mail addresses are in UTF-8, which Starlette reads as Latin-1.
    by = caller(
        {
            name.decode("latin-1"): value.decode("utf-8", "replace")
            for name, value in request.headers.raw
        }
    )
    return {
        "group_id": request.state.daybook_request_id,
        "channel": by.channel,
        "user": by.user,
        "api_key": by.api_key,
    }


async def require_key(
    x_app_id: str = Header(default=""), x_app_token: str = Header(default="")
) -> None:
    """Let in who has a key and its secret."""
    key = KEYS.get(x_app_id)
    if key is None or key[1] != x_app_token:
        raise HTTPException(401, "send a valid X-App-Id and X-App-Token")
