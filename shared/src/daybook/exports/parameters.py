"""What to export, read from what a client asks for; the same as it is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from daybook.exports.filters import read_filters
from daybook.exports.objects import (
    OBJECTS,
    RESPONSE_FORMATS,
    ExportedObject,
    ExportedObjectName,
    ResponseFormat,
)
from daybook.exports.problems import InvalidParameters, said, unknown

__all__ = [
    "InvalidParameters",
    "Parameters",
    "parameters_of",
    "read_parameters",
    "read_requested",
    "stored_parameters",
]

_BODY: Final = ("exported_object", "response_format", "parameters")
_PARAMETERS: Final = ("fields", "order", "filters")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What to export. ``fields`` are the columns in the order that was asked for;
    ``filters`` are checked, and normalised JSON."""

    exported_object: ExportedObjectName
    response_format: ResponseFormat
    fields: tuple[str, ...]
    order: str
    filters: Mapping[str, Any]


def read_parameters(body: Mapping[str, object]) -> Parameters:
    """Read the body of ``POST /v1/exports``, as Voucherify's clients send it.

    What is left out, or null, has its default: every column but bodies, newest first,
    no filter, CSV. Raises :class:`InvalidParameters` with every problem at once.
    """
    problems: dict[str, str] = dict(unknown(body, _BODY))
    name = body.get("exported_object")
    if not isinstance(name, str) or name not in OBJECTS:
        problems["exported_object"] = f"use {said(OBJECTS)}"
        raise InvalidParameters(problems)
    exported = OBJECTS[cast("ExportedObjectName", name)]
    form = _format(body.get("response_format"), problems)
    given = body.get("parameters")
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        problems["parameters"] = f"use an object with {said(_PARAMETERS, 'and')}"
        raise InvalidParameters(problems)
    given = cast("Mapping[str, object]", given)
    problems |= unknown(given, _PARAMETERS, "parameters.")
    order = _order(given.get("order"), exported, problems)
    filters, wrong = read_filters(given.get("filters"), exported)
    problems |= wrong
    fields, fields_problem = _fields(given.get("fields"), exported)
    if fields_problem:
        problems["parameters.fields"] = fields_problem
    if problems:
        allowed = tuple(exported.fields) if fields_problem else None
        raise InvalidParameters(problems, allowed)
    return Parameters(exported.name, form, fields, order, filters)


def read_requested(data: Mapping[str, Any]) -> Parameters:
    """Read the data of an ``ExportRequested``, whose parameters are JSON text.

    Raises :class:`InvalidParameters`.
    """
    body = {name: data[name] for name in _BODY if data.get(name) is not None}
    if "parameters" in body:
        try:
            body["parameters"] = orjson.loads(body["parameters"])
        except orjson.JSONDecodeError as error:
            # It is JSON, as was seen before: what is refused of that is text that no
            # UTF-8 can hold.
            problem = {"parameters": f"cannot be read: {error}"}
            raise InvalidParameters(problem) from None
    return read_parameters(body)


def stored_parameters(parameters: Parameters) -> dict[str, Any]:
    """``parameters`` of a document of ``exports``."""
    return {
        "fields": list(parameters.fields),
        "order": parameters.order,
        "filters": dict(parameters.filters),
        "response_format": parameters.response_format,
    }


def parameters_of(document: Mapping[str, Any]) -> Parameters:
    """The parameters of a document of ``exports`` that is to be run."""
    stored = document["parameters"]
    return Parameters(
        document["exported_object"],
        stored["response_format"],
        tuple(stored["fields"]),
        stored["order"],
        stored["filters"],
    )


def _format(given: object, problems: dict[str, str]) -> ResponseFormat:
    if given is None:
        return "CSV"
    for form in RESPONSE_FORMATS:
        if isinstance(given, str) and given.upper() == form:
            return form
    problems["response_format"] = f"use {said(RESPONSE_FORMATS)}"
    return "CSV"


def _order(given: object, exported: ExportedObject, problems: dict[str, str]) -> str:
    if given is None:
        return exported.orders[0]
    if not isinstance(given, str) or given not in exported.orders:
        problems["parameters.order"] = f"use {said(exported.orders)}"
        return exported.orders[0]
    return given


def _fields(given: object, exported: ExportedObject) -> tuple[tuple[str, ...], str]:
    """The columns, and what is wrong with what was given, if anything."""
    if given is None or given == []:
        return exported.default_fields, ""
    if not isinstance(given, list):
        return (), f"use a list of {said(exported.fields, 'and')}"
    names = cast("list[object]", given)
    problem = "; ".join(_field_problems(names, exported))
    return tuple(name for name in names if isinstance(name, str)), problem


def _field_problems(names: list[object], exported: ExportedObject) -> Iterator[str]:
    wrong = [name for name in names if name not in tuple(exported.fields)]
    if wrong:
        shown = ", ".join(repr(name)[:80] for name in wrong[:5])
        yield f"{shown}: use {said(exported.fields)}"
    twice = sorted({name for name in exported.fields if names.count(name) > 1})
    if twice:
        yield f"name {said(twice, 'and')} once"
