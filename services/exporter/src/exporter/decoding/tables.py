"""A group's documents as one table: side by side where they are alike, else in turn."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportAttributeAccessIssue=false

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from exporter.decoding.arrays import array
from exporter.decoding.lockstep import Unlike, walk
from exporter.encoding.table import table_of
from exporter.reading.groups import Group
from exporter.rows import Place, columns, places

_KEY = "_id"


class Decoder:
    """Makes tables of an export's groups; for threads: it takes milliseconds.

    The same table either way: what no walk takes (JSON that is put together, a value
    of another type than its field's, documents that are all different) is made of
    Python's objects, some ten times as slowly.
    """

    def __init__(
        self, exported_object: str, fields: Sequence[str], schema: Any
    ) -> None:
        self._object = exported_object
        self._fields = fields
        self._schema = schema
        self._places = places(exported_object, fields)

    def table(self, group: Group) -> Any:
        """A row a document, in the group's order."""
        if self._places is not None:
            try:
                return self._side_by_side(group, self._places)
            except Unlike:
                pass
        return table_of(
            self._schema, columns(self._object, self._fields, group.documents())
        )

    def _side_by_side(self, group: Group, places: Sequence[Place]) -> Any:
        paths = {one.path for one in places}
        paths |= {one.only_where[0] for one in places if one.only_where}
        walked = walk(group.pieces, paths | {_KEY})
        texts: dict[str, Any] = {}

        def made(path: str, kind: Any) -> Any:
            if kind != pa.string():
                return array(walked, path, kind)
            if path not in texts:
                texts[path] = array(walked, path, kind)
            return texts[path]

        arrays = [
            _only(made, place, field.type)
            for place, field in zip(places, self._schema, strict=True)
        ]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        if group.order is None:
            return table
        rows = pc.index_in(pa.array(group.order), value_set=made(_KEY, pa.string()))
        return table.take(rows.drop_null())


def _only(made: Any, place: Place, kind: Any) -> Any:
    values = made(place.path, kind)
    if place.only_where is None:
        return values
    path, wanted = place.only_where
    there = pc.equal(made(path, pa.string()), wanted)
    return pc.if_else(there, values, pa.scalar(None, kind))
