"""Files that only their owner may read."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write the file whole or not at all, readable and writable by its owner alone."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_private(path: Path) -> str | None:
    """What was written, without blanks around it; None if nothing was."""
    try:
        text = path.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    return text or None


def kept(path: Path, make: Callable[[], str]) -> str:
    """What the file says; on the first call `make` is asked, and its answer kept."""
    text = read_private(path)
    if text is None:
        text = make()
        write_private(path, text)
    return text
