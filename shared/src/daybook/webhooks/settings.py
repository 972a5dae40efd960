"""Settings that query and the webhook-dispatcher have alike."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from daybook.runtime.settings import ServiceSettings
from daybook.webhooks.addresses import AddressRules, networks
from daybook.webhooks.sealing import Box, keys_from


class WebhookSettings(ServiceSettings):
    """Where webhooks may go, and what seals the secrets that sign them.

    Both services need the same: one judges and seals what the other sends to and opens.
    """

    webhook_allowed_networks: Annotated[
        str,
        Field(
            description=(
                "Networks that webhooks may be sent to though they are not public, "
                "comma-separated: 10.0.0.0/8,fd00::/8."
            )
        ),
    ] = ""
    webhook_plain_http: Annotated[
        bool, Field(description="Whether webhooks' URLs may be http; else https alone.")
    ] = False
    sealing_keys: Annotated[
        SecretStr | None,
        Field(
            description=(
                "Keys that seal endpoints' secrets and headers: ID:KEY with 32 bytes "
                "in base64, comma-separated, the one that seals first."
            )
        ),
    ] = None
    sealing_keys_file: Annotated[
        Path | None,
        Field(description="A file that holds them instead, by lines or commas."),
    ] = None

    @field_validator("webhook_allowed_networks")
    @classmethod
    def _networks(cls, text: str) -> str:
        networks(_listed(text))
        return text

    @property
    def address_rules(self) -> AddressRules:
        """Which addresses may be sent to."""
        return AddressRules(
            networks(_listed(self.webhook_allowed_networks)), self.webhook_plain_http
        )

    def box(self) -> Box | None:
        """What seals; None where no key is configured.

        Raises :class:`~daybook.webhooks.sealing.MalformedKeys`, and ``OSError`` where
        the file cannot be read.
        """
        text = ""
        if self.sealing_keys is not None:
            text = self.sealing_keys.get_secret_value()
        if not text.strip() and self.sealing_keys_file is not None:
            text = self.sealing_keys_file.read_text("utf-8")
        elif not text.strip():
            return None
        return Box(keys_from(text))


def _listed(text: str) -> list[str]:
    return [part for part in text.split(",") if part.strip()]
