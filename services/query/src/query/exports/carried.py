"""A list's filters as those of an export, so that a file holds what the list shows.

What the list finds in the window, an export of ``parameters.filters`` selects, and
nothing more.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from daybook.storage.sendout_filters import ATTEMPTS_FROM

from query.filters import Filters, Window
from query.shapes import Json, ms_text
from query.tasks.filters import PROGRESS_FROM, PROGRESS_TO

# An export's field, its operator, and what a list's texts are to it.
_Carried = tuple[str, str, Callable[[Sequence[str]], list[Any]]]


def _numbers(values: Sequence[str]) -> list[Any]:
    return [int(value) for value in values]


def _flags(values: Sequence[str]) -> list[Any]:
    return [value == "true" for value in values]


# All others have the same name in both, and take texts.
_OTHERS: Final[Mapping[str, _Carried]] = {
    "stalled": ("stalled", "$in", _flags),
    "progress": ("progress", "$in", _numbers),
    PROGRESS_FROM: ("progress", "$more_than_equal", _numbers),
    PROGRESS_TO: ("progress", "$less_than_equal", _numbers),
    ATTEMPTS_FROM: ("attempts", "$more_than_equal", _numbers),
}


def carried(filters: Filters, window: Window) -> Json:
    """The filters of a list of logs, background tasks or sendouts, and its window.

    For an export of ``api_log``, ``async_action`` or ``webhook_sendout``, each by its
    own list.
    """
    fields: dict[str, dict[str, list[Any]]] = {}
    for name, values in filters.values.items():
        if not values:
            continue
        field, operator, meant = _OTHERS.get(name, (name, "$in", list))
        fields.setdefault(field, {})[operator] = meant(values)
    bounds = {"$more_than_equal": window.after, "$before": window.before}
    for operator, ms in bounds.items():
        if (time := ms_text(ms)) is not None:
            fields.setdefault("created_at", {})[operator] = [time]
    if not fields:
        return {}
    shown = {name: {"conditions": conditions} for name, conditions in fields.items()}
    return {"junction": "and", **shown}
