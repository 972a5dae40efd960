"""The tools that look at images and manifests, as `make tools` installs them."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def tool() -> Tool:
    """Runs one of them in the repository's root; none is looked for on PATH."""

    def run(
        name: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        program = ROOT / ".venv" / "tools" / "bin" / name
        assert program.exists(), f"{name} is missing: run `make tools`"
        return subprocess.run(  # noqa: S603 - a tool of our own lock
            [str(program), *arguments],
            cwd=ROOT,
            env=None if env is None else dict(env),
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )

    return run
