"""Object storage by one address: a local folder, S3, Google Cloud Storage or Azure."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store, from_url

if TYPE_CHECKING:
    from obstore.store import RetryConfig  # not there at run time

Store = AzureStore | GCSStore | LocalStore | S3Store

# A writer holds so many parts of so many bytes and no more: S3 takes none smaller.
PART_BYTES = 5 * 1024 * 1024
PARTS_IN_FLIGHT = 2
# A reader asks for so much at once. Each is a request of its own: one that lasted as
# long as a slow client reads would run into the request's time limit.
READ_BYTES = 1024 * 1024
# Storage that is away is said within half a minute, while somebody still waits. The
# client's own options stay the environment's: to name one here would void the others.
_RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}

_CLOUDS = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl"})
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


class InvalidStorageAddress(ValueError):
    """The address of the object storage cannot be used; the message says why."""


class ObjectMissing(Exception):
    """The storage has no such object."""


class ObjectsUnavailable(Exception):
    """The object storage does not answer, or refuses; the message says why."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that is there: its whole size, and the bytes that were asked for."""

    size: int
    chunks: AsyncIterator[bytes]


class Objects:
    """Whole objects under names of our own making; what is read was written whole.

    The address is a folder's path, ``file:///FOLDER``, ``s3://BUCKET/PREFIX``,
    ``gs://BUCKET/PREFIX`` or ``az://CONTAINER/PREFIX``. Clouds take their credentials
    from the environment, by their own names (``AWS_…``, ``GOOGLE_…``, ``AZURE_…``).
    Making it opens nothing: a folder is made at the first use.
    """

    def __init__(self, address: str) -> None:
        self._folder: Path | None = None
        self._store: Store | None = None
        if is_folder(address):
            self._folder = _folder(address)
        else:
            self._store = _cloud(address)

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Store an object, and return once it lasts.

        Nothing of it is kept, and nothing of it was ever to be seen, when ``chunks``
        raises: that error comes out as it is. Flat in memory at any size. Raises
        :class:`ObjectsUnavailable`.
        """
        store = await self._open()
        try:
            await obstore.put_async(
                store,
                _checked(name),
                chunks,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_IN_FLIGHT,
            )
            if self._folder is not None:
                await asyncio.to_thread(_sync, self._folder, name)
        except (BaseError, FileNotFoundError, PermissionError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error

    async def get(
        self, name: str, *, start: int = 0, end: int | None = None
    ) -> StoredObject:
        """Open an object for reading, from one byte on up to another, exclusive.

        Raises :class:`ObjectMissing` and :class:`ObjectsUnavailable`; the latter also
        while its chunks are read.
        """
        store = await self._open()
        try:
            found = await obstore.head_async(store, _checked(name))
        except FileNotFoundError as error:
            raise ObjectMissing(name) from error
        except (BaseError, PermissionError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error
        size = found["size"]
        last = size if end is None else min(end, size)
        return StoredObject(size, _read(store, name, start, last))

    async def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no fault."""
        store = await self._open()
        try:
            with suppress(FileNotFoundError):
                await obstore.delete_async(store, _checked(name))
        except (BaseError, PermissionError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """The names of all objects below ``prefix``, a path such as ``exports/demo/``.

        What is put or deleted meanwhile may be there or not. Raises
        :class:`ObjectsUnavailable`.
        """
        store = await self._open()
        checked = _checked(prefix.removesuffix("/"))
        try:
            typed: Any = obstore  # a part of its types is not known
            listed = typed.list(store, f"{checked}/")
            async for some in listed:
                for found in some:
                    yield found["path"]
        except FileNotFoundError:
            return
        except (BaseError, PermissionError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error

    async def discard_unfinished(self, prefix: str) -> None:
        """Remove what a :meth:`put` left below ``prefix`` whose process was killed.

        For when nobody writes there any more: a put that does begins anew at best. A
        folder keeps such files beside its objects; clouds have a lifecycle rule for
        them. Raises :class:`ObjectsUnavailable`.
        """
        checked = _checked(prefix.removesuffix("/"))
        if self._folder is None:
            return
        try:
            await asyncio.to_thread(_discard, self._folder / checked)
        except OSError as error:
            raise ObjectsUnavailable(_first_line(error)) from error

    def local_path(self, name: str) -> Path | None:
        """Where the object's file is or would be, absolute; None in a cloud.

        For reading in place: nothing but :meth:`put` may write it.
        """
        checked = _checked(name)
        return None if self._folder is None else self._folder.absolute() / checked

    async def _open(self) -> Store:
        if self._store is None:
            assert self._folder is not None  # noqa: S101 - one of the two is there
            self._store = await asyncio.to_thread(_local, self._folder)
        return self._store


def is_folder(address: str) -> bool:
    """Whether the address names a folder; one that cannot be used counts as one."""
    return _scheme(address) not in _CLOUDS


async def _read(store: Store, name: str, first: int, last: int) -> AsyncIterator[bytes]:
    for start in range(first, last, READ_BYTES):
        end = min(start + READ_BYTES, last)
        try:
            chunk = await obstore.get_range_async(store, name, start=start, end=end)
        except (BaseError, FileNotFoundError, PermissionError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error
        yield bytes(chunk)


def _scheme(address: str) -> str:
    scheme, separator, _ = address.partition(":")
    return scheme.lower() if separator else ""


def _folder(address: str) -> Path:
    if _scheme(address) == "":
        if not address.strip():
            raise InvalidStorageAddress("the storage's address is empty")
        return Path(address)
    parts = urlsplit(address)
    if (
        parts.scheme != "file"
        or parts.netloc not in ("", "localhost")
        or not parts.path.startswith("/")
    ):
        raise InvalidStorageAddress(
            f"{address!r} is no address of an object storage: use a folder's path, "
            "file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or "
            "az://CONTAINER/PREFIX"
        )
    return Path(unquote(parts.path))


def _cloud(address: str) -> Store:
    try:
        store = from_url(address, retry_config=_RETRIES)
    except (BaseError, ValueError) as error:
        raise InvalidStorageAddress(
            f"{address!r} cannot be used as object storage: {_first_line(error)}"
        ) from error
    if not isinstance(store, Store):
        raise InvalidStorageAddress(f"{address!r} is no object storage")
    return store


def _local(folder: Path) -> Store:
    try:
        # What people upload is nobody else's on this machine.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(folder.absolute())
    except (OSError, BaseError) as error:
        raise ObjectsUnavailable(_first_line(error)) from error


def _discard(folder: Path) -> None:
    # No object's name has a number sign: obstore writes beside the object, under its
    # name and a number, and renames in the end.
    for unfinished in folder.rglob("*#*"):
        unfinished.unlink(missing_ok=True)


def _sync(folder: Path, name: str) -> None:
    """Bring a file, and the names that lead to it, through a power cut."""
    path = folder / name
    while True:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if path == folder:
            return
        path = path.parent


def _checked(name: str) -> str:
    """Names are made of our own ids; anything else is a fault of the caller."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} cannot name an object")
    return name


def _first_line(error: Exception) -> str:
    # Below it is the Rust value's shape, which tells an operator nothing more.
    return str(error).partition("\n")[0]
