"""Columns of values as one Arrow table, typed as every part is."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

JSON = {b"daybook": b"json"}
_TYPES: Mapping[str, Any] = {
    "text": pa.string(),
    "time": pa.timestamp("ms", "UTC"),
    "integer": pa.int64(),
    "number": pa.float64(),
    "json": pa.string(),
}


def schema_of(types: Mapping[str, str], fields: Sequence[str]) -> Any:
    """The schema of an export's parts; ``types``: field → text, time, integer …"""
    return pa.schema(
        [
            pa.field(
                name,
                _TYPES[types[name]],
                metadata=JSON if types[name] == "json" else None,
            )
            for name in fields
        ]
    )


def is_json(field: Any) -> bool:
    """Whether a column of text holds JSON."""
    return bool(field.metadata) and JSON.items() <= field.metadata.items()


def table_of(schema: Any, columns: Sequence[Sequence[Any]]) -> Any:
    """The columns as a table of the schema; what has another type is brought to it."""
    return pa.Table.from_arrays(
        [
            _array(values, field.type)
            for values, field in zip(columns, schema, strict=True)
        ],
        schema=schema,
    )


def _array(values: Sequence[Any], kind: Any) -> Any:
    try:
        # NaN is what no value is.
        return pa.array(values, type=kind, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):
        # A value of another type than the field's is rare: then each is looked at.
        convert = _CONVERSIONS[str(kind)]
        converted = [_converted(one, convert) for one in values]
        return pa.array(converted, type=kind, from_pandas=True)


def _converted(value: Any, convert: Callable[[Any], Any]) -> Any:
    try:
        return None if value is None else convert(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _whole(value: Any) -> int | None:
    number = round(value)
    return number if -(2**63) <= number < 2**63 else None


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    str(pa.string()): _text,
    str(pa.timestamp("ms", "UTC")): _time,
    str(pa.int64()): _whole,
    str(pa.float64()): float,
}
