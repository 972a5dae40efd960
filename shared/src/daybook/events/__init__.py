"""Daybook's events: one definition each, from which all else is made."""
