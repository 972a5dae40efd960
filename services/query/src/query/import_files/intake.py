"""A request's body as the one file that it holds, while it comes in."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from email.message import Message
from http import HTTPStatus

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.requests import ClientDisconnect, Request

from query.api.errors import ApiError
from query.import_files.names import clean_type, disposed_name

# What a form may have around its file: boundaries, headers, other fields.
LARGEST_WRAPPING = 64 * 1024
# A sender that is silent for so long is gone.
PATIENCE_SECONDS = 60.0
# How long what is refused is still read: most senders read no answer before they have
# sent all, and a connection closed under them takes the answer along.
DRAIN_SECONDS = 10.0
# Senders that write line by line would otherwise cost a call into the store a line.
_PIECE_BYTES = 256 * 1024


class InvalidUpload(ApiError):
    """The body holds no file that could be kept; nothing of it is."""

    def __init__(self, message: str, *, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(HTTPStatus(status), "invalid_upload", message)


class Body:
    """A request's body, read at most once."""

    def __init__(self, request: Request, *, patience: float = PATIENCE_SECONDS) -> None:
        self.headers = request.headers
        self._stream = request.stream()
        self._patience = patience
        self._begun = self._over = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in pieces worth a call, ending only where the sender ended it."""
        self._begun = True
        held = bytearray()
        while (chunk := await self._next()) is not None:
            held += chunk
            if len(held) >= _PIECE_BYTES:
                yield bytes(held)
                held.clear()
        if held:
            yield bytes(held)

    async def drain(self) -> None:
        """Read on for a while and forget it, so that a refusal is read too."""
        waits = self.headers.get("expect", "").lower() == "100-continue"
        if waits and not self._begun:
            return
        with suppress(TimeoutError, InvalidUpload):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._over:
                    await self._next()

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(self._patience):
                chunk = await anext(self._stream, None)
        except ClientDisconnect as error:
            self._over = True
            raise InvalidUpload("The connection ended before the file did.") from error
        except TimeoutError as error:
            self._over = True
            raise InvalidUpload(
                f"Nothing came for {self._patience:g} s, and the file had not ended.",
                status=HTTPStatus.REQUEST_TIMEOUT,
            ) from error
        self._over = chunk is None
        return chunk


class Intake:
    """One upload. ``name`` and ``content_type`` are known once ``chunks`` are read."""

    def __init__(self, body: Body) -> None:
        self.name = disposed_name(body.headers.get("content-disposition"))
        self.content_type = clean_type(body.headers.get("content-type"))
        self._body = body
        self._form = _form(body.headers)
        # What the body may have beside the file.
        self.wrapping = 0 if self._form is None else LARGEST_WRAPPING

    async def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes, once; raises :class:`InvalidUpload` at what is no file."""
        form = self._form
        if form is None:
            async for piece in self._body.pieces():
                yield piece
            return
        async for piece in self._body.pieces():
            for chunk in form.read(piece):
                yield chunk
        form.end()
        self.name, self.content_type = form.name, form.content_type


def _form(headers: Mapping[str, str]) -> "FormReader | None":
    message = Message()
    message["content-type"] = headers.get("content-type", "")
    if message.get_content_type() != "multipart/form-data":
        return None
    boundary = message.get_boundary()
    if not boundary:
        raise InvalidUpload("The form's Content-Type names no boundary.")
    try:
        return FormReader(boundary)
    except FormParserError as error:
        raise InvalidUpload(f"The form's boundary cannot be used: {error}.") from error


class FormReader:
    """Cuts the one file out of a ``multipart/form-data`` body.

    Other fields are passed over. Bounded: the wrapping by ``LARGEST_WRAPPING``, and of
    the file no more is held than the piece of the body that is being read.
    """

    def __init__(self, boundary: str) -> None:
        self.name: str | None = None
        self.content_type: str | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._ends,
            },
        )
        self._headers: dict[str, str] = {}
        self._field, self._value = b"", b""
        self._in_file = self._seen_file = self._ended = False
        self._wrapping = 0
        self._out: list[bytes] = []

    def read(self, piece: bytes) -> list[bytes]:
        """The file's bytes in this piece of the body."""
        self._out = []
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise InvalidUpload(f"The form cannot be read: {error}.") from error
        self._wrapping += len(piece) - sum(map(len, self._out))
        if self._wrapping > LARGEST_WRAPPING:
            raise InvalidUpload(
                f"The form holds more than {LARGEST_WRAPPING} bytes beside its file. "
                "Send the file alone."
            )
        return self._out

    def end(self) -> None:
        """The body is over: it must have been a whole form with a file in it."""
        if not self._ended:
            raise InvalidUpload("The form ends before its last boundary.")
        if not self._seen_file:
            raise InvalidUpload(
                "The form has no file. Send one part with a filename, as "
                "`curl -F file=@customers.csv` does."
            )

    def _part_begins(self) -> None:
        self._headers = {}

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        name = self._field.decode("latin-1").lower()
        self._headers[name] = self._value.decode("latin-1")
        self._field, self._value = b"", b""

    def _headers_end(self) -> None:
        name = disposed_name(self._headers.get("content-disposition"))
        self._in_file = name is not None
        if name is None:
            return
        if self._seen_file:
            raise InvalidUpload("The form holds several files. Send them one by one.")
        self._seen_file = True
        self.name = name
        self.content_type = clean_type(self._headers.get("content-type"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._out.append(data[start:end])

    def _ends(self) -> None:
        self._ended = True
