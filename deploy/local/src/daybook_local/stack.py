"""The order in which the stack comes up and goes down."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx

from daybook_local.errors import StackError
from daybook_local.logs import Console
from daybook_local.ports import HOST, Ports
from daybook_local.server import Definition
from daybook_local.services import Service
from daybook_local.supervision import Backoff, Supervised
from daybook_local.waiting import wait_until

READY_WITHIN_S = 60.0


class StopRequested(Exception):
    """Somebody asked the stack to stop while it was still starting."""


@dataclass(frozen=True, slots=True)
class Running:
    """A service that was started, and where it answers (None: nowhere)."""

    service: Service
    child: Supervised
    url: str | None


class Stack:
    """Starts processes stage by stage and stops them the other way round."""

    def __init__(
        self,
        *,
        logs: Path,
        console: Console,
        ports: Ports,
        stop_requested: Event,
        restarted: Callable[[str, int], None],
        backoff: Backoff | None = None,
    ) -> None:
        self.console = console
        self.running: dict[str, Running] = {}
        self._logs = logs
        self._ports = ports
        self._stop_requested = stop_requested
        self._restarted = restarted
        self._backoff = backoff
        # In the order of starting; each list stops at once.
        self._stages: list[list[Supervised]] = []

    def say(self, words: str) -> None:
        """A line of progress; raises `StopRequested` once a stop was asked for."""
        self.check()
        self.console.line("daybook", words)

    def check(self) -> None:
        if self.stop_was_asked_for():
            raise StopRequested

    def start_server(self, server: Definition) -> Callable[[], None]:
        """Start it, and return the function that waits until it serves.

        So that the two servers come up side by side.
        """
        server.prepare()
        child = self._supervise_server(server)
        self._stages.append([child])
        child.start()

        def wait() -> None:
            try:
                server.wait_ready(lambda: self._worth_waiting(child))
            except StackError as error:
                raise StackError(f"{error}\n{child.last_words()}") from error
            self.say(f"{child.name} is ready")

        return wait

    def start_stage(
        self, services: Sequence[Service], variables: Mapping[str, str]
    ) -> None:
        """Start these at once, and return when each of them is ready."""
        stage: list[Supervised] = []
        self._stages.append(stage)
        for service in services:
            self.check()
            port = (
                None
                if service.port_variable is None
                else self.take_port(service.name, service.usual_port)
            )
            child = self._supervise(service, variables, port)
            url = None if port is None else f"http://{HOST}:{port}"
            self.running[service.name] = Running(service, child, url)
            stage.append(child)
            child.start()
        for service in services:
            self._wait_ready(self.running[service.name])

    def take_port(self, name: str, usual: int | None) -> int:
        """The usual port, or another, and a word about it."""
        port = self._ports.take(usual)
        if usual is not None and port != usual:
            self.say(f"port {usual} is taken: {name} listens on {port}")
        return port

    def stop(self, hurry: Event) -> None:
        """Stop all, last started first; `hurry` ends every wait."""
        for stage in reversed(self._stages):
            if not stage:
                continue
            with ThreadPoolExecutor(len(stage)) as pool:
                for child in stage:
                    self.console.line("daybook", f"stopping {child.name}")
                    pool.submit(child.stop, hurry)
        self._stages.clear()

    def _supervise(
        self, service: Service, variables: Mapping[str, str], port: int | None
    ) -> Supervised:
        return Supervised(
            service.command(variables, port),
            log=self._logs / f"{service.name}.log",
            console=self.console,
            restarted=self._restarted,
            backoff=self._backoff,
        )

    def _supervise_server(self, server: Definition) -> Supervised:
        command = server.command()
        return Supervised(
            command,
            log=self._logs / f"{command.name}.log",
            console=self.console,
            backoff=self._backoff,
        )

    def _wait_ready(self, running: Running) -> None:
        service, child, url = running.service, running.child, running.url
        if url is None:
            return
        try:
            with httpx.Client(timeout=5.0, trust_env=False) as client:
                wait_until(
                    lambda: _not_ready(client, url + service.ready_path),
                    what=service.name,
                    within=READY_WITHIN_S,
                    alive=lambda: self._worth_waiting(child),
                )
        except StackError as error:
            raise StackError(
                f"{error}. Its log, {child.log}, ends with:\n{child.last_words()}"
            ) from error
        self.say(f"{service.name} is ready at {url}")

    def stop_was_asked_for(self) -> bool:
        return self._stop_requested.is_set()

    def _worth_waiting(self, child: Supervised) -> bool:
        return child.may_come_up() and not self.stop_was_asked_for()


def _not_ready(client: httpx.Client, url: str) -> str | None:
    try:
        answer = client.get(url)
    except httpx.HTTPError as error:
        return f"{url}: {error}"
    if answer.is_success:
        return None
    return f"{url} answers {answer.status_code} {answer.text[:200]}"
