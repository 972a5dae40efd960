"""Why a run ended, in words for people."""

import asyncio

from daybook.client.failed_rows import cut
from daybook.redaction import Redactor

# A message is for people: a paragraph, and no stack trace.
LONGEST_MESSAGE = 2_000

_REDACTOR = Redactor()


def reason_of(error: BaseException) -> str:
    """What ended a run, in words for people: without secrets that can be known by
    their form, and cut beyond 2,000 characters."""
    try:
        said = str(error)
    except Exception:
        said = ""
    if isinstance(error, asyncio.CancelledError):
        said = f"it was cancelled: {said}" if said else "it was cancelled"
    elif isinstance(error, KeyboardInterrupt):
        said = "it was interrupted (KeyboardInterrupt)"
    elif isinstance(error, SystemExit):
        said = f"its process was told to exit (SystemExit: {said})"
    elif isinstance(error, GeneratorExit):
        said = "it was given up before its end (GeneratorExit)"
    else:
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return cut(_REDACTOR.redact_text(cut(said, 4 * LONGEST_MESSAGE)), LONGEST_MESSAGE)
