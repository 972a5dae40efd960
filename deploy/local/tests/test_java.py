import os
from pathlib import Path

import pytest
from daybook_local.errors import StackError
from daybook_local.java import find_java, java_version, packaged_java, parse_version

PACKAGED = Path("/packaged/java")


def executable(folder: Path, words: str) -> Path:
    folder.mkdir(parents=True)
    java = folder / "java"
    java.write_text(f"#!/bin/sh\necho '{words}' >&2\n", "utf-8")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ('openjdk version "24-ea" 2025-03-18', 24),
        ("no such thing", None),
    ],
)
def test_the_version_is_read_from_what_java_says(
    words: str, version: int | None
) -> None:
    assert parse_version(words) == version


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home = executable(tmp_path / "home" / "bin", 'openjdk version "21"')
    executable(tmp_path / "path", 'openjdk version "17"')
    environment = {
        "JAVA_HOME": str(tmp_path / "home"),
        "PATH": str(tmp_path / "path"),
    }

    assert find_java(environment, packaged=lambda: PACKAGED) == home


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    executable(tmp_path / "home" / "bin", 'openjdk version "11.0.2"')
    on_path = executable(tmp_path / "path", 'openjdk version "17"')
    environment = {
        "JAVA_HOME": str(tmp_path / "home"),
        "PATH": str(tmp_path / "path"),
    }

    assert find_java(environment, packaged=lambda: PACKAGED) == on_path


def test_without_one_on_the_machine_the_packaged_java_is_taken(tmp_path: Path) -> None:
    environment = {"JAVA_HOME": str(tmp_path / "gone"), "PATH": str(tmp_path)}

    assert find_java(environment, packaged=lambda: PACKAGED) == PACKAGED


def test_the_packaged_java_runs_and_is_new_enough() -> None:
    java = packaged_java()

    assert java is not None
    assert (java_version(java) or 0) >= 17


def test_without_any_java_the_error_says_where_it_looked() -> None:
    with pytest.raises(StackError, match="JAVA_HOME"):
        find_java({"PATH": os.devnull}, packaged=lambda: None)
