"""Shows the tasks of a Celery application, in one line::

instrument(app, SyncClient.from_env())
"""

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from weakref import WeakValueDictionary

from billiard.process import current_process
from celery import Celery, current_task, signals

from daybook.client import SyncClient, TaskLinks
from daybook.client.task_reasons import reason_of
from daybook.client.task_run import TaskRun
from daybook.client.tracing import current_traceparent
from daybook.events.task import TaskEnqueued, TaskFinished, TaskResult
from daybook.events.traceparent import traceparent_of
from daybook.integrations.quietly import Quietly
from daybook.runtime.clock import monotonic, utc_now

__all__ = ["Call", "current_run", "instrument"]

_RUN = "_daybook_run"
# In messages, where OpenTelemetry has it too.
_TRACEPARENT = "traceparent"
_LINKS = frozenset(TaskLinks.__annotations__) - {"task_id", "run"}


@dataclass(frozen=True, slots=True)
class Call:
    """A task's message, whole: what ``links`` takes of it leaves the process."""

    name: str
    task_id: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    headers: Mapping[str, Any]


def instrument(
    app: Celery,
    client: SyncClient,
    *,
    heartbeat: timedelta | None = timedelta(seconds=10),
    links: Callable[[Call], TaskLinks | None] | None = None,
    skip: Callable[[str], bool] = lambda name: name.startswith("celery."),
) -> None:
    """Publish what becomes of the application's tasks, from every process that imports
    it: the ones that call tasks and the workers, with any pool.

    A task's type is its name, and its id Celery's. Each retry is a further run. Neither
    arguments nor results leave the process; ``links`` may say more, of what a task is
    called with (on calling it, and again on running it). ``skip`` names tasks that are
    not shown: by default Celery's own. In eager mode a task is shown as it runs.

    Between events a worker gives signs of life each ``heartbeat``: a task that is lost
    with its worker is found to be stalled (before Celery 5.7, so is one that exceeds
    its hard time limit: nothing signals it). A task that its broker delivers again runs
    under the same number. Nothing that fails in here reaches the host. A second call
    for one application does nothing.

    The caller's trace goes along in the message's header ``traceparent``; a run, and
    what is published in it, belongs to it.
    """
    shown = _Shown(app, client, heartbeat, links, skip)
    for signal, receiver in (
        (signals.before_task_publish, shown.calling),
        (signals.after_task_publish, shown.called),
        (signals.task_received, shown.received),
        (signals.task_prerun, shown.begins),
        (signals.task_success, shown.succeeded),
        (signals.task_failure, shown.failed),
        (signals.task_retry, shown.tries_again),
        (signals.task_postrun, shown.ran),
        (signals.task_revoked, shown.revoked),
        (signals.task_unknown, shown.unknown),
        (signals.worker_process_shutdown, shown.process_ends),
    ):
        cast("Any", signal).connect(
            receiver, weak=False, dispatch_uid=f"daybook-{id(app)}"
        )


def current_run() -> TaskRun | None:
    """The run of the task that calls this, for its ``advance`` and ``message``; None
    where no instrumented task runs."""
    request = getattr(current_task, "request", None)
    return getattr(request, _RUN, None)


class _Shown:
    """The receivers of one application's signals."""

    def __init__(
        self,
        app: Celery,
        client: SyncClient,
        heartbeat: timedelta | None,
        links: Callable[[Call], TaskLinks | None] | None,
        skip: Callable[[str], bool],
    ) -> None:
        self._app: Any = app
        self._client = client
        self._heartbeat = heartbeat
        self._links = links
        self._skip = skip
        self._quietly = Quietly(monotonic)
        self._calling = threading.local()
        # What a worker's main process has received: of a task whose own process is
        # gone, Celery does not always say which run it was.
        self._received: WeakValueDictionary[str, Any] = WeakValueDictionary()
        # A heartbeat that could never work is said now, not by each task.
        client.task("check", heartbeat=heartbeat)

    def calling(self, headers: Any = None, **_: Any) -> None:
        """The task is about to be handed to the broker: this is when it was called."""
        self._calling.time = utc_now()
        with self._quietly.attempt("carrying a trace to a task"):
            # Where OpenTelemetry instruments Celery too, its own is there, or comes.
            trace = current_traceparent()
            if trace is not None and headers is not None:
                headers.setdefault(_TRACEPARENT, trace)

    def called(self, sender: Any, headers: Any, body: Any, **_: Any) -> None:
        """The broker has the message: only now it is a fact."""
        with self._quietly.attempt("telling of a called task"):
            protocol_2 = "task" in headers
            message: Mapping[str, Any] = headers if protocol_2 else body
            args, kwargs = body[:2] if protocol_2 else (body["args"], body["kwargs"])
            if self._skip(sender):
                return
            call = Call(sender, message["id"], args, kwargs, headers)
            links = self._links_of(call)
            time: datetime | None = self._calling.__dict__.pop("time", None)
            where = _where(links)
            event = TaskEnqueued(
                task_id=call.task_id, run=_run_of(message), task_type=sender, **links
            )
            self._client.publish(event, **where, time=time)

    def received(self, request: Any, **_: Any) -> None:
        if request.app is self._app:
            self._received[request.id] = request

    def begins(self, task_id: str, task: Any, args: Any, kwargs: Any, **_: Any) -> None:
        with self._quietly.attempt("telling that a task begins"):
            if not self._is_shown(task):
                return
            request = task.request
            call = Call(task.name, task_id, args, kwargs, request.headers or {})
            run = self._client.task(
                task.name,
                task_id=task_id,
                run=int(request.retries or 0) + 1,
                heartbeat=self._heartbeat,
                enqueued=not request.is_eager,
                **self._links_of(call),
            )
            setattr(request, _RUN, run)
            run.enter()

    def succeeded(self, sender: Any, **_: Any) -> None:
        run = _open_run(sender)
        if run is not None:
            run.end()

    def failed(self, sender: Any, task_id: str, exception: Any, **_: Any) -> None:
        run = _open_run(sender)
        if run is not None:
            run.end(exception)
        elif self._is_shown(sender):
            # From the main process: the task's own is gone, and its run with it.
            self._finish(sender, task_id, sender.request, reason_of(exception))

    def tries_again(self, sender: Any, reason: Any = None, **_: Any) -> None:
        """The next run was enqueued before this one says that it failed."""
        run = _open_run(sender)
        if run is not None:
            run.fail(str(reason))
            run.end()

    def ran(self, task: Any, state: str | None = None, **_: Any) -> None:
        """After every run: what none of the others has ended."""
        if (entered := _run(task)) is not None:
            entered.leave_trace()
        run = _open_run(task)
        if run is None:
            return
        error = sys.exc_info()[1]
        stopped = state is None and not isinstance(error, Exception)
        if state == "REJECTED" or (stopped and (task.acks_late or _is_in_a_pool())):
            # The broker delivers it again, or the main process says why not: it knows
            # of time limits and revocations.
            run.forget()
        elif state == "IGNORED":
            run.operation_status = "UNKNOWN"
            run.message = "it asked for its result to be ignored"
            run.end()
        else:
            run.end(error)

    def revoked(
        self, sender: Any, request: Any, terminated: Any, expired: Any, **_: Any
    ) -> None:
        if self._is_shown(sender):
            reason = "it was revoked while it ran" if terminated else "it was revoked"
            reason = "it expired before it was run" if expired else reason
            self._finish(sender, request.id, request, reason)

    def unknown(
        self, sender: Any, message: Any, name: str | None, id: str | None, **_: Any
    ) -> None:
        with self._quietly.attempt("telling of an unknown task"):
            if sender.app is self._app and name and id and not self._skip(name):
                call = Call(name, id, (), {}, message.headers)
                run = _run_of(message.headers)
                self._publish_failure(call, run, "its worker does not know it")

    def process_ends(self, **_: Any) -> None:
        """A pool's process leaves without running what waits for its exit."""
        self._client.close()

    def _finish(self, task: Any, task_id: str, request: Any, reason: str) -> None:
        with self._quietly.attempt("telling that a task ended"):
            received = self._received.get(task_id)
            if received is not None:
                request = received._context
            run = int(getattr(request, "retries", None) or 0) + 1
            args: Any = request.args or ()
            kwargs: Any = request.kwargs or {}
            call = Call(task.name, task_id, args, kwargs, request.headers or {})
            self._publish_failure(call, run, reason)

    def _publish_failure(self, call: Call, run: int, reason: str) -> None:
        links = self._links_of(call)
        where = _where(links)
        event = TaskFinished(
            task_id=call.task_id,
            run=run,
            task_type=call.name,
            outcome="FAILED",
            operation_status="FAILED",
            result=TaskResult(message=reason),
            **links,
        )
        self._client.publish(event, **where)

    def _is_shown(self, task: Any) -> bool:
        return task.app is self._app and not self._skip(task.name)

    def _links_of(self, call: Call) -> dict[str, Any]:
        trace = traceparent_of(call.headers.get(_TRACEPARENT))
        known: dict[str, Any] = {} if trace is None else {_TRACEPARENT: trace}
        if self._links is None:
            return known
        with self._quietly.attempt("asking for a task's links"):
            links = self._links(call) or {}
            known |= {name: value for name, value in links.items() if name in _LINKS}
        return known


def _is_in_a_pool() -> bool:
    """Whether a main process watches over this one."""
    return cast("Any", current_process()).name != "MainProcess"


def _where(links: dict[str, Any]) -> dict[str, Any]:
    """What of the links is not the event's, taken out of them."""
    return {
        name: links.pop(name) for name in ("project_id", _TRACEPARENT) if name in links
    }


def _run_of(message: Mapping[str, Any]) -> int:
    return int(message.get("retries") or 0) + 1


def _run(task: Any) -> TaskRun | None:
    return getattr(getattr(task, "request", None), _RUN, None)


def _open_run(task: Any) -> TaskRun | None:
    run = _run(task)
    return run if run is not None and run.is_running else None
