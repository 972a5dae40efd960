"""Whether a webhook comes from who shares a secret with us."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that are valid now: those given, and a file's, one a line.

    The file is read for every webhook, so a rotation needs no restart; it need not
    be there yet.
    """

    given: tuple[str, ...] = field(default=(), repr=False)
    file: Path | None = None

    def why_not(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why no secret verifies it, in words; None: one does."""
        reason = "no secret is known"
        for secret in self._all():
            try:
                webhook = Webhook(secret)
            except (ValueError, EmptyWebhookSecretError):
                reason = "a secret is not base64"
                continue
            try:
                webhook.verify(body, dict(headers), json_parse=False)
            except WebhookVerificationError as error:
                reason = str(error)
            except ValueError:
                # What the library makes of a signature or a body that is no text.
                reason = "the signature or the body is malformed"
            else:
                return None
        return reason

    def _all(self) -> Iterator[str]:
        yield from self.given
        if self.file is not None and self.file.exists():
            yield from self.file.read_text("utf-8").split()
