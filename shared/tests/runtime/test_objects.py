import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from daybook.runtime.objects import (
    PART_BYTES,
    InvalidStorageAddress,
    ObjectMissing,
    Objects,
    ObjectsUnavailable,
)
from daybook.testing.object_storage import moto_server, new_bucket
from daybook.testing.waiting import eventually

CONTENT = os.urandom(2 * PART_BYTES + 12_345)


class SourceBroke(Exception):
    """The source broke."""


async def pieces(content: bytes, *, breaks: bool = False) -> AsyncIterator[bytes]:
    step = 100_000
    for start in range(0, len(content), step):
        yield content[start : start + step]
    if breaks:
        raise SourceBroke


async def read(objects: Objects, name: str) -> bytes:
    stored = await objects.get(name)
    content = b"".join([chunk async for chunk in stored.chunks])
    assert stored.size == len(content)
    return content


@dataclass(frozen=True, slots=True)
class Storage:
    """One kind of storage, and how to look at it from outside."""

    address: str
    everything: Callable[[], list[str]]


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "folder":
        folder = tmp_path / "new" / "objects"
        yield Storage(
            str(folder),
            lambda: [str(path) for path in folder.rglob("*") if path.is_file()],
        )
        return
    with new_bucket(request.getfixturevalue("s3_endpoint")) as bucket:
        yield Storage(bucket.address, lambda: bucket.keys() + bucket.unfinished())


async def test_an_object_comes_back_byte_for_byte(storage: Storage) -> None:
    await Objects(storage.address).put("a/b-1.x_y", pieces(CONTENT))

    assert await read(Objects(storage.address), "a/b-1.x_y") == CONTENT
    assert [name.endswith("a/b-1.x_y") for name in storage.everything()] == [True]


async def test_a_source_that_breaks_leaves_nothing_and_is_heard(
    storage: Storage,
) -> None:
    with pytest.raises(SourceBroke):
        await Objects(storage.address).put("a/b", pieces(CONTENT, breaks=True))

    assert await eventually(lambda: storage.everything() == [])


async def test_what_is_not_there_is_missing(storage: Storage) -> None:
    objects = Objects(storage.address)
    await objects.put("a/b", pieces(b"x"))

    with pytest.raises(ObjectMissing):
        await objects.get("a/c")


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(
    storage: Storage,
) -> None:
    objects = Objects(storage.address)
    await objects.put("a/b", pieces(b"x"))

    await objects.delete("a/b")
    await objects.delete("a/b")

    assert storage.everything() == []


async def test_an_object_in_a_folder_is_a_file_that_can_be_read_in_place(
    tmp_path: Path,
) -> None:
    objects = Objects(str(tmp_path / "objects"))
    await objects.put("a/b", pieces(b"x"))

    path = objects.local_path("a/b")

    assert path is not None
    assert path.is_absolute()
    assert path.read_bytes() == b"x"
    with pytest.raises(ValueError, match="cannot name an object"):
        objects.local_path("../b")


def test_an_object_in_a_cloud_is_no_file() -> None:
    assert Objects("s3://bucket/prefix").local_path("a/b") is None


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "../a", "a/../b", "a//b", "./a", "a\0", "a b", "a\\b", ".a"],
)
async def test_a_name_that_is_not_of_our_making_is_refused(
    tmp_path: Path, name: str
) -> None:
    objects = Objects(str(tmp_path / "objects"))

    with pytest.raises(ValueError, match="cannot name an object"):
        await objects.put(name, pieces(b"x"))
    with pytest.raises(ValueError, match="cannot name an object"):
        await objects.get(name)


async def test_a_folder_is_made_at_the_first_use_and_is_nobody_elses(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "with space" / "objects"
    objects = Objects(f"file://{str(folder).replace(' ', '%20')}")
    assert not folder.exists()

    await objects.put("a", pieces(b"x"))

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "a").read_bytes() == b"x"


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "file://host/x",
        "file:x",
        "ftp://x",
        "http://x/y",
        "memory:///",
        "s3://",
    ],
)
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(InvalidStorageAddress, match="storage"):
        Objects(address)


async def test_storage_that_cannot_be_used_says_so(
    tmp_path: Path, s3_endpoint: str
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with new_bucket(s3_endpoint):
        for address in (str(blocked), "s3://no-such-bucket-here"):
            with pytest.raises(ObjectsUnavailable) as raised:
                await Objects(address).put("a", pieces(b"x"))
            assert "\n" not in str(raised.value)


def test_importing_it_and_naming_a_cloud_opens_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "tests")

    for address in ("s3://bucket/prefix", "gs://bucket", "az://container/prefix"):
        Objects(address)


async def test_what_is_below_a_path_is_listed_and_its_neighbours_are_not(
    storage: Storage,
) -> None:
    objects = Objects(storage.address)
    for name in ("exports/demo/e-1/a", "exports/demo/e-1/b/c", "exports/demo/e-10/a"):
        await objects.put(name, pieces(b"x"))

    found = [name async for name in objects.list("exports/demo/e-1/")]
    nothing = [name async for name in objects.list("exports/other/")]

    assert sorted(found) == ["exports/demo/e-1/a", "exports/demo/e-1/b/c"]
    assert nothing == []


async def test_a_storage_that_is_away_lists_nothing_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("no folder")

    with pytest.raises(ObjectsUnavailable):
        _ = [name async for name in Objects(str(tmp_path / "objects")).list("a/")]


async def test_what_a_killed_process_left_half_written_is_discarded(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "objects"
    writes = (
        "import asyncio, sys\n"
        "from daybook.runtime.objects import Objects\n"
        "async def chunks():\n"
        "    while True:\n"
        "        yield bytes(1_000_000)\n"
        "        await asyncio.sleep(0.001)\n"
        "asyncio.run(Objects(sys.argv[1]).put('p/half', chunks()))\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", writes, str(folder)
    )
    await eventually(lambda: list(folder.rglob("half*")), within=30)
    process.kill()
    await process.wait()  # it was killed
    objects = Objects(str(folder))
    await objects.put("p/whole", pieces(CONTENT))
    await objects.put("q/whole", pieces(CONTENT))

    await objects.discard_unfinished("p/")

    left = sorted(str(one.relative_to(folder)) for one in folder.rglob("*/*"))
    assert left == ["p/whole", "q/whole"]
    assert await read(objects, "p/whole") == CONTENT
