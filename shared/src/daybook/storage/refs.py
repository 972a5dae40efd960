"""References: what a document is searched by, as one array under one index.

A reference is a kind and a value in one string (``user:cust_1``), so that one index
serves every "all that has to do with X". Writers and readers make them here.
"""

from hashlib import sha256
from typing import Literal

RefKind = Literal[
    "request",
    "user",
    "email",
    "key",
    "key_name",
    "resource_type",
    "resource",
    "task",
    "import_file",
    "endpoint",
    "event",
    "event_type",
    "entity",
    "webhook_endpoint",
]

# Caps what one odd value costs in every index entry; beyond it the digest is as exact.
LONGEST_PLAIN_REF = 200


def ref(kind: RefKind, value: str) -> str:
    """The reference to ``value``. E-mail addresses compare without regard to case."""
    if kind == "email":
        value = value.lower()
    if len(value) > LONGEST_PLAIN_REF:
        value = f"sha256~{sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()}"
    return f"{kind}:{value}"
