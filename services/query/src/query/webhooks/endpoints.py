"""Webhook endpoints: made, listed, changed, given a new secret, deleted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from daybook.storage.times import from_ms, to_ms
from daybook.webhooks.addresses import AddressRules
from daybook.webhooks.headers import MASK
from daybook.webhooks.sealing import Box
from daybook.webhooks.signing import SignatureKind, new_secret, public_key

from query.cursors import Cursor, Position, read_cursor, write_cursor
from query.filters import Filters, Window
from query.keys import Randomness
from query.lists import Slice
from query.webhooks.bodies import InvalidBody
from query.webhooks.commands import Commands
from query.webhooks.drafts import read_change, read_draft, read_grace_s
from query.webhooks.endpoint_repository import EndpointRepository

LIST: Final = "webhook_endpoints"
# Every event of the project is matched with each of them.
MOST_ENDPOINTS: Final = 50
# Each signs every attempt while rotations overlap.
_MOST_SECRETS: Final = 5
_NO_FILTERS: Final = Filters()


class NoSealingKeys(Exception):
    """Nothing is configured to seal secrets with, so endpoints cannot be kept."""


@dataclass(frozen=True, slots=True)
class WithSecret:
    """An endpoint and its new secret, which is shown once.

    None of ``v1a``: its receiver verifies with the public key.
    """

    endpoint: Document
    secret: str | None = field(repr=False)


class Endpoints:
    """A project's endpoints, each a document with ``disabled`` of its health.

    All raise TimeoutError when the database is silent, and :class:`NoSealingKeys`;
    those that take an id :class:`NoSuchEndpoint`, those that take a body
    :class:`InvalidBody`.
    """

    def __init__(
        self,
        stored: EndpointRepository,
        commands: Commands,
        *,
        rules: AddressRules,
        box: Box | None,
        clock: Clock,
        make_id: Callable[[], str],
        randomness: Randomness,
    ) -> None:
        self._stored = stored
        self._commands = commands
        self._rules = rules
        self._configured = box
        self._clock = clock
        self._make_id = make_id
        self._randomness = randomness

    async def make(self, project_id: str, body: object) -> WithSecret:
        """Store a new endpoint; raises :class:`TooManyEndpoints`."""
        box = self._box()
        draft = read_draft(body, self._rules)
        endpoint_id = f"we_{self._make_id()}"
        key = f"{project_id}/{endpoint_id}"
        now = self._now()
        secret = new_secret(SignatureKind(draft["signature"]), self._randomness)
        shared = public_key(secret)
        endpoint: Document = {
            "_id": key,
            "project_id": project_id,
            "id": endpoint_id,
            **draft,
            "public_key": shared,
            "headers": _sealed_headers(draft["headers"], (), box, key),
            "secrets": [{"secret": box.seal(secret, key), "added_at": now}],
            "created_at": now,
            "updated_at": now,
        }
        stored = {name: value for name, value in endpoint.items() if value is not None}
        await self._stored.add(stored, most=MOST_ENDPOINTS)
        return WithSecret(
            stored | {"disabled": None}, None if shared is not None else secret
        )

    async def get(self, project_id: str, endpoint_id: str) -> Document:
        """One endpoint."""
        self._box()
        return await self._stored.get(project_id, endpoint_id)

    async def page(
        self, project_id: str, *, cursor_text: str | None, limit: int
    ) -> Slice:
        """At most ``limit`` endpoints, newest first; raises InvalidCursor."""
        self._box()
        below: Position | None = None
        if cursor_text is not None:
            below = read_cursor(cursor_text, LIST, project_id, _NO_FILTERS).position
        # One more tells whether there are more.
        found = await self._stored.newest(project_id, below=below, limit=limit + 1)
        if len(found) <= limit:
            return Slice(found, None)
        last = found[limit - 1]
        place = Cursor(Position(to_ms(last["created_at"]), last["id"]), Window())
        following = write_cursor(place, LIST, project_id, _NO_FILTERS)
        return Slice(found[:limit], following)

    async def change(self, project_id: str, endpoint_id: str, body: object) -> Document:
        """Change what the body names, for attempts from then on."""
        box = self._box()
        wanted = read_change(body, self._rules)

        def changed(endpoint: Document) -> Document:
            fields = wanted | {"updated_at": self._now()}
            if "headers" in wanted:
                stored, key = endpoint["headers"], endpoint["_id"]
                fields["headers"] = _sealed_headers(wanted["headers"], stored, box, key)
            return fields

        return await self._stored.change(project_id, endpoint_id, changed)

    async def rotate_secret(
        self, project_id: str, endpoint_id: str, body: object
    ) -> WithSecret:
        """Sign with a new secret, and with the old one too while the grace lasts.

        Without a grace nothing that was ever shown signs any more.
        """
        box = self._box()
        grace = timedelta(seconds=read_grace_s(body))
        secrets: list[str] = []

        def changed(endpoint: Document) -> Document:
            now = self._now()
            secret = new_secret(SignatureKind(endpoint["signature"]), self._randomness)
            secrets.append(secret)
            newest = {"secret": box.seal(secret, endpoint["_id"]), "added_at": now}
            kept = _expiring(endpoint["secrets"], now, now + grace)
            return {
                "secrets": [newest, *kept[: _MOST_SECRETS - 1]],
                "public_key": public_key(secret),
                "updated_at": now,
            }

        endpoint = await self._stored.change(project_id, endpoint_id, changed)
        # What was made last is what was stored.
        shown = None if "public_key" in endpoint else secrets[-1]
        return WithSecret(endpoint, shown)

    async def delete(self, project_id: str, endpoint_id: str) -> None:
        """Hide it at once; what is on its way to it ends once its command is done."""
        self._box()
        await self._commands.prepare()
        command = self._commands.draft(
            project_id, "endpoint.delete", {"endpoint_id": endpoint_id}
        )
        await self._stored.delete(project_id, endpoint_id, command, self._now())

    def _box(self) -> Box:
        if self._configured is None:
            raise NoSealingKeys
        return self._configured

    def _now(self) -> datetime:
        # As the database holds it, so that this answer and later ones are the same.
        return from_ms(to_ms(self._clock()))


def _expiring(
    secrets: Sequence[Document], now: datetime, until: datetime
) -> list[Document]:
    """The secrets that still sign, none of them for longer than ``until``."""
    ends = [secret.get("expires_at", until) for secret in secrets]
    return [
        secret | {"expires_at": min(end, until)}
        for secret, end in zip(secrets, ends, strict=True)
        if min(end, until) > now
    ]


def _sealed_headers(
    wanted: Mapping[str, str], stored: Sequence[Document], box: Box, key: str
) -> list[Document]:
    known = {header["name"].lower(): header["value"] for header in stored}
    headers: list[Document] = []
    for name, value in wanted.items():
        if value != MASK:
            sealed = box.seal(value, key)
        elif (sealed := known.get(name.lower())) is None:
            raise InvalidBody({"headers": f"give {name} a value: it has none to keep"})
        headers.append({"name": name, "value": sealed})
    return headers
