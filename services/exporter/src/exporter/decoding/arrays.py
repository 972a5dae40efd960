"""Values of a walk as Arrow arrays; what is missing is null."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportAttributeAccessIssue=false, reportUnknownArgumentType=false

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from exporter.decoding.lockstep import (
    DOUBLE,
    INTEGER,
    LONG,
    TEXT,
    TIME,
    Offsets,
    Unlike,
    Values,
    Walked,
)

# In milliseconds: what a calendar holds, from the year 1 to 9999.
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999


def array(walked: Walked, path: str, kind: Any) -> Any:
    """The values at a path, one a document; ``kind``: the array's type.

    Raises :class:`Unlike` where one is of another type.
    """
    return _ARRAYS[str(kind)](walked, walked.found.get(path, ()))


def _texts(walked: Walked, found: Sequence[Values]) -> Any:
    if not found:
        return pa.nulls(walked.count, pa.string())
    rows, at = _in_order(found, TEXT)
    # Every second one is a value, the others are what stands between: an array over
    # the documents' own bytes, from which Arrow copies those that are taken.
    bounds = np.empty(2 * len(at), np.int32)
    bounds[0::2] = at + 4
    bounds[1::2] = at + 3 + walked.bytes.integers[at]
    spans = pa.StringArray.from_buffers(
        len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(walked.bytes.raw)
    )
    chosen = np.zeros(walked.count, np.int32)
    chosen[rows] = np.arange(0, len(bounds), 2, dtype=np.int32)
    return spans.take(pa.array(chosen, mask=_missing(walked, rows)))


def _times(walked: Walked, found: Sequence[Values]) -> Any:
    values = np.zeros(walked.count, np.int64)
    missing = np.ones(walked.count, np.bool_)
    for one in found:
        if one.kind != TIME:
            raise Unlike
        values[one.rows] = walked.bytes.longs[one.at]
        missing[one.rows] = False
    missing |= (values < _FIRST_MS) | (values > _LAST_MS)
    return pa.array(values, mask=missing).view(pa.timestamp("ms", "UTC"))


def _integers(walked: Walked, found: Sequence[Values]) -> Any:
    values = np.zeros(walked.count, np.int64)
    missing = np.ones(walked.count, np.bool_)
    for one in found:
        values[one.rows] = _whole(walked, one)
        missing[one.rows] = False
    return pa.array(values, mask=missing)


def _numbers(walked: Walked, found: Sequence[Values]) -> Any:
    values = np.full(walked.count, np.nan)
    for one in found:
        if one.kind == DOUBLE:
            values[one.rows] = walked.bytes.doubles[one.at]
        else:
            values[one.rows] = _whole(walked, one)
    # NaN is what no value is.
    return pa.array(values, mask=np.isnan(values))


def _whole(walked: Walked, one: Values) -> Any:
    if one.kind == INTEGER:
        return walked.bytes.integers[one.at]
    if one.kind == LONG:
        return walked.bytes.longs[one.at]
    raise Unlike


def _in_order(found: Sequence[Values], kind: int) -> tuple[Offsets, Offsets]:
    if any(one.kind != kind for one in found):
        raise Unlike
    if len(found) == 1:
        return found[0].rows, found[0].at
    rows = np.concatenate([one.rows for one in found])
    at = np.concatenate([one.at for one in found])
    order = np.argsort(rows, kind="stable")
    return rows[order], at[order]


def _missing(walked: Walked, rows: Offsets) -> Any:
    if len(rows) == walked.count:
        return None
    missing = np.ones(walked.count, np.bool_)
    missing[rows] = False
    return missing


_ARRAYS: Mapping[str, Callable[[Walked, Sequence[Values]], Any]] = {
    str(pa.string()): _texts,
    str(pa.timestamp("ms", "UTC")): _times,
    str(pa.int64()): _integers,
    str(pa.float64()): _numbers,
}
