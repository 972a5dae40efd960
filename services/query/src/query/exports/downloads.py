"""An export's file as an answer: its parts in order, streamed."""

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus

from daybook.runtime.mongo import Document
from daybook.runtime.objects import ObjectMissing, Objects, ObjectsUnavailable
from daybook.storage.exports import text_part
from starlette.responses import StreamingResponse

from query.api.errors import ApiError
from query.import_files.names import attachment

_TYPES = {
    "CSV": "text/csv; charset=utf-8",
    "NDJSON": "application/x-ndjson",
    "PARQUET": "application/vnd.apache.parquet",
}


async def download(export: Document, objects: Objects) -> StreamingResponse:
    """The file of an export that is done; raises ApiError where it is not there.

    The first part is opened before anything is answered.
    """
    form: str = export["parameters"].get("response_format", "CSV")
    names = _names(export)
    chunks = _chunks(objects, names)
    try:
        first = await anext(chunks, b"")
    except ObjectMissing as error:
        raise ApiError(
            HTTPStatus.GONE,
            "export_file_gone",
            "The file is no longer there. Make the export anew.",
        ) from error
    except ObjectsUnavailable as error:
        raise ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "storage_unavailable",
            "The object storage does not answer. Try again in some seconds.",
            headers={"retry-after": "5"},
        ) from error
    made = export["created_at"].strftime("%Y-%m-%dT%H-%M")
    name = f"{export['exported_object']}-{made}.{form.lower()}"
    headers = {
        "content-type": _TYPES.get(form, "application/octet-stream"),
        "content-disposition": attachment(name),
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    if "recorded" not in export:
        headers["content-length"] = str(export["bytes"])

    async def content() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return StreamingResponse(content(), headers=headers)


def _names(export: Document) -> Sequence[str]:
    if "recorded" in export:
        return [export["recorded"]["object"]]
    if "file" in export:
        return [export["file"]["name"]]
    return [text_part(export, one) for one in export["parts"]]


async def _chunks(objects: Objects, names: Sequence[str]) -> AsyncIterator[bytes]:
    for name in names:
        stored = await objects.get(name)
        async for chunk in stored.chunks:
            yield chunk
