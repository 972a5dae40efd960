"""What a host may configure: who made a request, what is skipped, what is withheld."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from daybook.events.base import Event
from daybook.events.request import ApiKey, Resource, User
from daybook.integrations.asgi import (
    DaybookMiddleware,
    Exchange,
    Identity,
    Message,
    Receive,
    Scope,
    Send,
    Skip,
)
from daybook.testing.recording import RecordingPublisher
from daybook.testing.scripted import Answering, body, start

CallAsgi = Callable[..., list[Message]]


def at_x(exchange: Exchange) -> bool:
    return exchange.path == "/x"


def test_identify_says_who_and_what(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    def identify(exchange: Exchange) -> Identity:
        assert exchange.status_code == 200
        assert exchange.headers["x-app-token"] == "secret"
        return Identity(
            user=User(id="u1"),
            api_key=ApiKey(id="k1", kind="client"),
            channel="CLIENT_API",
            project_id="other",
            task_id="t1",
            import_file_id="f1",
            resource=Resource(type="campaign", id=exchange.native["state"]["camp"]),
        )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["camp"] = "c1"
        await send(start())
        await send(body())

    call_asgi(
        DaybookMiddleware(app, publisher, project_id="p1", identify=identify),
        headers={"x-app-token": "secret"},
    )

    event = publisher.only
    assert publisher.calls[0].project_id == "other"
    assert event.user == User(id="u1")
    assert event.api_key == ApiKey(id="k1", kind="client")
    assert (event.channel, event.task_id) == ("CLIENT_API", "t1")
    assert event.import_file_id == "f1"
    assert event.resource == Resource(type="campaign", id="c1")


def test_a_callable_that_fails_costs_no_log_and_is_said_once_a_minute(
    publisher: RecordingPublisher,
    call_asgi: CallAsgi,
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]

    def failing(exchange: Exchange) -> Any:
        raise LookupError(exchange.path)

    app = DaybookMiddleware(
        Answering(start(), body(b"x")),
        publisher,
        identify=failing,
        skip=failing,
        stopwatch=lambda: now[0],
    )

    with caplog.at_level(logging.WARNING, "daybook"):
        for now[0] in (0.0, 1.0, 59.0, 61.0):
            assert len(call_asgi(app)) == 2

    assert len(publisher.calls) == 4
    said = [record.getMessage() for record in caplog.records]
    assert len([text for text in said if "identifying" in text]) == 2
    assert "2 more times" in said[-1]


def test_an_answer_of_the_wrong_type_costs_no_log(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    def wrong(exchange: Exchange) -> Any:
        return {"user": exchange.path}

    call_asgi(DaybookMiddleware(Answering(start(), body()), publisher, identify=wrong))

    assert publisher.only.status_code == 200


def test_a_publisher_that_fails_reaches_nobody(call_asgi: CallAsgi) -> None:
    class Failing:
        def publish(self, event: Event, **_: Any) -> None:
            raise RuntimeError

    sent = call_asgi(DaybookMiddleware(Answering(start(), body(b"x")), Failing()))

    assert len(sent) == 2


def test_a_fault_of_redaction_withholds_everything(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    broken: Any = object()
    app = DaybookMiddleware(
        Answering(start(), body(b'{"password":"hunter2"}')), publisher, redactor=broken
    )

    assert len(call_asgi(app, query_string=b"token=hunter2")) == 2

    assert "hunter2" not in publisher.only.model_dump_json()
    assert publisher.only.status_code == 200


@pytest.mark.parametrize(
    ("skip", "path", "skipped"),
    [
        (Skip(paths=["/health"]), "/health", True),
        (Skip(paths=["/health/"]), "/health/db", True),
        (Skip(paths=["/health"]), "/healthy", False),
        (Skip(paths=["/static/*.css"]), "/static/a/b.css", True),
        (Skip(paths=["/static/*.css"]), "/static/a.js", False),
        (Skip(methods=["get"]), "/x", True),
        (Skip(methods=["POST"]), "/x", False),
        (Skip(when=at_x), "/x", True),
        (at_x, "/x", True),
        (at_x, "/y", False),
    ],
)
def test_skip_rules(
    publisher: RecordingPublisher,
    call_asgi: CallAsgi,
    skip: Skip | Callable[[Exchange], bool],
    path: str,
    skipped: bool,
) -> None:
    app = DaybookMiddleware(Answering(start(), body()), publisher, skip=skip)

    assert len(call_asgi(app, path=path)) == 2

    assert len(publisher.calls) == (0 if skipped else 1)


@pytest.mark.parametrize(
    ("trusted", "address"),
    [(0, "203.0.113.9"), (1, "10.0.0.2"), (2, "198.51.100.7"), (9, "6.6.6.6")],
)
def test_forwarded_addresses_count_only_as_far_as_trusted(
    publisher: RecordingPublisher, call_asgi: CallAsgi, trusted: int, address: str
) -> None:
    app = DaybookMiddleware(
        Answering(start(), body()), publisher, trusted_proxies=trusted
    )

    call_asgi(app, headers={"x-forwarded-for": "6.6.6.6, 198.51.100.7, 10.0.0.2"})

    assert publisher.only.client_ip == address


@pytest.mark.parametrize(
    ("scope", "url"),
    [
        ({"root_path": "/api", "path": "/api/x", "raw_path": b"/api/x"}, "/api/x"),
        ({"root_path": "/api", "path": "/x", "raw_path": b"/x"}, "/api/x"),
        ({"path": "/é x", "raw_path": None}, "/%C3%A9%20x"),
        ({"query_string": b"a=%zz&b"}, "/p?a=%zz&b"),
    ],
)
def test_the_url_is_as_the_client_asked_for_it(
    publisher: RecordingPublisher, call_asgi: CallAsgi, scope: Scope, url: str
) -> None:
    call_asgi(DaybookMiddleware(Answering(start(), body()), publisher), **scope)

    assert publisher.only.url == "http://shop.test:80" + url
