"""Parts as files: a folder's own in place, a cloud's as copies within a bound."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

from daybook.runtime.objects import ObjectMissing, Objects, ObjectsUnavailable

from query.exports.browsing.parts import Part

# More at once would only divide the same line.
_AT_ONCE = 4
_SUFFIX = ".parquet"
# What a process that died had begun; no download takes this long.
_UNFINISHED, _STALE_SECONDS = ".unfinished", 3600.0


class LocalParts:
    """Gives parts as files, each downloaded once however many ask for it.

    A download goes on when nobody waits for it any more: the next one finds it done.
    What was used longest ago is removed while the folder holds more than ``limit``
    bytes; what is in use stays, and goes once it is not. Making it opens nothing.
    """

    def __init__(self, objects: Objects, folder: Path, limit: int) -> None:
        self._objects = objects
        self._folder = folder
        self._limit = limit
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._used = Counter[Path]()
        self._over = False  # more is there than may be, since it is in use
        self._line = asyncio.Semaphore(_AT_ONCE)

    def path(self, part: Part) -> Path:
        """Where the part's file is once it is borrowed."""
        local = self._objects.local_path(part.name)
        if local is not None:
            return local
        # Names of one length, whatever the project's and the export's are.
        name = blake2b(part.name.encode(), digest_size=20).hexdigest()
        return (self._folder / f"{name}{_SUFFIX}").absolute()

    @asynccontextmanager
    async def borrowed(self, parts: Sequence[Part]) -> AsyncGenerator[None]:
        """All of them are there meanwhile.

        Raises :class:`ObjectMissing` and :class:`ObjectsUnavailable`.
        """
        paths = [self.path(part) for part in parts]
        self._used.update(paths)
        try:
            await asyncio.gather(*map(self._bring, parts, paths))
            yield
        finally:
            self._used.subtract(paths)
            self._used += Counter()  # forgets those that nobody uses
            if self._over:
                await asyncio.to_thread(self._make_room)

    async def forget(self, parts: Sequence[Part]) -> bool:
        """Remove copies that cannot be read; whether they were copies at all."""
        copies = [
            self.path(part)
            for part in parts
            if self._objects.local_path(part.name) is None
        ]
        for path in copies:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return bool(copies)

    async def _bring(self, part: Part, path: Path) -> None:
        if self._objects.local_path(part.name) is not None:
            if not await asyncio.to_thread(path.is_file):
                raise ObjectMissing(part.name)
            return
        if await asyncio.to_thread(_touched, path, part.bytes):
            return
        task = self._coming.get(part.name)
        if task is None:
            task = asyncio.create_task(self._download(part, path))
            self._coming[part.name] = task
            task.add_done_callback(lambda done: self._arrived(part.name, done))
        await asyncio.shield(task)

    def _arrived(self, name: str, task: asyncio.Task[None]) -> None:
        del self._coming[name]
        # Whoever waited has heard of it; nobody may have.
        if not task.cancelled():
            task.exception()

    async def _download(self, part: Part, path: Path) -> None:
        unfinished = path.with_suffix(f".{uuid4().hex}{_UNFINISHED}")
        async with self._line:
            stored = await self._objects.get(part.name)
            if stored.size != part.bytes:
                raise ObjectMissing(part.name)
            try:
                await asyncio.to_thread(self._make_folder)
                with await asyncio.to_thread(unfinished.open, "xb") as file:
                    async for chunk in stored.chunks:
                        await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(os.replace, unfinished, path)
                await asyncio.to_thread(self._make_room, path)
            except OSError as error:
                raise ObjectsUnavailable(str(error)) from error
            finally:
                await asyncio.to_thread(unfinished.unlink, missing_ok=True)

    def _make_folder(self) -> None:
        # What an export holds is nobody else's on this machine.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _make_room(self, newest: Path | None = None) -> None:
        held: list[tuple[float, int, Path]] = []
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):
                known = entry.stat()
                held.append((known.st_mtime, known.st_size, Path(entry.path)))
        total = sum(size for _, size, _ in held)
        latest = max((used for used, _, _ in held), default=0.0)
        for used, size, path in sorted(held):
            ours = path.suffix == _SUFFIX and path != newest
            ours = ours and not self._used[path.absolute()]
            stale = path.suffix == _UNFINISHED and used < latest - _STALE_SECONDS
            if stale or (ours and total > self._limit):
                path.unlink(missing_ok=True)
                total -= size
        self._over = total > self._limit


def _touched(path: Path, size: int) -> bool:
    """Whether the file is there, whole; it counts as used just now."""
    try:
        os.utime(path)
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
