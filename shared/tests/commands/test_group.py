import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint

import pytest
from click.testing import CliRunner
from daybook.commands import group


def installed(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, str]) -> None:
    def discover() -> Iterable[EntryPoint]:
        return [EntryPoint(name, value, group.ENTRY_POINTS) for name, value in found]

    monkeypatch.setattr(group, "discover", discover)


BROKEN = ("broken", "daybook_that_is_not_there:command")
WORKING = ("dead-letters", "daybook.commands.dead_letters:dead_letters")


def test_the_commands_of_every_installed_distribution_are_found() -> None:
    result = CliRunner().invoke(group.daybook, ["--help"])

    assert result.exit_code == 0
    assert "dead-letters" in result.output
    assert "admin" in result.output


def test_a_broken_distribution_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, BROKEN, WORKING)

    help_page = CliRunner().invoke(group.daybook, ["--help"])
    working = CliRunner().invoke(group.daybook, ["dead-letters", "--help"])

    assert (help_page.exit_code, working.exit_code) == (0, 0)
    assert "cannot be loaded" in help_page.output


@pytest.mark.parametrize("arguments", [(), ("--help",), ("list", "--limit", "3")])
def test_a_broken_command_says_why_it_cannot_run(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    installed(monkeypatch, BROKEN)

    result = CliRunner().invoke(group.daybook, ["broken", *arguments])

    assert result.exit_code == 1
    assert "daybook_that_is_not_there" in result.output


def test_an_entry_point_that_is_no_command_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, ("odd", "daybook.events.topics:REQUESTS"))

    result = CliRunner().invoke(group.daybook, ["odd"])

    assert result.exit_code == 1
    assert "no click command" in result.output


def test_the_version_is_that_of_the_library() -> None:
    result = CliRunner().invoke(group.daybook, ["--version"])

    assert result.output.startswith("daybook, version 0.")


def test_without_the_extra_the_command_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['click'] = None;"
        "from daybook.commands.main import main; main()"
    )

    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "install daybook[runtime]" in done.stderr
    assert "Traceback" not in done.stderr
