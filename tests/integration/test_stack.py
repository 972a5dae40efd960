"""The whole of Daybook as `make run` starts it: a request is made, and is found."""

import os
import shutil
import signal
import subprocess
from base64 import b64decode
from typing import Any
from uuid import uuid4

import httpx
import pytest
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually

# What a page may take to show a request, from the shop's answer on.
SHOWN_WITHIN_S = 2.0

pytestmark = pytest.mark.timeout(240)


async def logs_of(run: StackRun, http: httpx.AsyncClient, request_id: str) -> list[Any]:
    stack = run.stack
    answer = await http.get(
        f"{stack['api']}/v1/logs",
        params={"request_id": request_id},
        headers={"authorization": f"Bearer {stack['api_key']}"},
    )
    answer.raise_for_status()
    return answer.json()["logs"]


async def found(
    run: StackRun,
    http: httpx.AsyncClient,
    request_id: str,
    within: float = SHOWN_WITHIN_S,
) -> dict[str, Any]:
    """The one log of a request, whole."""

    async def there() -> bool:
        return bool(await logs_of(run, http, request_id))

    await eventually(there, within)
    (row,) = await logs_of(run, http, request_id)
    answer = await http.get(
        f"{run.stack['api']}/v1/logs/{row['id']}",
        headers={"authorization": f"Bearer {run.stack['api_key']}"},
    )
    return answer.json()


def curl(run: StackRun, body: bytes, content_type: str) -> tuple[str, bytes]:
    """Send the shop a body with curl; the request's id and what came back."""
    program = shutil.which("curl")
    assert program is not None, "the tests need curl"
    request_id = f"req-{uuid4()}"
    answer = subprocess.run(  # noqa: S603 - curl, with what the test made
        [
            program,
            *("--silent", "--fail", "--data-binary", "@-"),
            *("-H", f"content-type: {content_type}"),
            *("-H", f"x-request-id: {request_id}"),
            f"{run.stack['shop']}/echo",
        ],
        input=body,
        capture_output=True,
        check=True,
    )
    return request_id, answer.stdout


JSON = "application/json"
BODIES = {
    "big integers": (b'{"n":123456789012345678901234567890,"f":1.00}', JSON),
    "duplicate keys in their order": (b'{"b":1,"a":2,"b":3, "a" : 4}', JSON),
    "invalid JSON": (b'{"a":1,,]', JSON),
    "escaped lone surrogates": (rb'{"s":"\ud800 \udfff"}', JSON),
    "emoji and right-to-left": ("👩‍👩‍👧 שלום مرحبا".encode(), "text/plain"),
    "white space and controls": (b"\r\n\t {} \x00\x01 \n", "text/plain"),
    "nothing": (b"", "text/plain"),
    "bytes": (bytes(range(256)), "application/octet-stream"),
}


@pytest.mark.parametrize("case", BODIES)
async def test_what_curl_sent_and_got_is_what_the_detail_shows(
    run: StackRun, http: httpx.AsyncClient, case: str
) -> None:
    body, content_type = BODIES[case]

    request_id, got = curl(run, body, content_type)
    log = await found(run, http, request_id)

    assert got == body
    for side in (log["request"], log["response"]):
        shown: str = side["body"] or ""
        if side["body_encoding"] == "base64":
            assert b64decode(shown) == body
        else:
            assert shown.encode() == body
        assert side["body_size"] == len(body)
        assert side["truncated"] is False


async def test_a_request_is_on_the_page_within_two_seconds(
    run: StackRun, http: httpx.AsyncClient
) -> None:
    signed_in = await http.get(run.stack["dashboard"])
    assert signed_in.status_code == 200
    request_id, _ = curl(run, b"on the page", "text/plain")

    async def on_the_page() -> bool:
        page = await http.get(
            f"{run.stack['api']}/logs", params={"request_id": request_id}
        )
        return "POST /echo" in page.text

    await eventually(on_the_page, SHOWN_WITHIN_S)


async def test_what_is_published_while_ingest_is_stopped_arrives(
    run: StackRun, http: httpx.AsyncClient
) -> None:
    stopped = run.stack["services"]["ingest"]["pid"]
    os.kill(stopped, signal.SIGSTOP)
    sent = [curl(run, b"while stopped", "text/plain")[0] for _ in range(5)]
    assert await logs_of(run, http, sent[0]) == []

    os.kill(stopped, signal.SIGKILL)  # the supervisor starts another

    for request_id in sent:
        await found(run, http, request_id, within=60)
    assert run.stack["services"]["ingest"]["pid"] != stopped


async def test_after_a_stop_and_a_start_everything_is_still_there(
    run: StackRun, http: httpx.AsyncClient
) -> None:
    request_id, _ = curl(run, b"to be kept", "text/plain")
    before = await found(run, http, request_id)
    key = run.stack["api_key"]

    run.signal(signal.SIGTERM)
    code = await run.ended(within=60)
    left = run.left_running()
    run.start()
    await run.up(within=120)

    assert (code, left) == (0, [])
    assert run.stack["api_key"] == key
    assert await found(run, http, request_id) == before
