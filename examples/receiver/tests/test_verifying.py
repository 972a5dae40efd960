"""Whose webhooks the receiver takes for good."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from daybook.testing.receiver_run import ReceiverRun
from receiver.verifying import Secrets

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
OTHER = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
BODY = '{"n": 1.00, "s": "🎟️"}'.encode()

Sign = Callable[..., dict[str, str]]


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_each_secret_of_a_rotation_verifies(sign: Sign, secret: str) -> None:
    headers = sign("whs_1", BODY, secret=secret)

    assert Secrets((OLD, NEW)).why_not(headers, BODY) is None


def test_one_good_signature_of_two_is_enough(sign: Sign) -> None:
    headers = sign("whs_1", BODY, secret=NEW)
    other = sign("whs_1", BODY, secret=OTHER)["webhook-signature"]
    headers["webhook-signature"] = f"v1a,AAAA {other} {headers['webhook-signature']}"

    assert Secrets((OLD, NEW)).why_not(headers, BODY) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"webhook-signature": "v1,AAAA"}, "No matching signature"),
        ({"webhook-signature": "v1a,AAAA"}, "No matching signature"),
        ({"webhook-signature": "nonsense"}, "malformed"),
        ({"webhook-signature": ""}, "Missing required headers"),
        ({"webhook-timestamp": "noon"}, "Invalid Signature Headers"),
        ({"webhook-id": "whs_2"}, "No matching signature"),
    ],
)
def test_a_signature_that_is_not_good_is_told_why(
    sign: Sign, change: dict[str, str], words: str
) -> None:
    headers = sign("whs_1", BODY, secret=OLD) | change

    assert words in (Secrets((OLD, NEW)).why_not(headers, BODY) or "")


@pytest.mark.parametrize("body", [BODY + b" ", BODY.replace(b"1.00", b"1.0"), b""])
def test_a_body_that_was_touched_is_not_good(sign: Sign, body: bytes) -> None:
    reason = Secrets((OLD,)).why_not(sign("whs_1", BODY, secret=OLD), body)

    assert reason == "No matching signature found"


def test_what_is_no_text_is_not_good(sign: Sign) -> None:
    reason = Secrets((OLD,)).why_not(sign("whs_1", BODY), b"\xff")

    assert reason == "the signature or the body is malformed"


@pytest.mark.parametrize(
    ("minutes", "words"), [(-6, "too old"), (6, "too new"), (-4, None), (4, None)]
)
def test_five_minutes_are_tolerated(
    sign: Sign, minutes: int, words: str | None
) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)

    reason = Secrets((OLD,)).why_not(sign("whs_1", BODY, at=at), BODY)

    assert (reason is None) if words is None else (words in (reason or ""))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "no secret is known"),
        (("whsec_é",), "not base64"),
        (("whsec_",), "not base64"),
    ],
)
def test_without_a_secret_nothing_is_good(
    sign: Sign, given: tuple[str, ...], words: str
) -> None:
    assert words in (Secrets(given).why_not(sign("whs_1", BODY), BODY) or "")


def test_no_secret_is_shown() -> None:
    assert OLD not in repr(Secrets((OLD,)))


async def test_a_bad_signature_is_told_by_answer_and_ledger(
    receiver: ReceiverRun, sign: Sign
) -> None:
    bad = sign("whs_1", BODY, secret=OTHER)
    for path in ("/hooks/verified", "/hooks/ok"):
        await receiver.http.post(path, content=BODY, headers=bad)
    refused = await receiver.http.post("/hooks/verified", content=BODY, headers=bad)

    assert (refused.status_code, refused.text) == (401, "No matching signature found")
    entries = await receiver.entries()
    assert [entry["answered"] for entry in entries] == [401, 200, 401]
    assert [entry["verified"] for entry in entries] == [False] * 3
    assert {entry["reason"] for entry in entries} == {"No matching signature found"}


async def test_a_file_of_secrets_may_come_and_change_while_it_runs(
    start_receiver: Callable[..., Awaitable[ReceiverRun]], sign: Sign
) -> None:
    receiver = await start_receiver(RECEIVER_SECRETS="")

    async def answers(*secrets: str) -> list[int]:
        return [
            (
                await receiver.http.post(
                    "/hooks/verified",
                    content=BODY,
                    headers=sign("whs_1", BODY, secret=secret),
                )
            ).status_code
            for secret in secrets
        ]

    assert await answers(OLD) == [401]
    receiver.secrets_file.write_text(f"{OLD}\n", "utf-8")
    assert await answers(OLD, NEW) == [200, 401]
    receiver.secrets_file.write_text(f"{NEW}\n{OLD}\n", "utf-8")
    assert await answers(OLD, NEW) == [200, 200]
    receiver.secrets_file.write_text(f"{NEW}\n", "utf-8")
    assert await answers(OLD, NEW) == [401, 200]
