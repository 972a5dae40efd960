"""The image, held without Docker: what its steps install, and how it is checked."""

import os
import re
import runpy
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
Tool = Callable[..., subprocess.CompletedProcess[str]]


def test_the_dockerfile_has_no_finding(tool: Tool) -> None:
    found = tool("hadolint", "Dockerfile")

    assert found.returncode == 0, found.stdout


def installed(service: str, prefix: Path) -> Path:
    """What the image of a service holds, made by the image's own step."""
    binaries = ROOT / ".venv" / "bin"
    made = subprocess.run(  # noqa: S603 - our own script
        [str(ROOT / "deploy" / "image" / "install.sh"), service, str(prefix)],
        env={
            **os.environ,
            "PATH": f"{os.environ['PATH']}:{binaries}",
            "PYTHON": str(binaries / "python"),
        },
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return prefix


@pytest.mark.parametrize(
    ("service", "module"),
    [
        ("ingest", "ingest.app"),
        ("webhook-dispatcher", "webhook_dispatcher.app"),
        ("query", "query.commands"),
        ("shop", "shop.app"),
    ],
)
def test_an_image_holds_what_its_service_needs_and_no_other(
    service: str, module: str, tmp_path: Path
) -> None:
    prefix = installed(service, tmp_path / "app")
    script = (
        f"import {module}; from importlib.metadata import distributions as d;"
        "print(*(f'{x.name.lower()}=={x.version}' for x in d()))"
    )
    answer = subprocess.run(  # noqa: S603 - our own package
        [str(prefix / "bin" / "python"), "-I", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pins = re.findall(r"^([a-z0-9._-]+==[^ ;]+)", lock, re.MULTILINE)
    has = {named(each) for each in answer.stdout.split()}
    ours = {f"{service}==0.1.0", "daybook==0.1.0"}
    assert has - ours <= {named(pin) for pin in pins}
    assert not [name for name in has if name.startswith(("pytest=", "fiftyone"))]


def named(pin: str) -> str:
    """Name and version, with the name spelled as indexes compare it."""
    name, _, version = pin.partition("==")
    return f"{re.sub(r'[-_.]+', '-', name)}=={version}"


def test_nothing_that_the_image_needs_is_ignored_and_no_secret_gets_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--)(\S+) ", DOCKERFILE, re.MULTILINE)

    assert {f"!{source}" for source in copied} <= set(ignored)
    assert "*" in ignored
    assert "**/.env*" in ignored


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", DOCKERFILE, re.MULTILINE)


@pytest.fixture
def answering() -> Iterator[tuple[int, dict[str, int]]]:
    """A port, and what its paths answer."""
    answers: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers.get(self.path, 404))
            self.end_headers()
            self.wfile.write(b"not reading yet")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, answers
        server.shutdown()
        thread.join()


def why_not(port: int) -> str | None:
    script = runpy.run_path(str(ROOT / "deploy" / "image" / "healthcheck.py"))
    return script["why_not"](
        {"PORT_VARIABLE": "DAYBOOK_HEALTH_PORT", "DAYBOOK_HEALTH_PORT": str(port)}
    )


def test_a_ready_service_is_healthy(answering: tuple[int, dict[str, int]]) -> None:
    port, answers = answering
    answers["/readyz"] = 200

    assert why_not(port) is None


def test_a_service_that_is_not_ready_is_unhealthy_and_says_why(
    answering: tuple[int, dict[str, int]],
) -> None:
    port, answers = answering
    answers["/readyz"] = 503

    assert why_not(port) == "503 not reading yet"


def test_a_service_that_does_not_answer_is_unhealthy() -> None:
    assert str(why_not(1)).startswith("no answer on port 1")


def test_the_image_runs_the_service_that_it_was_built_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setenv("SERVICE", "task-tracker")
    launch = ROOT / "deploy" / "image" / "launch.py"
    code = compile(launch.read_text("utf-8"), str(launch), "exec")

    def run_module(name: str, **how: Any) -> None:
        ran.append((name, how))

    monkeypatch.setattr(runpy, "run_module", run_module)
    exec(code, {"__name__": "__main__"})  # noqa: S102 - our own file

    assert ran == [("task_tracker", {"run_name": "__main__", "alter_sys": True})]
