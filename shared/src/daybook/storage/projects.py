"""Projects: the tenants, as the control plane stores them.

A document holds ``_id`` (the project's id), ``name``, ``tier`` and ``created_at``.
Events of a project that nobody created are stored too, under the default tier.
"""

import re
from datetime import datetime
from typing import TypedDict

PROJECT_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
PROJECT_ID = re.compile(PROJECT_ID_PATTERN)


def is_project_id(text: str) -> bool:
    """Whether ``text`` can name a project."""
    return PROJECT_ID.fullmatch(text) is not None


# By call, since ``_id`` as a class attribute would be private to the class.
class ProjectDocument(TypedDict):
    _id: str
    name: str
    tier: str
    created_at: datetime


"""A project as stored; ``tier`` names one of :mod:`daybook.storage.tiers`."""
