"""`.daybook/stack.json`: where scripts find the stack while it runs."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock

from daybook_local.private_files import write_private


@dataclass(slots=True)
class ServiceEntry:
    """One service: its process now, and where it answers `/livez` and `/readyz`."""

    pid: int
    health: str


@dataclass(slots=True)
class StackEntry:
    """The whole file; field names are a promise to scripts."""

    dashboard: str
    api: str
    api_key: str
    project_id: str
    shop: str
    kafka: str
    mongodb: str
    receiver: str | None = None  # of webhooks, where one runs
    services: dict[str, ServiceEntry] = field(default_factory=dict[str, ServiceEntry])


class StackFile:
    """Written once everything answers, kept current, gone when the stack is."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "stack.json"
        self._entry: StackEntry | None = None
        self._lock = Lock()

    def write(self, entry: StackEntry) -> None:
        with self._lock:
            self._entry = entry
            self._save(entry)

    def restarted(self, service: str, pid: int) -> None:
        """A service has a new process; before `write` and after `remove`: nothing."""
        with self._lock:
            if self._entry is not None and service in self._entry.services:
                self._entry.services[service].pid = pid
                self._save(self._entry)

    def remove(self) -> None:
        with self._lock:
            self._entry = None
            self.path.unlink(missing_ok=True)

    def _save(self, entry: StackEntry) -> None:
        write_private(self.path, json.dumps(asdict(entry), indent=1) + "\n")
