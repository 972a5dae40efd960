"""Object storage as a run uses it: patient for a while."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from random import Random
from typing import TypeVar

from daybook.runtime.clock import Stopwatch
from daybook.runtime.objects import ObjectMissing, Objects, ObjectsUnavailable

from exporter.failures import ExportFailed
from exporter.patience import Pauses

log = logging.getLogger(__name__)

T = TypeVar("T")
_PIECE = 1024 * 1024


class Storage:
    """Puts and gets whole objects; what fails is tried again for ``patience``.

    Then :class:`ExportFailed` says why.
    """

    def __init__(
        self,
        objects: Objects,
        patience: timedelta,
        random: Random,
        stopwatch: Stopwatch,
    ) -> None:
        self.objects = objects
        self._patience = patience
        self._random = random
        self._stopwatch = stopwatch

    async def put(self, name: str, content: Iterable[bytes]) -> None:
        """``content``: pieces that can be gone through again."""
        await self.put_stream(name, lambda: _pieces(content))

    async def put_stream(
        self, name: str, chunks: Callable[[], AsyncIterator[bytes]]
    ) -> None:
        """``chunks`` begins from the start at each try."""
        await self._tried(lambda: self.objects.put(name, chunks()))

    async def get(self, name: str) -> bytes:
        """A whole object, small enough to be held."""

        async def read() -> bytes:
            stored = await self.objects.get(name)
            return b"".join([chunk async for chunk in stored.chunks])

        try:
            return await self._tried(read)
        except ObjectMissing as error:
            raise ExportFailed(
                "A part of the file is missing in the object storage. "
                "Make the export anew."
            ) from error

    async def remove(self, names: Iterable[str]) -> None:
        """Remove what is there of these; what cannot be is left to the sweep."""
        for name in names:
            try:
                await self.objects.delete(name)
            except ObjectsUnavailable as error:
                log.warning("cannot remove %s: %s", name, error)

    async def keep_only(self, folder: str, kept: Collection[str]) -> None:
        """Remove all others of a folder; what cannot be is left to the sweep."""
        try:
            there = [name async for name in self.objects.list(folder)]
        except ObjectsUnavailable as error:
            log.warning("cannot look through %s: %s", folder, error)
        else:
            await self.remove(name for name in there if name not in kept)

    async def _tried(self, work: Callable[[], Awaitable[T]]) -> T:
        pauses = Pauses(self._random)
        began = self._stopwatch()
        while True:
            try:
                return await work()
            except ObjectsUnavailable as error:
                if self._stopwatch() - began >= self._patience.total_seconds():
                    raise ExportFailed(
                        "The object storage did not take part for "
                        f"{_said(self._patience)}: {error}. Make the export anew "
                        "once it is back."
                    ) from error
                log.warning("the object storage is waited for: %s", error)
            await pauses.next()


async def _pieces(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    for one in content:
        view = memoryview(one)
        for start in range(0, len(view), _PIECE):
            yield bytes(view[start : start + _PIECE])


def _said(time: timedelta) -> str:
    seconds = time.total_seconds()
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} s"
