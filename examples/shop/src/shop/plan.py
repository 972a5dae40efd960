"""What the traffic asks for: varied, and the same for the same seed."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from urllib.parse import urlencode

USERS = [
    ("cust_1", "ann@example.com"),
    ("cust_2", "نور@example.com"),
    ("cust_3", "李雷@example.com"),
    ("cust_4", "zoë@example.com"),
]
WORDS = [
    "summer sale",
    "🎉 zwei zum Preis von einem 🎟️",
    "خصم على كل شيء",
    "מבצע סוף עונה",
    "夏のセール",
    "👩‍👩‍👧‍👦 family & friends",
]
KEY = {"x-app-id": "shop-server", "x-app-token": "s3cret"}
CSV = "text/csv; charset=utf-8"
WEB = {"x-app-id": "shop-web", "x-app-token": "pub1ic"}
# Numbers and repeated keys that a JSON parser would change on their way through.
EXACT = (
    b'{"order": 12345678901234567890123, "price": 1.00, "price": 1.10, "b": 1, "a": 2}'
)


# At four requests a second an import each half minute, the first soon after the start.
IMPORT_EVERY, IMPORT_FIRST = 120, 8


@dataclass(frozen=True, slots=True)
class Step:
    """One request; ``patience_s`` is when its client hangs up."""

    method: str
    path: str
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    patience_s: float = 10.0


def steps(random: Random) -> Iterator[Step]:
    """Requests without end, for a shop of any age."""
    codes: list[str] = ["WELCOME"]
    makers = [
        (6, lambda: _create_voucher(random, codes)),
        (6, lambda: _get(f"/v1/vouchers/{random.choice(codes)}")),
        (4, lambda: _redeem(random.choice(codes))),
        (3, lambda: _get(f"/v1/vouchers?limit={random.randint(1, 100)}", WEB)),
        (2, lambda: _create_campaign(random)),
        (2, lambda: _get("/v1/vouchers.ndjson")),
        (2, lambda: _get(f"/v1/vouchers/{_code(random)}")),  # hardly there: 404
        (1, lambda: _again(codes)),  # 409
        (1, lambda: _get("/v1/vouchers", {**KEY, "x-app-token": "guessed"})),  # 401
        (1, lambda: _json("POST", "/v1/vouchers", b'{"code": "HALF", "disc')),  # 400
        (1, lambda: _get("/v1/reports/broken")),  # 500
        (1, lambda: _hang_up(random)),
        (1, lambda: _log_in(random)),
        (4, lambda: _echo(random)),
    ]
    weights = [weight for weight, _ in makers]
    for number in count():
        if number % IMPORT_EVERY == IMPORT_FIRST:
            step = _import(random, codes)
        else:
            make = random.choices(makers, weights)[0][1]
            step = make()
        user, email = random.choice(USERS)
        # Header values are bytes on the wire; these are UTF-8, as browsers send them.
        step.headers.update({"x-user-id": user, "x-user-email": email})
        yield step


def _code(random: Random) -> str:
    return f"{random.choice(['SUMMER', 'VIP', 'HELLO'])}-{random.randrange(16**6):06X}"


def _get(path: str, headers: dict[str, str] = KEY) -> Step:
    return Step("GET", path, headers=dict(headers))


def _json(method: str, path: str, content: bytes) -> Step:
    return Step(method, path, content, {**KEY, "content-type": "application/json"})


def _create_voucher(random: Random, codes: list[str]) -> Step:
    code = _code(random)
    codes.append(code)
    del codes[:-200]
    voucher = {
        "code": code,
        "discount": random.randint(1, 100),
        "redemptions": random.randint(1, 3),
        "metadata": {"note": random.choice(WORDS), "secret": "do not tell"},
    }
    content = json.dumps(voucher, ensure_ascii=random.random() < 0.5).encode()
    return _json("POST", "/v1/vouchers", content)


def _again(codes: list[str]) -> Step:
    again = {"code": codes[-1], "discount": 5}
    return _json("POST", "/v1/vouchers", json.dumps(again).encode())


def _import(random: Random, codes: list[str]) -> Step:
    """A CSV, of which some take 20 s and some have faults."""
    size = random.choice([30, 150, 400, 2_000])
    rows = [f"{_code(random)},{random.randint(1, 100)}" for _ in range(size)]
    if random.random() < 0.6:
        for _ in range(random.randint(1, 12)):
            place = random.randrange(size)
            code = rows[place].partition(",")[0]
            rows[place] = random.choice(
                [
                    f"{random.choice(codes)},10",  # most of them are there already
                    rows[place - 1],
                    f"{code},ten",
                    f"{code},{random.randint(101, 999)}",
                    f"{code} 🎟️,10",
                    f"{code}",
                ]
            )
    content = "\n".join(["code,discount", *rows, ""]).encode()
    return Step("POST", "/v1/vouchers/import", content, {**KEY, "content-type": CSV})


def _redeem(code: str) -> Step:
    return Step("POST", f"/v1/vouchers/{code}/redemption", headers=dict(KEY))


def _create_campaign(random: Random) -> Step:
    content = json.dumps({"name": random.choice(WORDS)}, ensure_ascii=False).encode()
    return _json("POST", "/v1/campaigns", content)


def _hang_up(random: Random) -> Step:
    return Step(
        "GET",
        "/v1/reports/slow",
        headers=dict(KEY),
        patience_s=random.uniform(0.3, 1.0),
    )


def _log_in(random: Random) -> Step:
    password = random.choice(["correct horse", "hunter2"])
    form = {"username": random.choice(USERS)[1], "password": password}
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return Step("POST", "/v1/login", urlencode(form).encode(), kind)


def _echo(random: Random) -> Step:
    size = random.choice([0, 1, 100, 1_000, 10_000, 65_536, 65_537, 200_000])
    text = (random.choice(WORDS) + "\n") * (size // 16 + 1)
    plain = "text/plain; charset=utf-8"
    kind, content = random.choice(
        [
            (plain, text.encode()[:size].decode("utf-8", "ignore").encode()),
            ("application/json", EXACT),
            ("application/json", b'{"emoji": "\\ud83d", "open": [1, 2'),
            ("application/octet-stream", random.randbytes(size)),
            (plain, gzip.compress(text.encode(), mtime=0)),
        ]
    )
    headers = {**KEY, "content-type": kind}
    if content.startswith(b"\x1f\x8b") and kind == plain:
        headers["content-encoding"] = "gzip"
    return Step("POST", "/echo", content, headers)
