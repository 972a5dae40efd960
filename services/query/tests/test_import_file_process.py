"""Import files through a query process of its own, over real connections."""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from daybook.runtime.clock import utc_now
from daybook.testing.object_storage import Bucket, moto_server, new_bucket
from pymongo import MongoClient
from query.keys import make_key, system_randomness

MIB = 1024 * 1024
LIMIT = 12 * MIB  # more than a part of a multipart upload, and no whole number of them
CONTENT = os.urandom(LIMIT - 54_321)
LARGE = 200 * MIB


@dataclass(frozen=True, slots=True)
class Served:
    """A running query service, and what it keeps."""

    process: "subprocess.Popen[bytes]"
    address: str
    http: httpx.Client
    documents: Callable[[], int]

    def peak_bytes(self) -> int:
        """The most memory that the process has ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024


Serve = Callable[[Mapping[str, str]], AbstractContextManager[Served]]


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return answer


@pytest.fixture
def serve(mongodb_uri: str, tmp_path: Path) -> Iterator[Serve]:
    """Runs the service over one database, as often as a test asks."""
    name = f"test_{uuid4().hex[:12]}"
    stored, key = make_key("shop", "t", now=utc_now(), randomness=system_randomness)
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        document = {
            "_id": stored.id,
            "project_id": "shop",
            "name": "t",
            "secret_sha256": stored.secret_sha256,
            "created_at": stored.created_at,
        }
        client[name]["api_keys"].insert_one(document)

        @contextmanager
        def run(settings: Mapping[str, str]) -> Generator[Served]:
            environment = {
                **os.environ,
                "MONGODB_URI": mongodb_uri,
                "DAYBOOK_MONGODB_DATABASE": name,
                "DAYBOOK_PORT": "0",
                "DAYBOOK_SESSION_SECRET": "a secret of enough letters",
                "DAYBOOK_STORAGE_URL": str(tmp_path / "objects"),
                "DAYBOOK_IMPORT_FILE_LIMIT": str(LIMIT),
                **settings,
            }
            log = tmp_path / f"log-{uuid4().hex}"
            with (
                log.open("w") as output,
                subprocess.Popen(
                    [sys.executable, "-m", "query"], stderr=output, env=environment
                ) as process,
            ):
                try:
                    found = until(
                        lambda: re.search(
                            r"running on (http://[0-9.:]+)", log.read_text()
                        )
                    )
                    headers = {"authorization": f"Bearer {key}"}
                    with httpx.Client(
                        base_url=found[1], headers=headers, timeout=60
                    ) as http:
                        yield Served(
                            process,
                            found[1],
                            http,
                            lambda: client[name]["import_files"].count_documents({}),
                        )
                finally:
                    process.kill()
            assert "Traceback" not in log.read_text()

        yield run
        client.drop_database(name)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are kept, and everything that is there, finished or not."""

    settings: Mapping[str, str]
    everything: Callable[[], list[str]]


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "folder":
        folder = tmp_path / "objects"
        yield Place(
            {}, lambda: [str(path) for path in folder.rglob("*") if path.is_file()]
        )
        return
    with new_bucket(request.getfixturevalue("s3_endpoint")) as bucket:
        yield Place(
            {"DAYBOOK_STORAGE_URL": bucket.address, **bucket.environment},
            lambda: everything_in(bucket),
        )


def everything_in(bucket: Bucket) -> list[str]:
    return bucket.keys() + bucket.unfinished()


def pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), 50_000):
        yield content[start : start + 50_000]


def zeros(size: int) -> Iterator[bytes]:
    for _ in range(size // MIB):
        yield bytes(MIB)


def send(
    served: Served, content: bytes, *, form: bool, declared: bool
) -> httpx.Response:
    kind = "text/csv"
    if form:
        request = httpx.Request("POST", "http://x", files={"f": ("a.csv", content)})
        content, kind = request.read(), request.headers["content-type"]
    return served.http.post(
        "/v1/import-files",
        content=content if declared else pieces(content),
        headers={"content-type": kind},
    )


@pytest.mark.parametrize("form", [True, False])
def test_a_file_comes_back_byte_for_byte(
    serve: Serve, place: Place, form: bool
) -> None:
    with serve(place.settings) as served:
        made = send(served, CONTENT, form=form, declared=not form)
        content = served.http.get(f"/v1/import-files/{made.json()['id']}/content")

    assert (made.status_code, made.json()["size"]) == (201, len(CONTENT))
    assert content.content == CONTENT
    (kept,) = place.everything()
    assert kept.endswith(f"import-files/shop/{made.json()['id']}")


def test_a_file_above_the_limit_is_refused_in_words_and_nothing_is_kept(
    serve: Serve, place: Place
) -> None:
    content = bytes(LIMIT + 1)

    with serve(place.settings) as served:
        for form in (True, False):
            for declared in (True, False):
                answer = send(served, content, form=form, declared=declared)

                assert answer.status_code == 413
                assert str(LIMIT) in answer.json()["message"]
                assert until(lambda: place.everything() == [])
        far_above = served.http.post("/v1/import-files", content=zeros(100 * MIB))

        assert far_above.status_code == 413
        assert served.documents() == 0


def test_a_client_that_hangs_up_midway_leaves_nothing(
    serve: Serve, place: Place
) -> None:
    with serve(place.settings) as served:
        address = urlsplit(served.address)
        with socket.create_connection((address.hostname, address.port)) as connection:
            head = (
                "POST /v1/import-files HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: {served.http.headers['authorization']}\r\n"
                f"Content-Length: {len(CONTENT)}\r\n\r\n"
            )
            connection.sendall(head.encode() + CONTENT[: 8 * MIB])
            # Some of it has reached the storage.
            until(lambda: place.everything() != [])

        assert until(lambda: place.everything() == [])
        assert served.documents() == 0


def test_what_was_answered_survives_the_process(serve: Serve) -> None:
    with serve({}) as served:
        made = send(served, CONTENT, form=False, declared=True).json()
        served.process.kill()
        served.process.wait()

    with serve({}) as served:
        content = served.http.get(f"/v1/import-files/{made['id']}/content")

    assert content.content == CONTENT


def test_memory_stays_flat_while_a_large_file_goes_in_and_out(serve: Serve) -> None:
    with serve({"DAYBOOK_IMPORT_FILE_LIMIT": str(LARGE)}) as served:
        send(served, CONTENT, form=True, declared=True)
        before = served.peak_bytes()

        made = served.http.post("/v1/import-files", content=zeros(LARGE)).json()
        received = 0
        with served.http.stream("GET", f"/v1/import-files/{made['id']}/content") as got:
            for chunk in got.iter_raw():
                received += len(chunk)
        grown = served.peak_bytes() - before

    assert (made["size"], received) == (LARGE, LARGE)
    assert grown < 48 * MIB


CLIMBING = [
    "../../../etc/passwd",
    "..%2F..%2F..%2Fetc%2Fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e%252fetc%252fpasswd",
    "/etc/passwd",
    "%2Fetc%2Fpasswd",
    "..%5C..%5Cetc%5Cpasswd",
    "imf_%00",
    "%00",
    "..",
    "shop%2F{id}",
    "{id}%2F..%2F{id}",
    "{id}%00",
    "%ff%fe",
    "x" * 5_000,
]


def test_no_path_from_outside_reaches_the_storage(serve: Serve, tmp_path: Path) -> None:
    with serve({}) as served:
        made = served.http.post(
            "/v1/import-files?name=..%2F..%2F..%2Ftmp%2Fevil%00.csv", content=b"secret"
        ).json()
        header = {"authorization": served.http.headers["authorization"]}

        answers: list[tuple[str, int, bytes]] = []
        for text in CLIMBING:
            for path in ("/v1/import-files/{}/content", "/v1/import-files/{}"):
                # Without a client that tidies the path up first.
                raw = http.client.HTTPConnection(urlsplit(served.address).netloc)
                raw.request(
                    "GET", path.format(text.format(id=made["id"])), None, header
                )
                answer = raw.getresponse()
                answers.append((text, answer.status, answer.read()))
                raw.close()

    assert made["name"] == "evil.csv"
    assert [
        str(path.relative_to(tmp_path / "objects"))
        for path in (tmp_path / "objects").rglob("*")
        if path.is_file()
    ] == [f"import-files/shop/{made['id']}"]
    assert {status for _, status, _ in answers} == {404}, answers
    for _, _, body in answers:
        assert b'"code":404' in body
        assert b"root:" not in body
        assert b"secret" not in body
