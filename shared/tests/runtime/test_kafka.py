"""How Kafka is reached: what could never work is said before anything is opened."""

from pathlib import Path
from typing import Any

import pytest
from daybook.commands.settings import DeadLetterSettings
from daybook.runtime.kafka import Brokers, KafkaMisconfigured
from daybook.runtime.settings import ServiceSettings
from pydantic import ValidationError

USER = {"KAFKA_SASL_USERNAME": "ingest", "KAFKA_SASL_PASSWORD": "a-password"}
WRONG = [
    ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL"),
    ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "needs KAFKA_SASL_USERNAME"),
    (USER, "PLAINTEXT sends no credentials"),
    (
        {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "GSSAPI"}
        | USER,
        "KAFKA_SASL_MECHANISM",
    ),
    ({"KAFKA_SSL_CA_FILE": "/ca.crt"}, "checks no certificate"),
    (
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_FILE": "/no/such/file"},
        "KAFKA_SSL_CA_FILE: cannot use /no/such/file",
    ),
]


@pytest.fixture(autouse=True)
def nothing_else_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECURITY_PROTOCOL", "SASL_MECHANISM", "SSL_CA_FILE"):
        monkeypatch.delenv(f"KAFKA_{name}", raising=False)


@pytest.mark.parametrize("environ", [wrong for wrong, _ in WRONG])
@pytest.mark.parametrize("settings", [ServiceSettings, DeadLetterSettings])
def test_a_service_does_not_start_with_what_could_never_work(
    settings: Any, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError) as refused:
        settings()

    assert "a-password" not in str(refused.value)


@pytest.mark.parametrize(("environ", "words"), WRONG)
def test_a_client_is_told_what_could_never_work(
    environ: dict[str, str], words: str
) -> None:
    with pytest.raises(KafkaMisconfigured, match=words):
        Brokers.from_environ(environ).security()


def test_services_and_clients_mean_the_same_by_the_same_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:9093",
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SSL_CA_FILE": "",
        **USER,
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    brokers = ServiceSettings().brokers

    assert brokers == Brokers.from_environ(environ)
    assert brokers.options() == {
        "bootstrap_servers": "kafka:9093",
        "security_protocol": "SASL_PLAINTEXT",
        "ssl_context": None,
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "ingest",
        "sasl_plain_password": "a-password",
    }


def test_a_password_is_in_no_log_of_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    for name, value in USER.items():
        monkeypatch.setenv(name, value)

    settings = ServiceSettings()

    assert "a-password" not in repr(settings) + repr(settings.brokers)
