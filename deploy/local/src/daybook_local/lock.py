"""One stack a folder."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from daybook_local.errors import StackError


@contextmanager
def only_one(state_dir: Path) -> Generator[None]:
    """Hold the folder; `StackError` names the process that already does.

    The kernel lets go of it with the process, however that ends: it is never stale.
    """
    path = state_dir / "run.lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StackError(
                f"Daybook is already running here: process {holder}. Its addresses "
                f"are in {state_dir / 'stack.json'}; stop it with Ctrl-C in its "
                f"terminal or with: kill {holder}"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        # Emptied, not removed: a second starter may already have it open.
        file.seek(0)
        file.truncate()
