"""The endpoint of the example receiver, over many starts."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from daybook_local.errors import StackError
from daybook_local.receiving import DESCRIPTION, Receiving

HERE, THERE = "http://127.0.0.1:8082", "http://127.0.0.1:20001"


class EndpointsApi:
    """As much of `/v1/webhook-endpoints` as is asked for."""

    def __init__(self) -> None:
        self.endpoints: list[dict[str, Any]] = []
        self.secrets: list[str] = []
        self.full = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content or b"null")
        match request.method, request.url.path.split("/")[3:]:
            case "GET", []:
                return httpx.Response(200, json={"webhook_endpoints": self.endpoints})
            case "POST", [] if self.full:
                return httpx.Response(409, json={"message": "too many endpoints"})
            case "POST", []:
                self.endpoints.insert(0, {"id": f"we_{len(self.secrets)}", **body})
                return self._with_secret(self.endpoints[0])
            case "POST", [id, "rotate-secret"]:
                assert body == {"grace_s": 0}
                return self._with_secret(self._found(id))
            case "PATCH", [id]:
                self._found(id).update(body)
                return httpx.Response(200, json=self._found(id))
            case _:
                return httpx.Response(405)

    def _with_secret(self, endpoint: dict[str, Any]) -> httpx.Response:
        self.secrets.append(f"whsec_{len(self.secrets)}")
        return httpx.Response(201, json={**endpoint, "secret": self.secrets[-1]})

    def _found(self, id: str) -> dict[str, Any]:
        return next(each for each in self.endpoints if each["id"] == id)


@pytest.fixture
def api() -> EndpointsApi:
    return EndpointsApi()


@pytest.fixture
def receiving(api: EndpointsApi, tmp_path: Path) -> Iterator[Receiving]:
    transport = httpx.MockTransport(api)
    with httpx.Client(transport=transport, base_url="http://query.example") as client:
        yield Receiving(client, tmp_path)


def secrets(folder: Path) -> list[str]:
    return (folder / "receiver_secrets").read_text("utf-8").split()


def test_the_receiver_gets_an_endpoint_and_its_secret(
    receiving: Receiving, api: EndpointsApi, tmp_path: Path
) -> None:
    receiving.at(HERE)

    (endpoint,) = api.endpoints
    assert endpoint["url"] == f"{HERE}/hooks/verified"
    assert secrets(tmp_path) == api.secrets == ["whsec_0"]
    assert stat.S_IMODE((tmp_path / "receiver_secrets").stat().st_mode) == 0o600


def test_another_start_makes_no_other(
    receiving: Receiving, api: EndpointsApi, tmp_path: Path
) -> None:
    receiving.at(HERE)
    api.endpoints[0]["description"] = "mine"
    receiving.at(HERE)

    assert len(api.endpoints) == 1
    assert secrets(tmp_path) == api.secrets == ["whsec_0"]


def test_it_follows_the_receiver_and_keeps_what_it_was_told_to_answer(
    receiving: Receiving, api: EndpointsApi
) -> None:
    receiving.at(HERE)
    api.endpoints[0]["url"] = f"{HERE}/hooks/status/500"
    receiving.at(THERE)

    assert [each["url"] for each in api.endpoints] == [f"{THERE}/hooks/status/500"]


def test_it_stays_where_somebody_moved_it(
    receiving: Receiving, api: EndpointsApi
) -> None:
    receiving.at(HERE)
    api.endpoints[0]["url"] = "https://hooks.example/daybook"
    receiving.at(THERE)

    assert [each["url"] for each in api.endpoints] == ["https://hooks.example/daybook"]


def test_in_another_database_it_is_made_anew_and_no_secret_is_forgotten(
    receiving: Receiving, api: EndpointsApi, tmp_path: Path
) -> None:
    receiving.at(HERE)
    api.endpoints.clear()
    receiving.at(HERE)

    assert len(api.endpoints) == 1
    assert secrets(tmp_path) == ["whsec_1", "whsec_0"]


@pytest.mark.parametrize("lost", ["receiver_endpoint", "both"])
def test_a_start_that_ended_before_it_wrote_the_secret_leaves_no_second_endpoint(
    receiving: Receiving, api: EndpointsApi, tmp_path: Path, lost: str
) -> None:
    receiving.at(HERE)
    (tmp_path / "receiver_endpoint").unlink()
    if lost == "both":
        (tmp_path / "receiver_secrets").unlink()

    receiving.at(HERE)

    assert [each["description"] for each in api.endpoints] == [DESCRIPTION]
    assert secrets(tmp_path)[0] == api.secrets[-1] == "whsec_1"


def test_what_the_api_refuses_is_told_in_its_words(
    receiving: Receiving, api: EndpointsApi
) -> None:
    api.full = True

    with pytest.raises(StackError, match=r"409.*too many endpoints"):
        receiving.at(HERE)
