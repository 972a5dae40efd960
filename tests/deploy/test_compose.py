"""docker-compose.yml, held without Docker."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from pydantic_settings import BaseSettings
from query.settings import QuerySettings

ROOT = Path(__file__).parents[2]
SERVICES = ("ingest", "task-tracker", "webhook-dispatcher", "exporter", "query")
Tool = Callable[..., subprocess.CompletedProcess[str]]


def config(
    tool: Tool, env: Mapping[str, str], *how: str
) -> subprocess.CompletedProcess[str]:
    alone = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    profiles = ("--profile", "demo", "--profile", "observability")
    return tool(
        "docker-compose",
        *("--env-file", os.devnull, *profiles, "config", *how),
        env={**alone, **env},
    )


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    made = subprocess.run(  # noqa: S603 - our own script
        [str(ROOT / "deploy" / "make-secrets.sh")],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.partition("=") for line in made.stdout.splitlines()]
    return {name: value for name, _, value in lines}


@pytest.fixture(scope="module")
def services(tool: Tool, secrets: dict[str, str]) -> dict[str, Any]:
    found = config(tool, secrets, "--format", "json")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)["services"]


def test_compose_takes_the_file_as_it_is(tool: Tool, secrets: dict[str, str]) -> None:
    found = config(tool, secrets, "--quiet")

    assert (found.returncode, found.stderr) == (0, "")


def test_a_secret_that_is_missing_is_named_with_what_to_do(
    tool: Tool, secrets: dict[str, str]
) -> None:
    for name in secrets:
        others = {each: secrets[each] for each in secrets if each != name}

        found = config(tool, others, "--quiet")

        assert found.returncode != 0
        assert f"variable {name} is missing" in found.stderr
        assert "deploy/make-secrets.sh" in found.stderr


def test_secrets_are_taken_by_the_services(secrets: dict[str, str]) -> None:
    settings = QuerySettings.model_validate(
        {
            "session_secret": secrets["DAYBOOK_SESSION_SECRET"],
            "sealing_keys": secrets["DAYBOOK_SEALING_KEYS"],
        }
    )

    assert settings.box() is not None


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_only_what_it_reads(
    service: str,
    services: dict[str, Any],
    settings_of: Mapping[str, type[BaseSettings]],
    variables_of: Callable[[str], set[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = services[service]["environment"]

    assert set(environment) <= variables_of(service)

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert settings_of[service]().model_dump()["mongodb_uri"].startswith("mongodb://")


def test_every_container_of_ours_is_locked_down(services: dict[str, Any]) -> None:
    ours = {
        name: each
        for name, each in services.items()
        if name not in ("kafka", "mongodb", "mongodb-initiate")
    }

    for name, service in ours.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if "build" in service:
            assert service["build"]["args"]["SERVICE"], name


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_not_killed_before_its_drain_is_over(
    service: str,
    services: dict[str, Any],
    settings_of: Mapping[str, type[BaseSettings]],
) -> None:
    fields = settings_of[service].model_fields
    name = "shutdown_grace" if service == "query" else "drain_within"
    given = services[service]["environment"].get(f"DAYBOOK_{name.upper()}")
    drain = TypeAdapter(timedelta).validate_python(given or fields[name].default)
    if service != "query":
        drain += fields["rebalance_timeout"].default / 2

    assert _length(services[service]["stop_grace_period"]) >= drain + timedelta(
        seconds=10
    )


def test_query_and_every_exporter_have_one_folder_of_files(
    services: dict[str, Any],
) -> None:
    query, exporter = services["query"], services["exporter"]

    assert query["volumes"] == exporter["volumes"]
    mounted = query["volumes"][0]["target"]
    for service in (query, exporter):
        assert service["environment"]["DAYBOOK_STORAGE_URL"].startswith(f"{mounted}/")


def test_nothing_reads_before_the_database_can_be_written(
    services: dict[str, Any],
) -> None:
    init = services["init"]["depends_on"]
    assert init["mongodb"]["condition"] == "service_healthy"
    assert init["kafka"]["condition"] == "service_healthy"
    assert init["mongodb-initiate"]["condition"] == "service_completed_successfully"
    for name in SERVICES:
        (waits,) = services[name]["depends_on"].items()
        assert waits[0] == "init"
        assert waits[1]["condition"] == "service_completed_successfully"


def test_no_port_is_open_to_other_machines(services: dict[str, Any]) -> None:
    published = [
        port for service in services.values() for port in service.get("ports", ())
    ]

    assert published
    assert {port["host_ip"] for port in published} == {"127.0.0.1"}


def test_kafka_has_all_that_replaces_the_default_configuration(
    services: dict[str, Any],
) -> None:
    environment = services["kafka"]["environment"]
    listeners = {each.partition(":")[0] for each in _listed(environment, "LISTENERS")}
    protocols = _listed(environment, "LISTENER_SECURITY_PROTOCOL_MAP")

    assert {each.partition(":")[0] for each in protocols} == listeners
    advertised = _listed(environment, "ADVERTISED_LISTENERS")
    assert {each.partition(":")[0] for each in advertised} == listeners - {"CONTROLLER"}
    factors = [name for name in environment if name.endswith("REPLICATION_FACTOR")]
    assert {environment[name] for name in factors} == {"1"}


def _listed(environment: Mapping[str, str], name: str) -> list[str]:
    return environment[f"KAFKA_{name}"].split(",")


def _length(written: str) -> timedelta:
    """A duration as compose prints it: ``1m30s``."""
    found = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", written)
    assert found, written
    minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(minutes=minutes, seconds=seconds)
