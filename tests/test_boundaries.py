"""What holds for every file of the repository, whoever wrote it."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 300

# Put together here, so that this file does not name them either.
REGISTRIES = [
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("deb", "debian", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
    )
]
MACHINE_PATHS = ["/".join(("", *parts, "")) for parts in (("work",), ("root",))]


def tracked() -> list[Path]:
    """The files that git has, of those that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - the developer's own git
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git working tree")
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def services() -> dict[str, Path]:
    """The sources of every service by its import name."""
    found = ROOT.glob("services/*/src/*/__init__.py")
    return {path.parent.name: path.parents[2] for path in found}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and top-level package of every import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]


def crossings(folder: Path, forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {package}"
        for path in sorted(folder.rglob("*.py"))
        for line, package in imported(path)
        if package in forbidden
    ]


def test_there_are_services_to_look_at() -> None:
    assert {"ingest", "query", "task_tracker"} <= set(services())


@pytest.mark.parametrize("name", services())
def test_a_service_imports_no_other_service(name: str) -> None:
    others = set(services()) - {name}

    assert crossings(services()[name], others) == []


@pytest.mark.parametrize("folder", ["shared", "deploy/local", "examples"])
def test_what_services_stand_on_imports_no_service(folder: str) -> None:
    assert crossings(ROOT / folder, set(services())) == []


def test_an_import_inside_a_function_is_found_too(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden.py"
    hidden.write_text("def f():\n    from query.app import make\n    import ingest.x\n")

    assert list(imported(hidden)) == [(2, "query"), (3, "ingest")]


def test_no_source_file_is_too_long_to_read() -> None:
    sources = [path for path in tracked() if path.suffix == ".py"]
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in sources
        if "src" in path.relative_to(ROOT).parts
    }

    assert {name: n for name, n in lengths.items() if n >= MOST_LINES} == {}


def test_only_one_place_says_how_kafka_is_reached() -> None:
    # Whoever names the brokers alone would leave out protocol and credentials.
    said = re.compile(r"bootstrap_servers=|settings\.kafka_bootstrap_servers\b")
    mine = {"client/settings.py", "client/asynchronous.py", "client/synchronous.py"}
    mine |= {"client/wire.py", "client/delivery.py", "runtime/kafka_settings.py"}
    found = {
        str(path.relative_to(ROOT))
        for folder in ("shared/src/daybook", "services")
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts
        and "testing" not in path.parts
        and said.search(path.read_text("utf-8"))
    }

    assert found <= {f"shared/src/daybook/{name}" for name in mine}


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)} holds {text}"
        for path in tracked()
        for text in (*REGISTRIES, *MACHINE_PATHS)
        if text.encode() in path.read_bytes()
    ]

    assert found == []
