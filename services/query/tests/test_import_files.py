import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.waiting import eventually
from fastapi import FastAPI
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.import_files.intake import Body, Intake, InvalidUpload
from query.import_files.shapes import ImportFileModel, ImportFilePage
from query.settings import QuerySettings
from starlette.requests import Request

LIMIT = 200_000
CSV = "code;name\r\nA1;Ø\r\n".encode() + bytes(range(256)) * 300
MakeKey = Callable[..., Awaitable[str]]


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def block(folder: Path) -> None:
    """Put a file where the folder would be."""
    folder.write_text("in the way")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def settings(folder: Path) -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        storage_url=str(folder),
        import_file_limit=LIMIT,
    )


@pytest.fixture
def kept(
    folder: Path, database: AsyncDatabase[Document]
) -> Callable[[], Awaitable[tuple[int, int]]]:
    """How many files the storage and how many documents the database has."""

    async def count() -> tuple[int, int]:
        return len(files_in(folder)), await database["import_files"].count_documents({})

    return count


Kept = Callable[[], Awaitable[tuple[int, int]]]


async def in_chunks(content: bytes, step: int = 7_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), step):
        yield content[start : start + step]


async def as_form(content: bytes) -> tuple[bytes, str]:
    request = httpx.Request("POST", "http://x", files={"file": ("a.csv", content)})
    return request.read(), request.headers["content-type"]


async def send(
    client: httpx.AsyncClient, content: bytes, *, form: bool, declared: bool
) -> httpx.Response:
    kind = "text/csv"
    if form:
        content, kind = await as_form(content)
    return await client.post(
        "/v1/import-files",
        content=content if declared else in_chunks(content),
        headers={"content-type": kind},
    )


async def upload(client: httpx.AsyncClient, content: bytes = CSV, **query: str) -> Any:
    answer = await client.post("/v1/import-files", content=content, params=query)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_raw_upload_comes_back_byte_for_byte(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/v1/import-files?name=Kunden%20%C3%96.csv",
        content=CSV,
        headers={"content-type": "text/csv; charset=iso-8859-1"},
    )
    made = answer.json()
    known = await api.get(f"/v1/import-files/{made['id']}")
    content = await api.get(f"/v1/import-files/{made['id']}/content")

    assert answer.status_code == 201
    assert made == {
        "object": "import_file",
        "id": made["id"],
        "project_id": "shop",
        "name": "Kunden Ö.csv",
        "content_type": "text/csv; charset=iso-8859-1",
        "size": len(CSV),
        "sha256": hashlib.sha256(CSV).hexdigest(),
        "created_at": "2026-11-24T03:00:00.000Z",
    }
    assert made["id"].startswith("imf_")
    assert known.json() == made
    ImportFileModel.model_validate(made)
    assert set(ImportFileModel.model_fields) == set(made)
    assert content.content == CSV
    assert content.headers["content-type"] == "text/csv; charset=iso-8859-1"
    assert content.headers["content-length"] == str(len(CSV))
    assert content.headers["content-disposition"] == (
        "attachment; filename=\"Kunden _.csv\"; filename*=UTF-8''Kunden%20%C3%96.csv"
    )
    assert content.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("declared", [True, False])
async def test_a_form_upload_comes_back_byte_for_byte(
    api: httpx.AsyncClient, declared: bool
) -> None:
    answer = await send(api, CSV, form=True, declared=declared)
    content = await api.get(f"/v1/import-files/{answer.json()['id']}/content")

    assert (answer.status_code, answer.json()["name"]) == (201, "a.csv")
    assert answer.json()["content_type"] == "text/csv"
    assert content.content == CSV


async def test_the_name_is_the_querys_then_the_headers_then_the_id(
    api: httpx.AsyncClient,
) -> None:
    header = {"content-disposition": 'attachment; filename="h/b.csv"'}
    both = await api.post("/v1/import-files?name=a.csv", content=b"x", headers=header)
    headers = await api.post("/v1/import-files", content=b"x", headers=header)
    neither = await upload(api, b"x")
    nothing_left = await upload(api, b"x", name="../..")

    assert both.json()["name"] == "a.csv"
    assert headers.json()["name"] == "b.csv"
    assert neither["name"] == neither["id"]
    assert nothing_left["name"] == nothing_left["id"]
    assert neither["content_type"] == "application/octet-stream"


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_file_of_exactly_the_limit_is_kept(
    api: httpx.AsyncClient, form: bool, declared: bool
) -> None:
    answer = await send(api, b"x" * LIMIT, form=form, declared=declared)

    assert (answer.status_code, answer.json()["size"]) == (201, LIMIT)


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("size", [LIMIT + 1, 10 * LIMIT])
async def test_a_file_above_the_limit_is_refused_and_nothing_is_kept(
    api: httpx.AsyncClient, kept: Kept, form: bool, declared: bool, size: int
) -> None:
    answer = await send(api, b"x" * size, form=form, declared=declared)

    assert (answer.status_code, answer.json()["code"]) == (413, 413)
    assert answer.json()["key"] == "import_file_too_large"
    assert str(LIMIT) in answer.json()["message"]
    assert await kept() == (0, 0)


@pytest.mark.parametrize("form", [True, False])
async def test_an_empty_file_is_refused_and_nothing_is_kept(
    api: httpx.AsyncClient, kept: Kept, form: bool
) -> None:
    answer = await send(api, b"", form=form, declared=True)

    assert answer.status_code == 400
    assert "empty" in answer.json()["message"]
    assert await kept() == (0, 0)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=" + "b" * 300, b"x"),
        ("multipart/form-data; boundary=b", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\n"),
    ],
)
async def test_a_form_that_is_none_is_refused_and_nothing_is_kept(
    api: httpx.AsyncClient, kept: Kept, kind: str, body: bytes
) -> None:
    answer = await api.post(
        "/v1/import-files", content=body, headers={"content-type": kind}
    )

    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_upload")
    assert await kept() == (0, 0)


async def test_a_second_file_in_the_form_is_refused_and_nothing_is_kept(
    api: httpx.AsyncClient, kept: Kept
) -> None:
    files = [("a", ("a.csv", CSV)), ("b", ("b.csv", CSV))]

    answer = await api.post("/v1/import-files", files=files)

    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_upload")
    assert await kept() == (0, 0)


async def test_a_compressed_body_is_refused(api: httpx.AsyncClient, kept: Kept) -> None:
    answer = await api.post(
        "/v1/import-files", content=CSV, headers={"content-encoding": "gzip"}
    )

    assert answer.status_code == 415
    assert await kept() == (0, 0)


async def test_a_parameter_that_there_is_not_is_refused(api: httpx.AsyncClient) -> None:
    uploaded = await api.post("/v1/import-files?nmae=a.csv", content=CSV)
    listed = await api.get("/v1/import-files?colour=red")

    assert (uploaded.status_code, listed.status_code) == (400, 400)
    assert "nmae" in uploaded.json()["message"]
    assert "colour" in listed.json()["message"]


def scripted(*messages: dict[str, Any], headers: dict[str, str]) -> Request:
    """A request whose messages come one by one, and after them none ever."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/import-files",
        "query_string": b"",
        "headers": raw,
    }
    return Request(scope, receive)


PART = {"type": "http.request", "body": CSV, "more_body": True}


async def test_a_client_that_hangs_up_midway_leaves_nothing(
    app: FastAPI, api: httpx.AsyncClient, kept: Kept
) -> None:
    request = scripted(
        PART,
        PART,
        {"type": "http.disconnect"},
        headers={"authorization": api.headers["authorization"]},
    )
    sent: list[Any] = []

    async def receive_answer(message: Any) -> None:
        sent.append(message)

    await app(request.scope, request.receive, receive_answer)

    assert sent[0]["status"] == 400
    assert await eventually(lambda: kept()) == (0, 0)


async def test_a_sender_that_falls_silent_is_not_waited_for() -> None:
    body = Body(scripted(PART, headers={}), patience=0.05)

    with pytest.raises(InvalidUpload) as raised:
        async for _ in Intake(body).chunks():
            pass
    # Nor is it read on.
    await body.drain()

    assert raised.value.status == 408


async def test_a_sender_that_waits_for_a_go_ahead_is_refused_at_once() -> None:
    body = Body(scripted(headers={"expect": "100-continue"}))

    await body.drain()


async def test_an_upload_needs_a_key(anyone: httpx.AsyncClient, kept: Kept) -> None:
    answer = await anyone.post("/v1/import-files", content=CSV)

    assert answer.status_code == 401
    assert await kept() == (0, 0)


async def test_another_projects_file_is_not_there(
    api: httpx.AsyncClient, new_key: MakeKey
) -> None:
    made = await upload(api)
    api.headers["authorization"] = f"Bearer {await new_key('other')}"

    known = await api.get(f"/v1/import-files/{made['id']}")
    content = await api.get(f"/v1/import-files/{made['id']}/content")
    listed = await api.get("/v1/import-files")

    assert (known.status_code, content.status_code) == (404, 404)
    assert known.json()["resource_id"] == made["id"]
    assert content.json()["key"] == "import_file_not_found"
    assert listed.json()["import_files"] == []


async def test_the_list_is_newest_first_and_its_pages_join(
    api: httpx.AsyncClient, time: Any
) -> None:
    made: list[Any] = []
    for number in range(7):
        made.append(await upload(api, b"x", name=f"{number}.csv"))
        # Some share their millisecond.
        time.pass_by(timedelta(milliseconds=number % 2))

    seen: list[Any] = []
    cursor: str | None = None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/v1/import-files", params=query)).json()
        seen += page["import_files"]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        ImportFilePage.model_validate(page)
        assert set(ImportFilePage.model_fields) == set(page)
        if cursor is None:
            break
        await upload(api, b"x", name="meanwhile.csv")

    assert sorted(seen, key=lambda file: (file["created_at"], file["id"])) == seen[::-1]
    assert {file["id"] for file in seen} == {file["id"] for file in made}


async def test_a_cursor_of_another_list_is_refused(
    api: httpx.AsyncClient, new_key: MakeKey
) -> None:
    for _ in range(2):
        await upload(api, b"x")
    page = (await api.get("/v1/import-files?limit=1")).json()

    on_logs = await api.get("/v1/logs", params={"cursor": page["next_cursor"]})
    damaged = await api.get("/v1/import-files?cursor=abc")
    api.headers["authorization"] = f"Bearer {await new_key('other')}"
    others = await api.get("/v1/import-files", params={"cursor": page["next_cursor"]})

    for answer in (on_logs, damaged, others):
        assert (answer.status_code, answer.json()["key"]) == (400, "invalid_cursor")


async def test_a_page_of_html_is_saved_and_never_shown(api: httpx.AsyncClient) -> None:
    made = await api.post(
        "/v1/import-files?name=x.html",
        content=b"<script>alert(1)</script>",
        headers={"content-type": "text/html"},
    )

    answer = await api.get(f"/v1/import-files/{made.json()['id']}/content")

    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_content_that_somebody_removed_or_changed_is_said(
    api: httpx.AsyncClient, folder: Path
) -> None:
    made = await upload(api)
    (object_file,) = files_in(folder)

    object_file.write_bytes(b"shorter")
    changed = await api.get(f"/v1/import-files/{made['id']}/content")
    object_file.unlink()
    removed = await api.get(f"/v1/import-files/{made['id']}/content")

    for answer in (changed, removed):
        assert answer.status_code == 404
        assert answer.json()["key"] == "import_file_content_missing"


async def test_storage_that_is_away_is_a_503_and_no_document_is_made(
    api: httpx.AsyncClient, folder: Path, database: AsyncDatabase[Document]
) -> None:
    block(folder)

    answer = await api.post("/v1/import-files", content=CSV)

    assert answer.status_code == 503
    assert answer.json()["key"] == "storage_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert await database["import_files"].count_documents({}) == 0


async def test_nothing_is_opened_before_the_first_file(
    api: httpx.AsyncClient, folder: Path
) -> None:
    await api.get("/v1/import-files")
    await api.get("/v1/import-files/imf_x/content")

    assert names_in(folder.parent) == []


async def test_who_is_signed_in_downloads_at_an_address_of_the_dashboard(
    signed_in: httpx.AsyncClient, new_key: MakeKey
) -> None:
    key = {"authorization": f"Bearer {await new_key()}"}
    theirs = {"authorization": f"Bearer {await new_key('other')}"}
    made, foreign = [
        (await signed_in.post("/v1/import-files", content=CSV, headers=each)).json()
        for each in (key, theirs)
    ]

    own = await signed_in.get(f"/import-files/{made['id']}")
    other = await signed_in.get(f"/import-files/{foreign['id']}")
    signed_in.cookies.clear()
    nobody = await signed_in.get(f"/import-files/{made['id']}")

    assert own.content == CSV
    assert own.headers["content-disposition"].startswith("attachment;")
    assert (other.status_code, "<h1>Not Found</h1>" in other.text) == (404, True)
    assert nobody.headers["location"].startswith("/sign-in?next=")


async def test_the_documentation_shows_upload_and_download(
    anyone: httpx.AsyncClient,
) -> None:
    page = await anyone.get("/docs")
    paths = (await anyone.get("/openapi.json")).json()["paths"]

    upload = paths["/v1/import-files"]["post"]
    assert "multipart/form-data" in upload["requestBody"]["content"]
    assert "413" in upload["responses"]
    for text in ("/v1/import-files/{file_id}/content", "Upload an import file"):
        assert text in page.text
