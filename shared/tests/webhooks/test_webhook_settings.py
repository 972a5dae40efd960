"""Where webhooks may go and what seals their secrets, from the environment."""

from pathlib import Path

import pytest
from daybook.webhooks.addresses import Refused
from daybook.webhooks.sealing import MalformedKeys, new_key
from daybook.webhooks.settings import WebhookSettings
from pydantic import ValidationError


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("WEBHOOK_ALLOWED_NETWORKS", "WEBHOOK_PLAIN_HTTP", "SEALING_KEYS"):
        monkeypatch.delenv(f"DAYBOOK_{name}", raising=False)
    monkeypatch.delenv("DAYBOOK_SEALING_KEYS_FILE", raising=False)
    return monkeypatch


def test_without_settings_only_public_addresses_over_https_are_reached(
    environment: pytest.MonkeyPatch,
) -> None:
    rules = WebhookSettings().address_rules

    rules.judge_url("https://example.com/hook")
    with pytest.raises(Refused, match="http is not allowed"):
        rules.judge_url("http://example.com/hook")
    with pytest.raises(Refused, match="not a public address"):
        rules.judge_url("https://127.0.0.1/hook")


def test_networks_are_listed_with_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DAYBOOK_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8, ::1/128,")
    environment.setenv("DAYBOOK_WEBHOOK_PLAIN_HTTP", "true")
    rules = WebhookSettings().address_rules

    rules.judge_url("http://127.0.0.1:81/hook")
    rules.judge_url("http://[::1]:81/hook")
    with pytest.raises(Refused):
        rules.judge_url("http://10.0.0.1/hook")


def test_a_network_that_is_none_ends_the_start(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DAYBOOK_WEBHOOK_ALLOWED_NETWORKS", "10.0.0.1/8")

    with pytest.raises(ValidationError, match="has host bits set"):
        WebhookSettings()


def test_without_keys_there_is_no_box(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DAYBOOK_SEALING_KEYS", " ")

    assert WebhookSettings().box() is None


def test_keys_come_from_a_variable_or_a_file(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = new_key("a")
    file = tmp_path / "keys"
    file.write_text(f"{key}\n")
    environment.setenv("DAYBOOK_SEALING_KEYS", key)
    by_variable = WebhookSettings().box()
    environment.delenv("DAYBOOK_SEALING_KEYS")
    environment.setenv("DAYBOOK_SEALING_KEYS_FILE", str(file))
    by_file = WebhookSettings().box()

    assert by_variable is not None
    assert by_file is not None
    assert by_file.open(by_variable.seal("s", "demo/we_1"), "demo/we_1") == "s"


def test_a_file_without_a_key_is_refused(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_text("\n")
    environment.setenv("DAYBOOK_SEALING_KEYS_FILE", str(file))

    with pytest.raises(MalformedKeys):
        WebhookSettings().box()
