"""Which headers an endpoint may have of its own."""

import pytest
from daybook.webhooks.headers import why_refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Api-Key", "s3cret"),
        ("Authorization", "Bearer abc.def"),
        ("User-Agent", "ours"),
        ("x", ""),
        ("x", "a b\tc"),
    ],
)
def test_an_endpoint_has_headers_of_its_own(name: str, value: str) -> None:
    assert why_refused(name, value) is None


@pytest.mark.parametrize(
    "name",
    [
        *("webhook-id", "Webhook-Signature", "WEBHOOK-TIMESTAMP", "webhook-x"),
        *("Host", "Content-Length", "content-type", "Transfer-Encoding", "connection"),
        *("TE", "Trailer", "Upgrade", "Expect", "Proxy-Authorization", "Keep-Alive"),
        *("traceparent", "TraceState"),
    ],
)
def test_daybooks_own_are_not_overridden(name: str) -> None:
    assert why_refused(name, "x") == f"{name} is set by Daybook itself"


@pytest.mark.parametrize("name", ["", "a b", "a:b", ":path", "ä", "a\n", "a\r\nb"])
def test_a_name_is_a_token(name: str) -> None:
    assert "is not the name" in (why_refused(name, "x") or "")


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\n", "\x00", "ä", " a", "a "])
def test_a_value_cannot_end_its_line(value: str) -> None:
    assert "printable ASCII" in (why_refused("x", value) or "")


def test_a_value_is_bounded() -> None:
    assert "longer" in (why_refused("x", "a" * 5000) or "")
