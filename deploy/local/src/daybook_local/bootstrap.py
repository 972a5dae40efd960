"""The demo project, its key and the signed-in address, by `daybook admin`."""

import json
import os
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from daybook_local.errors import StackError
from daybook_local.private_files import kept, write_private

PROJECT_ID = "demo"
COMMAND_WITHIN_S = 60.0


def daybook_command() -> tuple[str, ...]:
    """The `daybook` command beside the Python that runs us, whatever PATH says."""
    return (str(Path(sysconfig.get_path("scripts")) / "daybook"),)


@dataclass(frozen=True, slots=True)
class Admin:
    """`daybook admin` against this stack's database."""

    environment: Mapping[str, str]
    command: Sequence[str] = field(default_factory=daybook_command)

    def run(self, *arguments: str) -> str:
        """What the command printed; `StackError` has its words if it failed."""
        argv = [*self.command, "admin", *arguments]
        shown = " ".join(["daybook", *argv[len(self.command) :]])
        try:
            answer = subprocess.run(  # noqa: S603 - our own command
                argv,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_WITHIN_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StackError(f"`{shown}` could not be run: {error}") from error
        if answer.returncode != 0:
            words = (answer.stderr.strip() or answer.stdout.strip())[-4_000:]
            raise StackError(f"`{shown}` failed:\n{words}")
        return answer.stdout.strip()

    def create_project(self) -> None:
        """The demo project exists afterwards."""
        self.run("project", "create", PROJECT_ID, "--name", "Demo", "--if-missing")

    def key(self, file: Path) -> str:
        """The key of earlier starts, else a new one, kept in the file."""
        return kept(file, self._create_key)

    def replace_key(self, file: Path) -> str:
        """A new key in place of one that the database does not know."""
        key = self._create_key()
        write_private(file, key)
        return key

    def sign_in_link(self, base_url: str) -> str:
        """The dashboard's address, signed in."""
        link = self.run("sign-in-link", "--project", PROJECT_ID, "--base-url", base_url)
        return link.splitlines()[-1] if link else base_url

    def _create_key(self) -> str:
        answer = self.run(
            "key", "create", "--project", PROJECT_ID, "--name", "local", "--json"
        )
        try:
            made = cast("dict[str, Any]", json.loads(answer))
            return str(made["key"])
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(
                "`daybook admin key create --json` did not print a key"
            ) from error
