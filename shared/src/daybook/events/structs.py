"""The quick decoders: msgspec structs, made from the pydantic events.

The events are defined once, in pydantic. Decoding into structs made from them costs a
quarter of pydantic's own JSON validation; what the structs refuse is judged again by
pydantic, which also gives the reason. So a struct may be stricter than its event, never
laxer: a constraint that cannot be carried over is an error here, at once.
"""

import types
import typing
from datetime import datetime
from typing import Annotated, Any, Literal, cast

import annotated_types
import msgspec
from pydantic import BaseModel, BeforeValidator

from daybook.events.base import Event, raw_fields
from daybook.events.cloudevent import LONGEST_NAME
from daybook.events.json_text import model_in

_NAME = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
_SEQUENCE = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | str | None


class UnsupportedAnnotation(TypeError):
    """An event uses an annotation that the quick decoder does not know."""


class _Untyped(msgspec.Struct, tag_field="type", tag=""):
    """No event has this type."""


def envelope_decoder(
    events: tuple[type[Event], ...],
) -> msgspec.json.Decoder[Any]:
    """Decode one whole structured-mode CloudEvent that carries one of ``events``.

    Unknown attributes and fields, and anything at all that is odd, raise
    :class:`msgspec.MsgspecError` or :class:`ValueError`.
    """
    envelopes = [_envelope(event) for event in events]
    # A struct alone may come without its tag; two of them make the type required.
    union: Any = typing.Union[(_Untyped, *envelopes)]
    return msgspec.json.Decoder(union)


def _envelope(event: type[Event]) -> type[msgspec.Struct]:
    fields: list[Any] = [
        ("specversion", Literal["1.0"]),
        ("id", _NAME),
        ("source", _NAME),
        ("projectid", _NAME),
        ("data", _struct(event)),
        ("time", datetime | None, None),
        ("subject", str | None, None),
        ("datacontenttype", str | None, None),
        ("dataschema", str | None, None),
        ("traceparent", str | None, None),
        ("sequence", _SEQUENCE, None),
    ]
    return msgspec.defstruct(
        f"{event.__name__}Envelope",
        fields,
        tag_field="type",
        tag=event.type,
        forbid_unknown_fields=True,
        gc=False,
    )


def _struct(model: type[BaseModel]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    raw = raw_fields(model)
    for name, info in model.model_fields.items():
        annotation = msgspec.Raw if name in raw else _carry_over(info.annotation)
        if info.metadata and name not in raw:
            annotation = Annotated[annotation, _meta(info.metadata)]
        fields.append(
            (name, annotation)
            if info.is_required()
            else (name, annotation, info.default)
        )
    # Defaults first in no order: keyword-only lets required fields follow them.
    return msgspec.defstruct(
        model.__name__,
        fields,
        kw_only=True,
        omit_defaults=True,
        forbid_unknown_fields=True,
        gc=False,
    )


def _carry_over(annotation: Any) -> Any:
    if annotation in (str, int, float, bool, type(None)):
        return annotation
    model = model_in(annotation)
    if model is annotation and model is not None:
        return _struct(model)
    origin: Any = typing.get_origin(annotation)
    arguments: tuple[Any, ...] = typing.get_args(annotation)
    if origin is Literal:
        return annotation
    if origin is list:
        item: Any = _carry_over(arguments[0])
        return list[item]
    if origin is Annotated:
        return Annotated[_carry_over(arguments[0]), _meta(arguments[1:])]
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(_carry_over(part) for part in arguments)]  # noqa: UP007 - made at run time
    raise UnsupportedAnnotation(repr(annotation))


def _meta(constraints: typing.Iterable[Any]) -> msgspec.Meta:
    carried: dict[str, Any] = {}
    for constraint in _flatten(constraints):
        match constraint:
            case annotated_types.Ge(ge=bound):
                carried["ge"] = bound
            case annotated_types.Le(le=bound):
                carried["le"] = bound
            case annotated_types.MinLen(min_length=length):
                carried["min_length"] = length
            case annotated_types.MaxLen(max_length=length):
                carried["max_length"] = length
            case BeforeValidator():
                pass  # mends what no decoder lets through
            case _ if getattr(constraint, "allow_inf_nan", None) is False:
                pass  # msgspec never decodes either
            case _:
                raise UnsupportedAnnotation(repr(constraint))
    return msgspec.Meta(**carried)


def _flatten(constraints: typing.Iterable[Any]) -> typing.Iterator[Any]:
    for constraint in constraints:
        metadata = getattr(constraint, "metadata", None)
        if isinstance(metadata, list | tuple) and metadata:
            yield from _flatten(cast("typing.Iterable[Any]", metadata))
        else:
            yield constraint
