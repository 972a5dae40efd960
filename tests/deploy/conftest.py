"""What looks at images and manifests, and what the services read."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from daybook.testing.manifests import Manifests
from exporter.settings import Settings as ExporterSettings
from ingest.settings import Settings as IngestSettings
from pydantic import AliasChoices
from pydantic_settings import BaseSettings
from query.settings import QuerySettings
from task_tracker.settings import Settings as TrackerSettings
from webhook_dispatcher.settings import Settings as DispatcherSettings

ROOT = Path(__file__).parents[2]
OVERLAYS = {
    "local": "deploy/k8s/overlays/local",
    "production": "deploy/k8s/overlays/production",
    # With the components that neither has.
    "traced": "tests/deploy/overlays/traced",
}
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


@pytest.fixture(scope="session")
def built(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Each overlay as kustomize makes it."""
    files: dict[str, Path] = {}
    for overlay, folder in OVERLAYS.items():
        made = tool("kustomize", "build", folder)
        assert made.returncode == 0, made.stderr
        files[overlay] = tmp_path_factory.mktemp("k8s") / f"{overlay}.yaml"
        files[overlay].write_text(made.stdout)
    return files


def _read(file: Path) -> Manifests:
    return Manifests([one for one in yaml.safe_load_all(file.read_text()) if one])


@pytest.fixture(scope="session", params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, built: Mapping[str, Path]) -> Manifests:
    """One overlay after the other."""
    return _read(built[request.param])


@pytest.fixture(scope="session")
def production(built: Mapping[str, Path]) -> Manifests:
    """What a cluster of several nodes runs."""
    return _read(built["production"])


@pytest.fixture(scope="session")
def traced(built: Mapping[str, Path]) -> Manifests:
    """The same, with a collector for its traces."""
    return _read(built["traced"])


@pytest.fixture(scope="session")
def settings_of() -> Mapping[str, type[BaseSettings]]:
    """Each service's settings."""
    return {
        "ingest": IngestSettings,
        "task-tracker": TrackerSettings,
        "webhook-dispatcher": DispatcherSettings,
        "exporter": ExporterSettings,
        "query": QuerySettings,
    }


@pytest.fixture(scope="session")
def variables_of(
    settings_of: Mapping[str, type[BaseSettings]],
) -> Callable[[str], set[str]]:
    """The variables that a service reads."""

    def variables(service: str) -> set[str]:
        found: set[str] = set()
        for name, field in settings_of[service].model_fields.items():
            alias = field.validation_alias
            known = alias.choices if isinstance(alias, AliasChoices) else [alias]
            found |= {str(each) for each in known if each is not None}
            found.add(f"DAYBOOK_{name}".upper())
        return found

    return variables
