"""The list's parameters, as the documentation shows them."""

from typing import Any

from query.filters import AFTER, BEFORE, VALUE_FILTERS

_DESCRIPTIONS = {
    AFTER: "From this time on, inclusive; RFC 3339.",
    BEFORE: "Up to this time, exclusive; RFC 3339.",
    "status": "SUCCESS or FAILURE: 400 and up, or no response.",
    "status_code": "A code (404), a class (4xx), or null for no response.",
    "endpoint": "Method and route template: POST /v1/vouchers/{code}.",
    "user": "A user's id or e-mail address.",
    "api_key": "A key's id or name.",
}


def _parameter(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": text,
        "schema": schema,
    }


LIST_PARAMETERS: list[dict[str, Any]] = [
    *(
        _parameter(name, {"type": "string", "format": "date-time"}, _DESCRIPTIONS[name])
        for name in (AFTER, BEFORE)
    ),
    *(
        _parameter(
            name,
            {"type": "array", "items": {"type": "string"}},
            _DESCRIPTIONS.get(name, "Exactly this.") + " May be repeated.",
        )
        for name in VALUE_FILTERS
    ),
    _parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": 100, "default": 25},
        "Logs a page.",
    ),
    _parameter("cursor", {"type": "string"}, "next_cursor of the page before."),
]
