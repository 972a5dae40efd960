"""A filter of sendouts, as query's API names it, as conditions on documents."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from daybook.runtime.mongo import Document

_EXACT = ("status", "event_id", "endpoint_id", "entity_id", "group_id")


class UnknownFilter(ValueError):
    """The filter names something that sendouts are not filtered by."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        super().__init__(f"cannot filter sendouts by {', '.join(names)}")


def conditions(project_id: str, chosen: Mapping[str, Sequence[str]]) -> Document:
    """Values of one name are OR, names are AND; raises :class:`UnknownFilter`."""
    met: list[Document] = [{"project_id": project_id}]
    unknown: list[str] = []
    for name, values in chosen.items():
        if name in _EXACT:
            met.append({name: {"$in": list(values)}})
        elif name == "event_type":
            met.append({"$or": [{"event_type": _type(value)} for value in values]})
        elif name == "status_code":
            met.append({"$or": [_code(value) for value in values]})
        elif name == "attempts[gte]":
            met.append({"attempts": {"$gte": int(values[0])}})
        elif name == "created_at[after]":
            met.append({"created_at": {"$gte": datetime.fromisoformat(values[0])}})
        elif name == "created_at[before]":
            met.append({"created_at": {"$lt": datetime.fromisoformat(values[0])}})
        else:
            unknown.append(name)
    if unknown:
        raise UnknownFilter(unknown)
    return {"$and": met}


def _type(pattern: str) -> Any:
    if "*" not in pattern:
        return pattern
    parts = [re.escape(part) for part in re.split(r"\*+", pattern)]
    return {"$regex": f"^{'.*'.join(parts)}$", "$options": "s"}


def _code(text: str) -> Document:
    """A code, or a class of codes such as 5xx, of the latest attempt that failed."""
    if text.endswith("xx"):
        first = int(text[0]) * 100
        return {"last_error.status_code": {"$gte": first, "$lt": first + 100}}
    return {"last_error.status_code": int(text)}
