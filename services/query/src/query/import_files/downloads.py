"""A file as an answer: saved by whoever gets it, never shown in place."""

from starlette.responses import StreamingResponse

from query.import_files.library import OpenedFile
from query.import_files.names import attachment


def download(opened: OpenedFile) -> StreamingResponse:
    """The content, byte for byte, a piece at a time."""
    file = opened.file
    return StreamingResponse(
        opened.chunks,
        headers={
            # As a header of its own: given as a media type, a charset would be added.
            "content-type": file.content_type,
            "content-length": str(file.size),
            "content-disposition": attachment(file.name),
            "x-content-type-options": "nosniff",
        },
    )
