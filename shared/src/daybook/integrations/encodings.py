"""Content-encoding undone, with a bound on what comes out."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import cramjam


class UndecodableError(Exception):
    """A body's content-encoding could not be undone."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding)
        self.encoding = encoding


def undo(
    body: bytes, encodings: Sequence[str], *, limit: int, cut: bool
) -> tuple[bytes, bool]:
    """The first ``limit`` bytes of the decoded body, and whether more would follow.

    ``encodings`` in the order they were applied, as the header lists them. A body that
    was ``cut`` is decoded as far as its bytes go. Memory stays near ``limit`` whatever
    the body would inflate to. Raises `UndecodableError`.
    """
    for encoding in reversed(encodings):
        decode = _DECODERS.get(encoding)
        if decode is None:
            raise UndecodableError(encoding)
        if body:
            body, cut = decode(body, limit, cut, encoding)
    return body[:limit], cut or len(body) > limit


def _inflate(
    body: bytes, limit: int, cut: bool, encoding: str, *windows: int
) -> tuple[bytes, bool]:
    for window in windows:
        try:
            return _inflate_members(body, limit, cut, encoding, window)
        except zlib.error:
            continue
    raise UndecodableError(encoding)


def _inflate_members(
    body: bytes, limit: int, cut: bool, encoding: str, window: int
) -> tuple[bytes, bool]:
    pieces: list[bytes] = []
    size = 0
    while True:
        # One byte more than wanted tells whether there is more.
        decoder = zlib.decompressobj(window)
        piece = decoder.decompress(body, limit + 1 - size)
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            return b"".join(pieces), True
        if not decoder.eof:
            if not cut:
                raise UndecodableError(encoding)
            return b"".join(pieces), True
        # gzip may be several members, one after the other.
        body = decoder.unused_data
        if not body.startswith(b"\x1f\x8b"):
            return b"".join(pieces), cut


def _gzip(body: bytes, limit: int, cut: bool, encoding: str) -> tuple[bytes, bool]:
    return _inflate(body, limit, cut, encoding, 16 + zlib.MAX_WBITS)


def _deflate(body: bytes, limit: int, cut: bool, encoding: str) -> tuple[bytes, bool]:
    # The standard says zlib; some servers send the bare stream.
    return _inflate(body, limit, cut, encoding, zlib.MAX_WBITS, -zlib.MAX_WBITS)


def _into_buffer(
    decompress_into: Callable[[bytes, bytearray], int],
) -> "Callable[[bytes, int, bool, str], tuple[bytes, bool]]":
    """A decoder that stops where its buffer is full: cramjam's own have no bound."""

    def decode(body: bytes, limit: int, cut: bool, encoding: str) -> tuple[bytes, bool]:
        buffer = bytearray(limit + 1)
        try:
            size = decompress_into(body, buffer)
        except cramjam.DecompressionError:
            # It says not how far it came: what a second run over another background
            # leaves alike was written.
            other = bytearray(b"\xff") * (limit + 1)
            try:
                decompress_into(body, other)
            except cramjam.DecompressionError:
                size = _written(buffer, other)
            else:  # pragma: no cover - the same input fails the same way
                raise UndecodableError(encoding) from None
            if size <= limit and not cut:
                raise UndecodableError(encoding) from None
            return bytes(buffer[:size]), True
        return bytes(buffer[:size]), cut

    return decode


def _written(zeros: bytearray, ones: bytearray) -> int:
    """The length of what two buffers have in common, found by halving."""
    low, high = 0, len(zeros)
    while low < high:
        middle = (low + high + 1) // 2
        if zeros[low:middle] == ones[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


_brotli: Any = cramjam.brotli
_zstd: Any = cramjam.zstd
_DECODERS = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _into_buffer(_brotli.decompress_into),
    "zstd": _into_buffer(_zstd.decompress_into),
}
