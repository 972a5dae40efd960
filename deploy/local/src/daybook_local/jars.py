"""Apache Kafka's jars: fetched from Maven Central, checked against a committed lock.

`python -m daybook_local.jars` resolves anew and rewrites the lock.
"""

import fcntl
import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import Artifact, Dependency, MavenContext, PythonResolver

from daybook_local.errors import StackError

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
# Kafka logs through slf4j 1.7, whose own jar writes nothing anywhere. Taken alone: its
# dependencies would move versions that Kafka was released with.
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
LOCK = Path(__file__).with_name("kafka.lock")
# Maven Central throttles beyond a handful; four already hide its latency.
DOWNLOADS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar: `group:artifact:version` and the SHA-256 of its bytes."""

    coordinate: str
    sha256: str

    @property
    def name(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    def path(self, cache: Path) -> Path:
        group, artifact, version = self.coordinate.split(":")
        return cache.joinpath(*group.split("."), artifact, version, self.name)


Fetch = Callable[[Jar, Path], None]


def cache_dir(environment: Mapping[str, str]) -> Path:
    """Where the jars are kept between checkouts: `~/.cache/daybook/maven`."""
    chosen = environment.get("XDG_CACHE_HOME")
    base = Path(chosen) if chosen else Path.home() / ".cache"
    return base / "daybook" / "maven"


def read_lock(lock: Path = LOCK) -> list[Jar]:
    lines = lock.read_text("utf-8").splitlines()
    entries = [line.split() for line in lines if line and not line.startswith("#")]
    return [Jar(coordinate, digest) for coordinate, digest in entries]


def resolve_jars(
    cache: Path,
    *,
    jars: Iterable[Jar],
    fetch: Fetch | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Every jar's path, each one's bytes checked; what is missing is fetched first.

    Several processes may ask at once: the first fetches, the others wait for it. A file
    that a killed download cut short is fetched again. Raises `StackError`.
    """
    wanted = list(jars)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [jar for jar in wanted if not _is_good(jar, cache)]
        if missing:
            _fetch_all(missing, cache, fetch or fetch_with_jgo, progress)
    return [jar.path(cache) for jar in wanted]


def _fetch_all(
    missing: list[Jar], cache: Path, fetch: Fetch, progress: Callable[[str], None]
) -> None:
    count = len(missing)
    progress(f"fetching Apache Kafka: {count} jars, about 45 MB, once")

    def one(jar: Jar) -> Jar:
        jar.path(cache).unlink(missing_ok=True)
        fetch(jar, cache)
        if not _is_good(jar, cache):
            jar.path(cache).unlink(missing_ok=True)
            raise StackError(
                f"{jar.name} is not the file that kafka.lock names: its SHA-256 "
                "differs. It was thrown away; look at what serves your Maven downloads."
            )
        return jar

    pool = ThreadPoolExecutor(DOWNLOADS_AT_ONCE)
    try:
        for done, jar in enumerate(pool.map(one, missing), start=1):
            if done % 5 == 0 or done == count:
                progress(f"fetched {done} of {count} jars ({jar.name})")
    finally:
        # After an error, or a stop that `progress` raised, nothing more is begun.
        pool.shutdown(cancel_futures=True)


def _is_good(jar: Jar, cache: Path) -> bool:
    path = jar.path(cache)
    return path.is_file() and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_with_jgo(jar: Jar, cache: Path) -> None:
    """Download one jar into the cache; raises `StackError` with the server's words."""
    group, artifact, version = jar.coordinate.split(":")
    context = _context(cache)
    try:
        context.project(group, artifact).at_version(version).artifact().resolve()
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise StackError(
            f"Could not fetch {jar.coordinate}: {error}. The first start needs Maven "
            "Central (or a mirror named in jgo's config file); or set "
            "KAFKA_BOOTSTRAP_SERVERS to a Kafka that is already there."
        ) from error


def _context(cache: Path) -> MavenContext:
    mirrors: dict[str, str] = GlobalSettings.load().repositories
    return MavenContext(
        resolver=PythonResolver(),
        repo_cache=cache,
        remote_repos={**mirrors, "central": mirrors.get("central", MAVEN_CENTRAL_URL)},
        timeout=60,
    )


def resolve_anew(cache: Path) -> list[Jar]:
    """What Kafka needs today, as a lock would name it. Needs the network."""
    context = _context(cache)

    def artifact(coordinate: str) -> Artifact:
        group, name, version = coordinate.split(":")
        return context.project(group, name).at_version(version).artifact()

    inputs, transitive = context.resolver.resolve([Dependency(artifact(KAFKA))])
    artifacts = [
        each.artifact
        for each in (*inputs, *transitive)
        if each.scope in (None, "compile", "runtime")
    ]
    artifacts.append(artifact(LOG_BINDING))
    jars = {
        f"{each.groupId}:{each.artifactId}:{each.version}": each.resolve()
        for each in artifacts
    }
    return [Jar(name, _sha256(path)) for name, path in sorted(jars.items())]


def main() -> None:
    """Rewrite `kafka.lock` from a cache of its own, so that every byte is fetched."""
    logging.basicConfig(level=logging.INFO)
    with tempfile.TemporaryDirectory() as cache:
        jars = resolve_anew(Path(cache))
    head = (
        "# Apache Kafka's jars with their SHA-256.\n"
        "# Written by `python -m daybook_local.jars`.\n"
    )
    lines = [f"{jar.coordinate} {jar.sha256}\n" for jar in jars]
    LOCK.write_text(head + "".join(lines), "utf-8")


if __name__ == "__main__":
    main()
