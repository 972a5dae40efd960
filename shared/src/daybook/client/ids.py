"""Ids of events and of the process that publishes them."""

import secrets

import uuid_utils


def uuid7() -> str:
    """An id that sorts by time."""
    return str(uuid_utils.uuid7())


def instance_id() -> str:
    """Names this process among the instances of its service."""
    return secrets.token_hex(6)


def after_fork() -> None:
    """Two children of one process must not draw the same ids."""
    uuid_utils.reseed_rng()
