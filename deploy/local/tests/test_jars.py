import hashlib
from pathlib import Path

import pytest
from daybook_local.errors import StackError
from daybook_local.jars import KAFKA, LOG_BINDING, Jar, read_lock, resolve_jars


def jar(name: str, content: bytes) -> Jar:
    return Jar(f"org.example:{name}:1.0", hashlib.sha256(content).hexdigest())


class Maven:
    """Serves what it was given, and counts how often."""

    def __init__(self, **contents: bytes) -> None:
        self.contents = contents
        self.fetched: list[str] = []

    def fetch(self, wanted: Jar, cache: Path) -> None:
        name = wanted.coordinate.split(":")[1]
        self.fetched.append(name)
        path = wanted.path(cache)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.contents[name])


def test_the_lock_names_kafka_and_every_jar_by_its_digest() -> None:
    jars = read_lock()

    coordinates = [each.coordinate for each in jars]
    assert KAFKA in coordinates
    assert LOG_BINDING in coordinates
    assert all(len(each.sha256) == 64 for each in jars)


def test_jars_are_fetched_once(tmp_path: Path) -> None:
    maven = Maven(a=b"A", b=b"B")
    jars = [jar("a", b"A"), jar("b", b"B")]

    first = resolve_jars(tmp_path, jars=jars, fetch=maven.fetch)
    second = resolve_jars(tmp_path, jars=jars, fetch=maven.fetch)

    assert sorted(maven.fetched) == ["a", "b"]
    assert first == second
    assert [path.read_bytes() for path in first] == [b"A", b"B"]


def test_a_jar_that_a_killed_download_cut_short_is_fetched_again(
    tmp_path: Path,
) -> None:
    maven = Maven(a=b"whole")
    wanted = jar("a", b"whole")
    wanted.path(tmp_path).parent.mkdir(parents=True)
    wanted.path(tmp_path).write_bytes(b"who")

    (path,) = resolve_jars(tmp_path, jars=[wanted], fetch=maven.fetch)

    assert path.read_bytes() == b"whole"


def test_a_jar_with_other_bytes_than_the_lock_names_is_refused_and_not_kept(
    tmp_path: Path,
) -> None:
    maven = Maven(a=b"evil")
    wanted = jar("a", b"good")

    with pytest.raises(StackError, match=r"a-1\.0\.jar is not the file"):
        resolve_jars(tmp_path, jars=[wanted], fetch=maven.fetch)

    assert not wanted.path(tmp_path).exists()


def test_the_first_fetch_says_how_far_it_is(tmp_path: Path) -> None:
    names = [f"jar{number}" for number in range(7)]
    maven = Maven(**{name: b"x" for name in names})
    said: list[str] = []

    resolve_jars(
        tmp_path,
        jars=[jar(name, b"x") for name in names],
        fetch=maven.fetch,
        progress=said.append,
    )

    assert said[0].startswith("fetching Apache Kafka: 7 jars")
    assert said[1].startswith("fetched 5 of 7")
    assert said[2].startswith("fetched 7 of 7")
