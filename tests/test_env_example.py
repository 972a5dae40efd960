import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from daybook.commands.settings import DeadLetterSettings
from daybook.runtime.settings import ServiceSettings
from daybook_local.settings import Settings as LocalSettings
from exporter.settings import Settings as ExporterSettings
from ingest.settings import Settings as IngestSettings
from pydantic import AliasChoices
from pydantic_settings import BaseSettings
from query.settings import QuerySettings
from task_tracker.settings import Settings as TrackerSettings
from webhook_dispatcher.settings import Settings as DispatcherSettings

ROOT = Path(__file__).parents[1]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
LINE = re.compile(r"(# )?([A-Z][A-Z0-9_]*)=(.*)")

SETTINGS: list[type[BaseSettings]] = [
    ServiceSettings,
    IngestSettings,
    TrackerSettings,
    DispatcherSettings,
    ExporterSettings,
    QuerySettings,
    LocalSettings,
    DeadLetterSettings,
]
# What a service has from all services' settings and does nothing with.
NOT_READ = {
    "query": {
        "KAFKA_BOOTSTRAP_SERVERS",
        "KAFKA_SECURITY_PROTOCOL",
        "KAFKA_SASL_MECHANISM",
        "DAYBOOK_HEALTH_HOST",
        "DAYBOOK_HEALTH_PORT",
    }
}
# What a publishing service reads; its client has no settings class.
OF_CLIENTS = {"DAYBOOK_SOURCE", "DAYBOOK_PROJECT_ID"}


def variables(settings: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """The name of each field's variable, and the field's."""
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            yield str(alias.choices[0]), name
        elif isinstance(alias, str):
            yield alias, name
        else:
            yield f"{prefix}{name}".upper(), name


def listed(*, commented: bool) -> dict[str, str]:
    found = (LINE.fullmatch(line) for line in EXAMPLE)
    return {
        match[2]: match[3]
        for match in found
        if match is not None and (commented or match[1] is None)
    }


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda kind: kind.__module__)
def test_every_setting_is_in_the_example(settings: type[BaseSettings]) -> None:
    missing = {variable for variable, _ in variables(settings)} - set(
        listed(commented=True)
    )

    assert missing == set()


def test_every_line_of_the_example_is_a_setting() -> None:
    known = {variable for settings in SETTINGS for variable, _ in variables(settings)}

    assert set(listed(commented=True)) == known | OF_CLIENTS


@pytest.mark.parametrize("settings", SETTINGS[1:6], ids=lambda kind: kind.__module__)
def test_what_the_example_sets_is_the_default(
    settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in listed(commented=True):
        monkeypatch.delenv(variable, raising=False)
    defaults = settings()

    for variable, value in listed(commented=False).items():
        monkeypatch.setenv(variable, value)

    assert settings() == defaults


def test_every_setting_says_what_it_is_in_the_line_above() -> None:
    for above, line in zip(["", *EXAMPLE], EXAMPLE, strict=False):
        if LINE.fullmatch(line):
            assert above.startswith("# "), line
            assert not LINE.fullmatch(above), line


@pytest.mark.parametrize(
    ("service", "settings"),
    [
        ("ingest", IngestSettings),
        ("task-tracker", TrackerSettings),
        ("webhook-dispatcher", DispatcherSettings),
        ("exporter", ExporterSettings),
        ("query", QuerySettings),
    ],
)
def test_a_service_lists_its_settings_with_their_defaults(
    service: str, settings: type[BaseSettings]
) -> None:
    page = (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", page, re.MULTILINE))
    example = listed(commented=False)

    needed = {name for name, _ in variables(settings)} - NOT_READ.get(service, set())
    assert rows == {name: example[name] for name in needed if name in example}


def test_every_setting_has_a_description() -> None:
    for settings in SETTINGS:
        for name, field in settings.model_fields.items():
            assert field.description, f"{settings.__module__}.{name}"
