"""An export's file as an answer: its parts in order, streamed, whole or a range."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Final

from daybook.runtime.mongo import Document
from daybook.runtime.objects import ObjectMissing, Objects, ObjectsUnavailable
from daybook.storage.exports import text_part
from starlette.responses import Response, StreamingResponse

from query.api.errors import RETRY_AFTER_SECONDS, ApiError
from query.import_files.names import UNKNOWN_TYPE, attachment

_TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
# Folders of the storage that are Daybook's, each with a folder for each project.
_BY_PROJECT: Final = frozenset({"exports", "import-files"})


@dataclass(frozen=True, slots=True)
class _Object:
    """A part of the file, in its place."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class _Range:
    """From ``start`` up to ``end``, exclusive."""

    start: int
    end: int


async def download(
    export: Document, objects: Objects, headers: Mapping[str, str], *, body: bool
) -> Response:
    """The file of an export that is done, or the one range of it that is asked for.

    ``body``: False answers with the headers alone. Its beginning is read before
    anything is answered: raises ApiError where it is not there. Where the rest is not,
    the connection breaks off before the declared length.
    """
    try:
        parts = await _parts(export, objects)
        size = sum(part.size for part in parts)
        form = _form(export, parts)
        answered = {
            "content-type": _TYPES.get(form, UNKNOWN_TYPE),
            "content-disposition": attachment(_name(export, form)),
            "x-content-type-options": "nosniff",
            "cache-control": "private, no-store",
            "accept-ranges": "bytes",
            # A file never changes; whoever goes on with one may check that it is it.
            "etag": _etag(export),
        }
        asked = _range(headers, size, answered["etag"])
        part_of = asked or _Range(0, size)
        answered["content-length"] = str(part_of.end - part_of.start)
        status = HTTPStatus.OK
        if asked is not None:
            last = part_of.end - 1
            answered["content-range"] = f"bytes {part_of.start}-{last}/{size}"
            status = HTTPStatus.PARTIAL_CONTENT
        if not body:
            return Response(status_code=status, headers=answered)
        chunks = _chunks(objects, parts, part_of)
        first = await anext(chunks, b"")
    except ObjectMissing as error:
        raise ApiError(
            HTTPStatus.GONE,
            "export_file_gone",
            "The file is no longer there: it was removed from the storage before its "
            "time. Make the export anew.",
            resource=("export", export["id"]),
        ) from error
    except ObjectsUnavailable as error:
        raise ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "storage_unavailable",
            "The object storage does not answer at the moment. Try again in some "
            "seconds.",
            headers={"retry-after": str(RETRY_AFTER_SECONDS)},
        ) from error

    async def content() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return StreamingResponse(content(), status_code=status, headers=answered)


async def _parts(export: Document, objects: Objects) -> Sequence[_Object]:
    if "recorded" in export:
        name: str | None = export["recorded"].get("object")
        if name is None or not _may_have(export, name):
            raise ObjectMissing(name)
        try:
            return [_Object(name, (await objects.get(name)).size)]
        except ValueError as error:  # another service wrote it, and it is no name
            raise ObjectMissing(name) from error
    if "file" in export:
        return [_Object(export["file"]["name"], export["file"]["bytes"])]
    return [_Object(text_part(export, one), one["bytes"]) for one in export["parts"]]


def _may_have(export: Document, name: str) -> bool:
    """Whoever records a file names any; that of another project is not theirs."""
    folder, project_id, *_ = (*name.split("/"), "")
    return folder not in _BY_PROJECT or project_id == export["project_id"]


async def _chunks(
    objects: Objects, parts: Sequence[_Object], wanted: _Range
) -> AsyncIterator[bytes]:
    begins = 0
    for part in parts:
        start, end = wanted.start - begins, wanted.end - begins
        begins += part.size
        if start >= part.size or end <= 0:
            continue
        stored = await objects.get(part.name, start=max(start, 0), end=end)
        if stored.size != part.size:
            raise ObjectMissing(part.name)
        async for chunk in stored.chunks:
            yield chunk


def _range(headers: Mapping[str, str], size: int, etag: str) -> _Range | None:
    """The range that is asked for; None: all of it. Raises ApiError beyond its end.

    Several ranges, or another unit, are answered with the whole, as the standard has
    it, and so is a range of a file that the client did not have before.
    """
    asked = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if asked is None or asked[0] == "bytes=-":
        return None
    if headers.get("if-range", etag) != etag:
        return None
    if not asked[1]:
        start, end = max(size - int(asked[2]), 0), size
    else:
        start = int(asked[1])
        end = min(int(asked[2]) + 1, size) if asked[2] else size
        if asked[2] and int(asked[2]) < start:
            return None
    if start >= end:
        raise ApiError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "range_not_satisfiable",
            f"The file has {size} bytes, and the range begins behind them.",
            headers={"content-range": f"bytes */{size}"},
        )
    return _Range(start, end)


def _form(export: Document, parts: Sequence[_Object]) -> str:
    known: str | None = export["parameters"].get("response_format")
    if known is not None:
        return known.lower()
    return PurePosixPath(parts[0].name).suffix[1:].lower()


def _name(export: Document, form: str) -> str:
    made = export["created_at"].strftime("%Y-%m-%dT%H-%M")
    name = f"{export['exported_object']}-{made}"
    return f"{name}.{form}" if form else name


def _etag(export: Document) -> str:
    return f'"{export["id"]}-{export["claim"]}"'
