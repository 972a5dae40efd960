"""Redaction: secrets are replaced before anything leaves the process."""

from daybook.redaction.redactor import Redactor

__all__ = ["Redactor"]
