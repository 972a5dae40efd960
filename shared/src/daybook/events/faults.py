"""What can be wrong with a record, for good: a retry never helps.

Each fault has a ``kind``, which dead letters and metrics are counted by, and a sentence
that tells the publisher what to change.
"""

from typing import ClassVar


class RecordFault(Exception):
    """The record can never be stored."""

    kind: ClassVar[str] = "invalid"

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        self.source: str | None = None  # the event's source, where it could be read
        sentence = (type(self).__doc__ or "").strip().splitlines()[0].rstrip(".")
        self.reason = f"{sentence}: {detail}" if detail else sentence
        super().__init__(self.reason)


class EmptyRecord(RecordFault):
    """The record has no value."""

    kind = "empty"


class NotJson(RecordFault):
    """The value is not JSON."""

    kind = "not_json"


class NotACloudEvent(RecordFault):
    """The record is JSON but no CloudEvent 1.0."""

    kind = "not_a_cloudevent"


class MissingField(RecordFault):
    """A required attribute or field is missing."""

    kind = "missing_field"


class WrongType(RecordFault):
    """An attribute or field has the wrong type or value."""

    kind = "wrong_type"


class UnknownType(RecordFault):
    """The event's type is not one that this topic carries."""

    kind = "unknown_type"


class TooDeep(RecordFault):
    """The JSON is nested more than 100 levels deep."""

    kind = "too_deep"


class NotStorable(RecordFault):
    """A value cannot be stored: at most 64 bits an integer, only valid Unicode."""

    kind = "not_storable"


class MalformedProject(RecordFault):
    """The projectid is malformed: write 1 to 64 of A-Z, a-z, 0-9, _ and -."""

    kind = "malformed_project"


class TooLarge(RecordFault):
    """The document would be larger than 15 MiB."""

    kind = "too_large"


class RefusedByDatabase(RecordFault):
    """The database refuses the document."""

    kind = "refused_by_database"


# What dead letters are counted by, before there are any.
KINDS = tuple(fault.kind for fault in RecordFault.__subclasses__())
