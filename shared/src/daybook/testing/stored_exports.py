"""Exports as the exporter leaves them, with columnar parts, for what browses them."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from daybook.storage.exports import KEPT_FILES, columns_part

Document = dict[str, Any]

_TYPES: Mapping[str, Any] = {
    "text": pa.string(),
    "time": pa.timestamp("ms", "UTC"),
    "integer": pa.int64(),
    "number": pa.float64(),
    "json": pa.string(),
}
_ROW_GROUP = 10_000


def store_export(
    folder: Path,
    types: Mapping[str, str],
    parts: Iterable[Sequence[Mapping[str, Any]]],
    *,
    finished_at: datetime,
    **fields: Any,
) -> Document:
    """Write an export's columnar parts below ``folder`` and return its document.

    ``types`` are the columns in order: text, time, integer, number or json; ``parts``
    the rows of each part. ``fields`` replace what the document has.
    """
    export: Document = {
        "project_id": "shop",
        "id": "exp_1",
        "created_at": finished_at,
        "updated_at": finished_at,
        "status": "DONE",
        "channel": "API",
        "exported_object": "api_log",
        "parameters": {
            "response_format": "CSV",
            "fields": list(types),
            "order": "-created_at",
            "filters": {},
        },
        "claim": 1,
        "finished_at": finished_at,
        "expires_at": finished_at + KEPT_FILES,
        "has_files": True,
        "announced": True,
        **fields,
    }
    export["_id"] = f"{export['project_id']}/{export['id']}"
    written = [
        _written(folder, export, number, _table(types, rows))
        for number, rows in enumerate(parts)
    ]
    return export | {
        "parts": written,
        "rows": sum(part["rows"] for part in written),
        "bytes": sum(part["bytes"] for part in written),
    }


def logs_to_browse(
    rows: int, *, newest: datetime, bodies: bool, rows_a_part: int = 50_000
) -> tuple[Mapping[str, str], Iterator[Sequence[Mapping[str, Any]]]]:
    """Columns and parts of a large export of logs; always the same, and in no cache."""
    types = dict(_LOG_TYPES)
    if bodies:
        types |= {"request_body": "text", "response_body": "text"}

    def parts() -> Iterator[Sequence[Mapping[str, Any]]]:
        chance = random.Random(7)  # noqa: S311 - made-up logs are no secret
        for start in range(0, rows, rows_a_part):
            numbers = range(start, min(start + rows_a_part, rows))
            yield [
                {name: made[name] for name in types}
                for made in (_log(chance, newest, number) for number in numbers)
            ]

    return types, parts()


def _written(folder: Path, export: Document, number: int, table: Any) -> Document:
    part: Document = {"number": number, "claim": 1, "rows": table.num_rows}
    path = folder / columns_part(export, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, compression="zstd", row_group_size=_ROW_GROUP)
    size = path.stat().st_size
    return {**part, "bytes": size, "columns_bytes": size}


def _table(types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> Any:
    schema = pa.schema(
        [
            pa.field(
                name,
                _TYPES[kind],
                metadata={b"daybook": b"json"} if kind == "json" else None,
            )
            for name, kind in types.items()
        ]
    )
    return pa.Table.from_pylist(list(rows), schema=schema)


_LOG_TYPES: Mapping[str, str] = {
    "id": "text",
    "request_id": "text",
    "created_at": "time",
    "method": "text",
    "endpoint": "text",
    "url": "text",
    "status": "text",
    "status_code": "integer",
    "channel": "text",
    "request_duration": "number",
    "user_id": "text",
    "user_email": "text",
    "app_id": "text",
    "client_app_id": "text",
    "client_ip": "text",
    "user_agent": "text",
}
_RESOURCES = ("vouchers", "orders", "customers", "campaigns", "redemptions")
_AGENTS = ("Mozilla/5.0 (X11; Linux)", "curl/8", "voucherify-sdk/2.9")


def _log(chance: random.Random, newest: datetime, number: int) -> Document:
    method = chance.choice(("GET", "POST", "PUT", "DELETE"))
    resource = chance.choice(_RESOURCES)
    code = chance.choice((200, 200, 200, 201, 404, 500))
    user = chance.randrange(5_000)
    known = user % 2 == 0
    return {
        "id": f"019abc{number:08x}-{_hexadecimal(chance, 16)}",
        "request_id": f"req-{_hexadecimal(chance, 24)}",
        "created_at": newest - timedelta(milliseconds=80 * number),
        "method": method,
        "endpoint": f"{method} /v1/{resource}/{{id}}",
        "url": f"https://shop.example/v1/{resource}/{_hexadecimal(chance, 12)}",
        "status": "FAILURE" if code >= 400 else "SUCCESS",
        "status_code": code,
        "channel": chance.choice(("API", "CLIENT_API", "USER_PORTAL")),
        "request_duration": round(chance.random() * 300, 3),
        "user_id": f"u-{user}" if known else None,
        "user_email": f"person{user}@shop.example" if known else None,
        "app_id": f"key-{user % 20}",
        "client_app_id": None,
        "client_ip": f"10.{chance.randrange(256)}.{chance.randrange(256)}.7",
        "user_agent": chance.choice(_AGENTS),
        "request_body": _body(chance),
        "response_body": _body(chance),
    }


def _body(chance: random.Random) -> str:
    items = ",".join(
        f'{{"sku":"{_hexadecimal(chance, 8)}","quantity":{chance.randrange(9)}}}'
        for _ in range(6)
    )
    return (
        f'{{"code":"{_hexadecimal(chance, 16)}","amount":{chance.randrange(100_000)},'
        f'"items":[{items}],"note":"{_hexadecimal(chance, 60)}"}}'
    )


def _hexadecimal(chance: random.Random, digits: int) -> str:
    return f"{chance.getrandbits(4 * digits):0{digits}x}"


def stored_row(name: str, n: int | None = None, body: str | None = None) -> Document:
    """A row of an export with an id, a number and a request body."""
    return {"id": name, "n": n, "request_body": body}
