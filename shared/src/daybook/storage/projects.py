"""Projects: the tenants, as the control plane stores them.

A document holds ``_id`` (the project's id), ``name``, ``tier`` and ``created_at``.
Events of a project that nobody created are stored too, under the default tier.
"""

import re

PROJECT_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
PROJECT_ID = re.compile(PROJECT_ID_PATTERN)


def is_project_id(text: str) -> bool:
    """Whether ``text`` can name a project."""
    return PROJECT_ID.fullmatch(text) is not None
