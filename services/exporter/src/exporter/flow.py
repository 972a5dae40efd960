"""Documents on their way into parts: read, decoded and encoded side by side.

Each step is a group or a part ahead of the next and no further, so that memory is
flat.
"""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from daybook.runtime.mongo import Document

from exporter.decoding.tables import Decoder
from exporter.encoding.parts import EncodedPart, PartEncoder
from exporter.reading.groups import Group, one_ahead


async def made_parts(
    groups: AsyncGenerator[Group],
    exported_object: str,
    fields: Sequence[str],
    encoder: PartEncoder,
) -> AsyncGenerator[tuple[EncodedPart, Document | None]]:
    """The parts of all groups, each with where to go on; None: nothing is left.

    The last may hold few rows; there is none where there was nothing to read.
    """
    tables = _tables(groups, Decoder(exported_object, fields, encoder.schema))
    async with aclosing(one_ahead(tables)) as decoded:
        async for table, place in decoded:
            await asyncio.to_thread(encoder.add, table)
            if encoder.full:
                yield await asyncio.to_thread(encoder.close), place
    if encoder.rows:
        yield await asyncio.to_thread(encoder.close), None


async def _tables(
    groups: AsyncGenerator[Group], decoder: Decoder
) -> AsyncGenerator[tuple[Any, Document]]:
    async with aclosing(one_ahead(groups)) as read:
        async for group in read:
            table = await asyncio.to_thread(decoder.table, group)
            yield table, group.place_after(group.last())
