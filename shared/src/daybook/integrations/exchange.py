"""What the middleware lets its callables see, and what they answer."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property
from typing import Any

from daybook.events.request import ApiKey, Resource, User


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it came in, nothing redacted, and how it was answered.

    ``native`` is the ASGI scope or the WSGI environ, for what the host's own
    authentication left there: read it, change nothing.
    """

    request_id: str
    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case; of repeated ones the last
    client_ip: str | None
    native: Mapping[str, Any]
    status_code: int | None = None  # None while it is not answered
    endpoint: str | None = None  # known once it is answered


@dataclass(frozen=True, slots=True)
class Identity:
    """Who made the request and what it belongs to; what is None stays as configured."""

    user: User | None = None
    api_key: ApiKey | None = None
    channel: str | None = None
    project_id: str | None = None
    task_id: str | None = None
    import_file_id: str | None = None
    resource: Resource | None = None


# Called once an exchange is over, on the host's thread or event loop: be quick.
Identify = Callable[[Exchange], Identity | None]


@dataclass(frozen=True)
class Skip:
    """Requests that are not recorded.

    ``paths``: a plain path skips itself and all below it (``/health`` skips
    ``/health/db``, not ``/healthy``); with ``*``, ``?`` or ``[`` it is a glob over the
    whole path. ``when`` is asked before the host is.
    """

    paths: Sequence[str] = ()
    methods: Sequence[str] = ()
    when: Callable[[Exchange], bool] | None = field(default=None)

    def __call__(self, exchange: Exchange) -> bool:
        if exchange.method.upper() in self._methods:
            return True
        if self._paths is not None and self._paths.match(exchange.path):
            return True
        return self.when is not None and self.when(exchange)

    @cached_property
    def _methods(self) -> frozenset[str]:
        return frozenset(method.upper() for method in self.methods)

    @cached_property
    def _paths(self) -> re.Pattern[str] | None:
        patterns = [
            translate(path)
            if any(sign in path for sign in "*?[")
            else re.escape(path.rstrip("/")) + r"(?:/.*)?\Z"
            for path in self.paths
        ]
        return re.compile("|".join(f"(?:{p})" for p in patterns)) if patterns else None
