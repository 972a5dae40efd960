"""The webhook endpoint of the example receiver, made over the API."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx

from daybook_local.errors import StackError
from daybook_local.private_files import read_private, write_private

DESCRIPTION = "The example receiver of `make run`"
LEDGER, SECRETS = "receiver.ndjson", "receiver_secrets"
_ENDPOINT = "receiver_endpoint"
_PATH = "/v1/webhook-endpoints"

Endpoint = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receiving:
    """Has every webhook delivered to the receiver, which knows its secret by a file.

    The endpoint is the same from start to start, with all that people changed of it;
    where the database has none, there is a new one. Other secrets in the file stay.
    """

    api: httpx.Client  # with the stack's key
    state_dir: Path

    def at(self, receiver: str) -> None:
        """The receiver is at this address now; `StackError` if that cannot be told."""
        try:
            self._keep(receiver, self._endpoints())
        except httpx.HTTPStatusError as error:
            raise StackError(f"{error}: {error.response.text[:500]}") from error
        except httpx.HTTPError as error:
            raise StackError(f"the API did not answer: {error}") from error

    def _keep(self, receiver: str, endpoints: list[Endpoint]) -> None:
        file = self.state_dir / _ENDPOINT
        id, _, before = (read_private(file) or "").partition(" ")
        ours = next((each for each in endpoints if each["id"] == id), None)
        if ours is None:
            ours = self._with_secret(receiver, endpoints)
            self._know(ours["secret"])
        elif before != receiver and ours["url"].startswith(f"{before}/"):
            moved = receiver + ours["url"].removeprefix(before)
            self._ask("PATCH", f"{_PATH}/{ours['id']}", {"url": moved})
        write_private(file, f"{ours['id']} {receiver}")

    def _with_secret(self, receiver: str, endpoints: list[Endpoint]) -> Endpoint:
        # One that is there already was made by a start that ended before it wrote its
        # secret down.
        for each in endpoints:
            if each["description"] == DESCRIPTION:
                path = f"{_PATH}/{each['id']}/rotate-secret"
                return self._ask("POST", path, {"grace_s": 0})
        draft = {"url": f"{receiver}/hooks/verified", "description": DESCRIPTION}
        return self._ask("POST", _PATH, draft)

    def _know(self, secret: str) -> None:
        file = self.state_dir / SECRETS
        write_private(file, f"{secret}\n{read_private(file) or ''}\n")

    def _endpoints(self) -> list[Endpoint]:
        # All of them: a project has fifty at most.
        answer = self._ask("GET", f"{_PATH}?limit=100", None)
        return cast("list[Endpoint]", answer["webhook_endpoints"])

    def _ask(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = self.api.request(method, path, json=body)
        return cast("dict[str, Any]", answer.raise_for_status().json())
