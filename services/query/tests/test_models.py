"""What is answered has the names and types that the documentation shows."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast, get_args

import pytest
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_tasks import (
    stored_failed_row,
    stored_task,
    stored_task_event,
)
from pydantic import BaseModel
from query.api.models import Log, LogSummary
from query.api.task_models import FailedRow, Task, TaskEvent, TaskSummary
from query.logs.shapes import log_shape
from query.tasks.shapes import (
    failed_row_shape,
    task_event_shape,
    task_shape,
    whole_task_shape,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)
USER = {"id": "u", "email": "u@x.example"}
MESSAGE = {"headers": [["a", "b"]], "body": "x", "body_encoding": "utf-8"}

LOG = stored_log(
    "a",
    NOW,
    user=USER,
    api_key={"id": "k", "name": "n", "kind": "server"},
    resource={"type": "t", "id": "r"},
    request=MESSAGE,
    response=MESSAGE,
    sequence=1,
)
BARE_LOG = stored_log("a", NOW, status_code=None, request_id=None, origin=None)
TASK = stored_task("a", NOW, user=USER, processing_time=1.4, heartbeat_s=30, total=1)
WAITING = stored_task("b", NOW, status="ENQUEUED", task_type=None, request_id=None)
ROW = stored_failed_row(TASK, "1", row=1, code="c", source_id="s", reason="r")
EVENT = stored_task_event(
    TASK, "e", "finished", NOW, outcome="DONE", result={"message": "m"}, user=USER
)
BARE_EVENT = stored_task_event(TASK, "e", "enqueued", NOW, event_time="soon")

ANSWERS: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (LogSummary, log_shape(LOG, whole=False)),
    (LogSummary, log_shape(BARE_LOG, whole=False)),
    (Log, log_shape(LOG, whole=True)),
    (Log, log_shape(BARE_LOG, whole=True)),
    (TaskSummary, task_shape(TASK)),
    (TaskSummary, task_shape(WAITING)),
    (Task, whole_task_shape(TASK, [ROW])),
    (Task, whole_task_shape(WAITING, [])),
    (FailedRow, failed_row_shape(ROW)),
    (FailedRow, failed_row_shape(stored_failed_row(TASK, "x"))),
    (TaskEvent, task_event_shape(EVENT)),
    (TaskEvent, task_event_shape(BARE_EVENT)),
]


def differences(model: type[BaseModel], shape: dict[str, Any]) -> Iterator[str]:
    """Names that only one of the two has, at any depth."""
    for name in set(model.model_fields) ^ set(shape):
        yield f"{model.__name__}.{name}"
    for name, field in model.model_fields.items():
        inner: Any = shape.get(name)
        held = cast("list[Any]", inner) if isinstance(inner, list) else [inner]
        for part, value in itertools.product(_models(field.annotation), held):
            if isinstance(value, dict):
                yield from differences(part, cast("dict[str, Any]", value))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


@pytest.mark.parametrize(("model", "shape"), ANSWERS)
def test_an_answer_is_what_its_model_says(
    model: type[BaseModel], shape: dict[str, Any]
) -> None:
    model.model_validate(shape)

    assert list(differences(model, shape)) == []
