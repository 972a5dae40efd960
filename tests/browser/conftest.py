"""Daybook's pages in a real browser: Debian's Chromium, driven by Playwright."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from daybook.runtime.clock import utc_now
from daybook.runtime.mongo import Document
from daybook.storage.exports import EXPORT_INDEXES, text_part
from daybook.storage.logs import INDEXES
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.storage.task_events import TASK_EVENT_INDEXES
from daybook.storage.tasks import FAILED_ROW_INDEXES, TASK_INDEXES
from daybook.testing.stored_exports import store_export
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import (
    stored_attempt,
    stored_endpoint,
    stored_sendout,
)
from daybook.testing.stored_tasks import (
    stored_failed_row,
    stored_task,
    stored_task_event,
)
from playwright.sync_api import Browser, BrowserContext, Page
from pymongo import MongoClient
from pymongo.database import Database
from query.keys import make_key, system_randomness
from query.signing import Signer, sign_in_link

SECRET = "a secret of enough letters"
SEALING_KEYS = "k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SCREENSHOTS = Path(__file__).parents[2] / ".daybook" / "screenshots"
HOSTILE = '<script>document.title="pwned"</script><img src=x onerror=alert(1)>'
ALL_CONTROLS = "".join(chr(point) for point in (*range(1, 32), *range(127, 160)))
EXACT_BODY = (
    '\n\r\n{"n": 12345678901234567890.10, "n": 1,\t"s": "\\ud800"}\r'
    f"{ALL_CONTROLS}</pre>&amp;{HOSTILE} مرحبا שלום 👩‍👩‍👧 \u202e\ufeff\u2028 end\n"
)

EXACT_TEXT = f"{HOSTILE} \u202eגנב\u2066\x07\x1b[31m\r\n\tمرحبا {ALL_CONTROLS} end"


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Chromium as Debian packages it; Playwright's own comes from no registry."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail(
            "No chromium on PATH: `make browser` installs Debian's package where it "
            "may; otherwise install `chromium` by hand."
        )
    return {
        "executable_path": chromium,
        "args": [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A running query service with a project full of logs and tasks."""

    address: str
    sign_in: str
    key: str
    database: Database[Document]
    exact_body: str = EXACT_BODY  # of the log ``hostile``
    exact_text: str = EXACT_TEXT  # message and reason of the task ``hostile``


def _logs(newest: datetime) -> Iterator[Document]:
    endpoints = (
        ("POST", "/v1/vouchers/{code}/redemption"),
        ("GET", "/v1/customers/{id}"),
        ("POST", "/v1/orders"),
        ("DELETE", "/v1/vouchers/{code}"),
    )
    codes = (200, 201, 404, 200, None, 200, 503, 200)
    for number in range(120):
        method, route = endpoints[number % 4]
        yield stored_log(
            f"log-{number:03}",
            newest - number * timedelta(minutes=5) - timedelta(seconds=1),
            method=method,
            endpoint=f"{method} {route}",
            url=f"https://api.shop.example{route}",
            status_code=codes[number % 8],
            user={"id": f"u{number % 9}", "email": f"mira{number % 9}@shop.example"},
            task_id="running" if number == 2 else None,
            request={
                "headers": [["Content-Type", "application/json"], ["X-A", "1"]],
                "content_type": "application/json",
                "body": f'{{"order":{number},"amount":1.00,"lines":[1,2]}}',
                "body_encoding": "utf-8",
                "body_size": 40,
                "truncated": False,
            },
        )
    yield stored_log(
        "large",
        newest - timedelta(days=40),
        request={"body": '{"a":"' + "x" * 999_992 + '"}', "body_encoding": "utf-8"},
    )
    yield stored_log(
        "hostile",
        newest,
        endpoint=f"GET {HOSTILE}",
        url=f"https://shop.example/{HOSTILE}{'A' * 3000}",
        user={"id": HOSTILE, "email": "\u202emoc.elpmaxe@live"},
        user_agent=HOSTILE * 9,
        status_code=500,
        request={
            "headers": [[HOSTILE, "a\0\rb"], ["long", "x" * 5000]],
            "content_type": HOSTILE,
            "body": EXACT_BODY,
            "body_encoding": "utf-8",
            "body_size": 99_999,
            "truncated": True,
        },
        response={
            "content_type": "application/octet-stream",
            "body": "AAECAw==",
            "body_encoding": "base64",
            "body_size": 4,
        },
    )


def _rows(task: Document) -> Iterator[Document]:
    for row in range(1, 1001):
        yield stored_failed_row(
            task,
            f"{row:05}",
            row=row * 3,
            code=f"SPRING-{row:04}",
            reason="The voucher exists" if row % 4 else "No such campaign: Frühling",
        )


def _history(task: Document, newest: datetime) -> Iterator[Document]:
    number = 0

    def event(kind: str, seconds: float, **fields: Any) -> Document:
        nonlocal number
        number += 1
        at = newest - timedelta(seconds=seconds)
        return stored_task_event(
            task, f"{task['id']}-{number:03}", kind, at, total=1000, **fields
        )

    yield event("enqueued", 400, run=1)
    yield event("started", 398.5, run=1)
    for step in range(40):
        yield event("progressed", 390 - step, run=1, done_count=20 * step)
    why = {"message": "The file ended early: row 812 has no code."}
    yield event("finished", 340, run=1, outcome="FAILED", result=why)
    yield event("enqueued", 300, run=2)
    yield event("started", 280, run=2)
    yield event("progressed", 200, run=2, done_count=300, failed_count=12)


def _tasks(newest: datetime) -> Iterator[Document]:
    def task(task_id: str, minutes: float, **fields: Any) -> Document:
        at = newest - timedelta(minutes=minutes)
        values: Document = {
            "user": {"id": "u2", "email": "mira2@shop.example"},
            "updated_at": at + timedelta(minutes=5),
            **fields,
        }
        return stored_task(task_id, at, **values)

    counted = {"total": 1000, "done_count": 300, "failed_count": 12, "progress": 31}
    yield task(
        "running",
        6.7,
        status="IN_PROGRESS",
        run=2,
        updated_at=newest,
        log_id="log-002",
        heartbeat_s=30,
        **counted,
    )
    yield task("waiting", 7, status="ENQUEUED", request_id="req-log-004")
    yield task("stalled", 9, status="IN_PROGRESS", stalled=True, **counted)
    yield task(
        "failed",
        12,
        status="FAILED",
        task_type="CAMPAIGN.VOUCHERS_IMPORT",
        total=5000,
        done_count=2100,
        failed_count=1234,
        progress=67,
        message="The database did not answer for 30 s.",
        processing_time=252_000,
    )
    yield task("one", 13, total=3, done_count=1, failed_count=2, progress=100)
    yield task(
        "hostile",
        14,
        status="FAILED",
        task_type=f"{HOSTILE}\0\u202e",
        message=EXACT_TEXT,
        user={"id": HOSTILE, "email": "\u202emoc.elpmaxe@live"},
        request_id=HOSTILE,
        failed_count=2,
    )
    for number in range(60):
        yield task(
            f"done-{number:02}",
            20 + 7 * number,
            task_type="CUSTOMERS.BULK_UPDATE" if number % 3 else "VOUCHERS.IMPORT",
            done_count=number * 100,
            total=number * 100,
            user={"id": f"u{number % 9}"},
        )


def _store_tasks(database: Database[Document], newest: datetime) -> None:
    database["tasks"].create_indexes(list(TASK_INDEXES))
    database["task_failed_rows"].create_indexes(list(FAILED_ROW_INDEXES))
    database["task_events"].create_indexes(list(TASK_EVENT_INDEXES))
    tasks = {task["id"]: task for task in _tasks(newest)}
    database["tasks"].insert_many(list(tasks.values()))
    rows = [
        *_rows(tasks["failed"]),
        stored_failed_row(tasks["one"], "1", row=1, code="=1+1", reason="no formula"),
        stored_failed_row(tasks["one"], "2", source_id="crm-7", reason="no e-mail"),
        stored_failed_row(tasks["hostile"], "1", code=HOSTILE, reason=EXACT_TEXT),
    ]
    database["task_failed_rows"].insert_many(rows)
    database["task_events"].insert_many(list(_history(tasks["running"], newest)))


def _endpoints(newest: datetime) -> Iterator[Document]:
    """Four: well, disabled, switched off, and one that strangers named."""
    made = newest - timedelta(days=3)
    yield stored_endpoint(
        "we_shop",
        made,
        url="https://hooks.shop.example/daybook",
        description="The shop's own receiver",
        event_types=["voucher.*", "order.paid"],
        headers=[{"name": "X-Api-Key", "value": "sealed"}],
        retry_schedule_s=[60, 60, 120, 240, 480, 960, 1920, 3840],
    )
    yield stored_endpoint(
        "we_crm", made - timedelta(hours=1), url="https://crm.example/in?x=1"
    )
    yield stored_endpoint(
        "we_off",
        made - timedelta(hours=2),
        url="https://audit.example/webhooks",
        active=False,
        signature="v1a",
        public_key="whpk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    )
    yield stored_endpoint(
        "we_hostile",
        made - timedelta(hours=3),
        url=f"https://shop.example/{'A' * 1500}",
        description=HOSTILE,
        event_types=[HOSTILE, "x" * 250],
        headers=[{"name": "X" * 120, "value": "sealed"}],
    )


def _sendouts(newest: datetime) -> Iterator[Document]:
    types = ("voucher.created", "order.paid", "voucher.redeemed", "customer.updated")
    errors = (
        ("timeout", "took longer than 10 s", None),
        ("dns", "name not found", None),
        ("tls", "certificate expired", None),
        ("status", "answered 500", 500),
    )
    for number in range(90):
        made = newest - timedelta(minutes=11 * number + 5)
        kind, message, code = errors[number % 4]
        error = {"kind": kind, "message": message, "status_code": code}
        bad = number % 7 == 3
        history = [
            stored_attempt(1, made, status_code=code, duration_ms=10_004, error=error)
            if bad or number % 9 == 5
            else stored_attempt(1, made, duration_ms=18 + number % 60)
        ]
        if number % 9 == 5 and not bad:
            history.append(stored_attempt(2, made + timedelta(minutes=1)))
        yield stored_sendout(
            f"whs_{number:03}",
            made,
            *history,
            status="FAILED" if bad else "SENT",
            event_type=types[number % 4],
            endpoint_id="we_crm" if number % 5 == 4 else "we_shop",
            target_url="https://hooks.shop.example/daybook",
            group_id=f"req-log-{number:03}",
            entity_id=f"SPRING-{number:04}",
        )
    tried = [
        stored_attempt(
            number,
            newest - timedelta(minutes=8 - number),
            trigger=trigger,
            status_code=500 if number == 2 else None,
            duration_ms=10_002 if number != 2 else 31.5,
            error={"kind": "timeout", "message": message, "status_code": None},
            response_headers=[["server", "nginx"]] if number == 2 else None,
            response_body=(
                {"text": "Internal error", "encoding": "utf-8", "truncated": False}
                if number == 2
                else None
            ),
        )
        for number, trigger, message in (
            (1, "first", "took longer than 10 s"),
            (2, "retry", "answered 500"),
            (4, "manual", "connection refused"),
        )
    ]
    yield stored_sendout(
        "whs_retrying",
        newest - timedelta(minutes=9),
        *tried,
        status="RETRYING",
        event_type="voucher.created",
        endpoint_id="we_shop",
        target_url="https://hooks.shop.example/daybook",
        group_id="req-log-002",
        entity_id="SPRING-0001",
        event_source={"channel": "API", "user": {"email": "mira2@shop.example"}},
        payload='{"code":"SPRING-0001","amount":10.00,"tags":["a","b"],"n":{}}',
        next_attempt_at=newest + timedelta(minutes=90),
    )
    yield stored_sendout(
        "whs_scheduled", newest, status="SCHEDULED", endpoint_id="we_shop"
    )
    yield stored_sendout(
        "whs_held",
        newest - timedelta(minutes=2),
        status="HELD",
        endpoint_id="we_crm",
    )
    said = {"kind": "status", "message": EXACT_TEXT, "status_code": 500}
    yield stored_sendout(
        "whs_hostile",
        newest - timedelta(minutes=1),
        stored_attempt(
            1,
            newest,
            status_code=500,
            error=said,
            response_headers=[[HOSTILE, "x" * 5000]],
            response_body={"text": EXACT_BODY, "encoding": "utf-8", "truncated": True},
        ),
        status="FAILED",
        event_type=HOSTILE,
        endpoint_id="we_hostile",
        target_url=f"https://shop.example/{'A' * 2000}",
        event_id="\u202emoc.elpmaxe@live",
        entity_id=HOSTILE * 3,
        payload=EXACT_BODY,
    )


def _store_webhooks(database: Database[Document], newest: datetime) -> None:
    database["sendouts"].create_indexes(list(SENDOUT_INDEXES))
    database["sendouts"].insert_many(list(_sendouts(newest)))
    database["webhook_endpoints"].insert_many(list(_endpoints(newest)))
    gone = {"at": newest - timedelta(hours=5), "reason": "answered 410 Gone"}
    database["endpoint_health"].insert_one({"_id": "shop/we_crm", "disabled": gone})


_EXPORTED = {
    "id": "text",
    "created_at": "time",
    "status": "text",
    "endpoint": "text",
    "user_email": "text",
    "request_duration": "number",
    "request_body": "text",
    "response_body": "text",
}
_FAILURES: Document = {
    "junction": "and",
    "status": {"conditions": {"$in": ["FAILURE"]}},
    "created_at": {"conditions": {"$more_than_equal": ["2026-11-20T00:00:00+00:00"]}},
}


def _exported_row(number: int, newest: datetime) -> Document:
    hostile = number == 1
    return {
        "id": f"log-{number:03}",
        "created_at": newest - timedelta(minutes=5 * number),
        "status": "FAILURE",
        "endpoint": HOSTILE if hostile else "POST /v1/vouchers/{code}/redemption",
        "user_email": f"mira{number % 9}@shop.example" if number % 3 else None,
        "request_duration": 12.5 * (number % 40) + 1,
        "request_body": f'{{"order":{number},"amount":1.00,"lines":[1,2]}}',
        "response_body": EXACT_BODY if hostile else '{"error":"' + "x" * 900 + '"}',
    }


def _store_exports(
    database: Database[Document], objects: Path, newest: datetime
) -> None:
    """One in each state, one that strangers wrote, and many that are done."""

    def export(export_id: str, minutes: float, **fields: Any) -> Document:
        at = newest - timedelta(minutes=minutes)
        parameters = {
            "response_format": "CSV",
            "fields": list(_EXPORTED),
            "order": "-created_at",
            "filters": _FAILURES,
        }
        rows: list[Document] = fields.pop("held", [])
        values: Document = {
            "id": export_id,
            "created_at": at,
            "started_at": at,
            "parameters": parameters,
            "finished_at": at + timedelta(minutes=1),
            "announced": True,
            **fields,
        }
        return store_export(objects, _EXPORTED, [rows], **values)

    def open_export(export_id: str, minutes: float, **fields: Any) -> Document:
        made = export(export_id, minutes) | {"rows": 0, "bytes": 0} | fields
        for name in ("finished_at", "expires_at", "announced"):
            del made[name]
        return made

    done = export("exp_done", 9, held=[_exported_row(n, newest) for n in range(120)])
    text = b"id\r\nlog-000\r\n"
    (objects / text_part(done, done["parts"][0])).write_bytes(text)
    done["parts"][0]["bytes"] = len(text)
    running = open_export(
        "exp_running",
        1,
        status="IN_PROGRESS",
        rows=412_000,
        expected_rows=1_000_000,
        bytes=181_000_000,
    )
    why = "The object storage did not answer for 10 minutes."
    stopped: Document = {"status": "ERROR", "rows": 0, "bytes": 0, "parts": []}
    recorded = {"channel": "crm", "exported_object": "voucher"}
    stranger = {"response_format": None, "recorded": orjson.dumps({}).decode()}
    database["exports"].create_indexes(list(EXPORT_INDEXES))
    database["exports"].insert_many(
        [
            open_export("exp_waiting", 0.5, status="SCHEDULED", channel="WEBSITE"),
            running,
            done,
            export("exp_failed", 20, error={"message": why}) | stopped,
            export("exp_cancelled", 25, cancelled=True) | stopped,
            export("exp_expired", 200_000, expires_at=newest - timedelta(days=49)),
            export(
                "exp_foreign",
                40,
                recorded={"url": "https://crm.example/files/vouchers.csv", "rows": 7},
                **{**recorded, "parameters": stranger},
            ),
            export(
                "exp_hostile",
                41,
                channel=HOSTILE,
                exported_object=HOSTILE,
                user_id=f"{HOSTILE}\u202e",
                recorded={"url": f"javascript:alert(1)//{'A' * 900}"},
                parameters={
                    "recorded": orjson.dumps(
                        {"fields": [HOSTILE], "filters": {HOSTILE: {"conditions": {}}}}
                    ).decode()
                },
            ),
            *(export(f"exp_{number:02}", 60 + number) for number in range(50)),
        ]
    )


@pytest.fixture(scope="session")
def dashboard(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    """The service as a process of its own, beside the browser's."""
    name = f"test_{uuid4().hex[:12]}"
    now = utc_now()
    stored, key = make_key("shop", "tests", now=now, randomness=system_randomness)
    with MongoClient[Document](mongodb_uri) as client:
        logs = client[name]["logs"]
        logs.create_indexes(list(INDEXES))
        newest = datetime.now(UTC)
        logs.insert_many(list(_logs(newest)))
        _store_tasks(client[name], newest)
        _store_webhooks(client[name], newest)
        client[name]["api_keys"].insert_one(
            {
                "_id": stored.id,
                "project_id": "shop",
                "name": "tests",
                "secret_sha256": stored.secret_sha256,
                "created_at": now,
            }
        )
        log = tmp_path_factory.mktemp("query") / "log"
        objects = tmp_path_factory.mktemp("objects")
        _store_exports(client[name], objects, newest)
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "query"],
                stderr=output,
                env={
                    **os.environ,
                    "MONGODB_URI": mongodb_uri,
                    "DAYBOOK_MONGODB_DATABASE": name,
                    "DAYBOOK_PORT": "0",
                    "DAYBOOK_SESSION_SECRET": SECRET,
                    "DAYBOOK_STORAGE_URL": str(objects),
                    "DAYBOOK_BROWSE_CACHE": str(objects / "cache"),
                    "DAYBOOK_SEALING_KEYS": SEALING_KEYS,
                },
            )
            try:
                address = _address(process, log)
                link = sign_in_link(
                    Signer(SECRET, utc_now),
                    address,
                    key_id=stored.id,
                    project_id="shop",
                )
                yield Dashboard(address, link, key, client[name])
            finally:
                process.terminate()
                process.wait(timeout=10)
                client.drop_database(name)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = re.search(r"running on (http://[0-9.:]+)", log.read_text())
        if found is not None and httpx.get(f"{found[1]}/readyz").is_success:
            return found[1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"the service did not start:\n{log.read_text()}")


@pytest.fixture
def browse(browser: Browser, dashboard: Dashboard) -> Iterator[Callable[..., Page]]:
    """Opens a signed-in browser's page, by the options of a browser context."""
    contexts: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(dashboard.sign_in)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(browse: Callable[..., Page], request: pytest.FixtureRequest) -> Page:
    """A signed-in browser's page."""
    return browse(java_script_enabled=request.param)


@pytest.fixture
def keep_screenshot() -> Callable[[Page, str], None]:
    """Keeps what the browser shows under ``.daybook/screenshots``."""

    def keep(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")

    return keep
