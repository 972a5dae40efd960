"""One export, under one claim: read, encode, store part by part, end."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

from daybook.exports.conditions import select
from daybook.exports.objects import OBJECTS
from daybook.exports.parameters import parameters_of
from daybook.runtime.mongo import Document
from daybook.storage.exports import (
    KEPT_FILES,
    columns_part,
    folder_of,
    joined_file,
    listed_objects,
    text_part,
)
from pymongo.read_concern import ReadConcern

from exporter.encoding.joining import joined
from exporter.encoding.parts import EncodedPart, PartEncoder
from exporter.encoding.table import schema_of
from exporter.failures import ExportFailed
from exporter.flow import made_parts
from exporter.jobs import Fenced, Jobs
from exporter.patience import until_there
from exporter.reading.groups import Reader, one_ahead
from exporter.reading.in_order import InOrder
from exporter.reading.keys import ByKeys, Lister, TaskKeys
from exporter.reading.readers import expected_rows, order_of
from exporter.rows import projection
from exporter.tools import Tools

log = logging.getLogger(__name__)

T = TypeVar("T")

LOGS_OBJECT = "api_log"
TASKS_OBJECT = "async_action"
# All is read: what is left is to join and to end.
_END: Document = {"end": True}


class Run:
    """Brings an export from where its document says it is to its end.

    Raises :class:`Fenced` as soon as a write finds that the claim is over. What fails
    for good ends it as ERROR. A database that is away is waited for.
    """

    def __init__(self, export: Document, jobs: Jobs, tools: Tools) -> None:
        # Its end is being written, or is: a renewal that finds it ended says nothing.
        self.ending = False
        self.status = ""
        """DONE or ERROR, once it has ended."""
        self._export = export
        self._jobs = jobs
        self._tools = tools
        self._parts: list[Document] = list(export["parts"])
        self._rows: int = export["rows"]
        self._bytes: int = export["bytes"]
        self._expected: int | None = export.get("expected_rows")
        self._storage = tools.storage
        # Put, and not named in the document yet.
        self._unlisted: set[str] = set()
        self._keys = TaskKeys.of(export["keys"]) if "keys" in export else None

    async def work(self) -> None:
        """Run it to its end."""
        self._tools.notices.started(self._export)
        try:
            self._plan()
            await self._wait()
            async with self._counting():
                await self._read()
            await self._end(await self._file())
        except ExportFailed as error:
            await self._fail(str(error))
        except Fenced:
            raise
        except Exception as error:
            log.exception("export %s failed, unforeseen", self._export["_id"])
            await self._fail(
                f"It failed in an unforeseen way ({type(error).__name__}); the "
                "exporter's log says more. Make the export anew."
            )

    async def tidy(self) -> None:
        """Remove what this claim has put and could not list."""
        await self._storage.remove(sorted(self._unlisted))
        self._unlisted.clear()

    def _plan(self) -> None:
        self._parameters = parameters_of(self._export)
        self._object = OBJECTS[self._parameters.exported_object]
        self._selection = select(
            self._parameters, self._export["project_id"], self._export["created_at"]
        )
        self._source = self._tools.database.get_collection(
            self._object.collection, read_concern=ReadConcern("majority")
        )

    async def _wait(self) -> None:
        """Logs only: others are taken as they are."""
        export = self._export
        begun = self._parts or "complete_until" in export
        if self._object.name != LOGS_OBJECT or begun:
            return
        until = await self._database(
            lambda: self._tools.watermarks.passed(export["created_at"])
        )
        if until is not None:
            await self._set({"complete_until": until})

    async def _read(self) -> None:
        place: Document | None = self._export.get("cursor")
        if place == _END:
            return
        reader = await self._reader()
        encoder = PartEncoder(
            schema_of(self._object.fields, self._parameters.fields),
            self._parameters.response_format,
            first=not self._parts,
            part_bytes=self._tools.part_bytes,
            part_rows=self._tools.part_rows,
        )
        parts = made_parts(
            reader.groups(place), self._object.name, self._parameters.fields, encoder
        )
        # A part is stored while the next is made.
        async with aclosing(one_ahead(parts)) as made:
            async for part, after in made:
                place = _END if after is None else after
                await self._put(part, place)
        if not self._parts:
            await self._put(await asyncio.to_thread(encoder.close), _END)
        elif place != _END:
            await self._set({"cursor": _END})

    async def _reader(self) -> Reader:
        shown = projection(self._object.name, self._parameters.fields)
        order = order_of(self._parameters.order)
        random = self._tools.random
        if self._object.name != TASKS_OBJECT:
            return InOrder(
                self._source, self._object.name, self._selection, order, shown, random
            )
        keys = self._keys
        if keys is None:
            prefix = f"{folder_of(self._export)}{self._export['claim']}"
            lister = Lister(self._source, self._selection, order, self._storage, random)
            keys = await lister.list(prefix)
            self._expected = keys.count
            self._unlisted.update(keys.names())
            await self._set({"keys": keys.stored(), "expected_rows": keys.count})
            self._unlisted.clear()
        self._keys = keys
        return ByKeys(self._source, keys, shown, self._storage, random)

    async def _put(self, part: EncodedPart, place: Document) -> None:
        """Store a part whole, then list it, and with it where to go on."""
        entry: Document = {
            "number": len(self._parts),
            "claim": self._export["claim"],
            "rows": part.rows,
            "bytes": part.bytes,
            "columns_bytes": part.columns_bytes,
        }
        objects: dict[str, Any] = {columns_part(self._export, entry): [part.columns]}
        if part.text is not None:
            objects[text_part(self._export, entry)] = part.text
        for name, content in objects.items():
            self._unlisted.add(name)
            await self._storage.put(name, content)
        changes: Document = {
            "cursor": place,
            "rows": self._rows + part.rows,
            "bytes": self._bytes + part.bytes,
            "has_files": True,
        }
        # From here on nobody may remove them but who is told that it is fenced: a
        # write that was cut off may have been done.
        self._unlisted.clear()
        try:
            await self._database(
                lambda: self._jobs.put_part(
                    self._export, entry["number"], entry, changes
                )
            )
        except Fenced:
            self._unlisted.update(objects)
            raise
        self._parts.append(entry)
        self._rows, self._bytes = changes["rows"], changes["bytes"]
        self._tools.notices.progressed(self._export, self._rows, self._expected)

    async def _file(self) -> Document | None:
        """PARQUET: the parts joined, the same however often."""
        if self._parameters.response_format != "PARQUET":
            return None
        name = joined_file(self._export, self._export["claim"])
        size = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal size
            size = 0
            schema = schema_of(self._object.fields, self._parameters.fields)
            async for chunk in joined(schema, self._columns()):
                size += len(chunk)
                yield chunk

        self._unlisted.add(name)
        await self._storage.put_stream(name, chunks)
        return {"name": name, "bytes": size}

    async def _columns(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield await self._storage.get(columns_part(self._export, part))

    async def _end(self, file: Document | None) -> None:
        if self._keys is not None:
            # Nobody reads by them any more: the place is the end.
            await self._storage.remove(self._keys.names())
        changes: Document = {"status": "DONE", "has_files": True}
        if file is not None:
            changes |= {"file": {"$literal": file}, "bytes": file["bytes"]}
        unlisted = self._unlisted.copy()
        self._unlisted.clear()
        try:
            await self._ended(changes)
        except Fenced:
            self._unlisted.update(unlisted)
            raise
        await self._sweep(file)

    async def _fail(self, message: str) -> None:
        await self._ended(
            {"status": "ERROR", "error": {"$literal": {"message": message}}}
        )
        await self.tidy()

    async def _ended(self, changes: Document) -> None:
        self.ending, self.status = True, changes["status"]
        kept_ms = int(KEPT_FILES.total_seconds() * 1000)
        expires: Document = {"expires_at": {"$add": ["$$NOW", kept_ms]}}
        await self._database(
            lambda: self._jobs.end(self._export, {**expires, **changes})
        )

    async def _sweep(self, file: Document | None) -> None:
        """Remove what claims before this one left behind, as far as it is there."""
        ended = {**self._export, "parts": self._parts}
        if file is not None:
            ended["file"] = file
        await self._storage.keep_only(folder_of(ended), listed_objects(ended))

    @asynccontextmanager
    async def _counting(self) -> AsyncGenerator[None]:
        """Count beside the reading; it ends with it at the latest."""
        counting = asyncio.create_task(self._count())
        try:
            yield
        finally:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)

    async def _count(self) -> None:
        if self._expected is not None or self._object.name == TASKS_OBJECT:
            return
        counted = await expected_rows(
            self._source, self._object.name, self._selection, self._tools.count_within
        )
        if counted is not None:
            self._expected = counted
            await self._jobs.update(self._export, {"expected_rows": counted})

    async def _set(self, changes: Document) -> None:
        literal = {name: {"$literal": value} for name, value in changes.items()}
        await self._database(lambda: self._jobs.update(self._export, literal))

    async def _database(self, work: Callable[[], Awaitable[T]]) -> T:
        return await until_there(work, self._tools.random)
