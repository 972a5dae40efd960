"""What sendouts are filtered by, as conditions on their documents.

query lists by them, and the webhook-dispatcher retries by them what a list showed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bson.regex import Regex

from daybook.storage.status_codes import codes_of
from daybook.storage.webhook_endpoints import pattern_text

CREATED_AFTER: Final = "created_at[after]"
CREATED_BEFORE: Final = "created_at[before]"
ATTEMPTS_FROM: Final = "attempts[gte]"
SENDOUT_FILTERS: Final = (
    "status",
    "event_type",
    "event_id",
    "endpoint_id",
    "entity_id",
    "group_id",
    "status_code",
    ATTEMPTS_FROM,
)


def sendout_conditions(values: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What a sendout meets that has one of each filter's values.

    ``created_at[after]`` (inclusive) and ``created_at[before]`` are RFC 3339. What is
    passed was checked before: a name that is unknown raises ``KeyError``.
    """
    conditions: dict[str, Any] = {}
    created: dict[str, datetime] = {}
    for name, given in values.items():
        if name in (CREATED_AFTER, CREATED_BEFORE):
            operator = "$gte" if name == CREATED_AFTER else "$lt"
            created[operator] = datetime.fromisoformat(given[0])
        elif name == "status_code":
            conditions["$expr"] = _last_answer(given)
        elif name == "event_type":
            conditions[name] = {"$in": [_event_type(value) for value in given]}
        elif name == ATTEMPTS_FROM:
            conditions["attempts"] = {"$gte": int(given[0])}
        elif name in SENDOUT_FILTERS:
            conditions[name] = {"$in": list(given)}
        else:
            raise KeyError(name)
    return conditions | ({"created_at": created} if created else {})


def is_pattern(event_type: str) -> bool:
    """Whether it stands for more than itself."""
    return "*" in event_type


def _event_type(value: str) -> str | Regex[str]:
    if not is_pattern(value):
        return value
    # MongoDB reads it as Perl does; to Perl "$" would be before a last line break too.
    return Regex(rf"\A{pattern_text(value)}\z", "s")


def _last_answer(values: Sequence[str]) -> dict[str, Any]:
    """The last attempt was answered so; null: it was made, and not answered."""
    asked = codes_of(values)
    last = {"last": {"$last": "$history"}}
    code = {"$let": {"vars": last, "in": "$$last.status_code"}}
    wanted = [*sorted(asked.codes), *([None] if asked.none else [])]
    return {
        "$and": [
            {"$gt": ["$attempts", 0]},
            {"$in": [{"$ifNull": [code, None]}, wanted]},
        ]
    }
