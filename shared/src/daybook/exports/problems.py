"""What is wrong with parameters, in words that say what to do."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


class InvalidParameters(ValueError):
    """An export cannot be made of these parameters.

    ``problems`` says of each place, like ``parameters.filters.status``, what to do.
    ``fields_allowed`` are the columns that there are, where ``parameters.fields`` is
    among the problems.
    """

    def __init__(
        self,
        problems: Mapping[str, str],
        fields_allowed: tuple[str, ...] | None = None,
    ) -> None:
        self.problems = dict(problems)
        self.fields_allowed = fields_allowed
        super().__init__(
            "; ".join(f"{place}: {what}" for place, what in problems.items())
        )


def said(choices: Iterable[str], joined: str = "or") -> str:
    """The choices as a sentence has them: a, b or c."""
    *most, last = choices
    return f"{', '.join(most)} {joined} {last}" if most else last


def unknown(
    given: Iterable[object], allowed: Iterable[str], within: str = ""
) -> dict[str, str]:
    """What to do about names that are not among those allowed, by place."""
    names = tuple(allowed)
    return {
        f"{within}{str(name)[:80]}": f"is unknown; use {said(_near(str(name), names))}"
        for name in given
        if name not in names
    }


def _near(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """All of the names, the one that was probably meant first."""
    near = get_close_matches(name[:80], names, 1)
    return (*near, *(one for one in names if one not in near))
