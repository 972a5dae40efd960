"""Publish audit events to Daybook.

Importing this package opens nothing and reads no environment.
"""

from daybook.client import Client, SyncClient
from daybook.client.publisher import Publisher

__all__ = ["Client", "Publisher", "SyncClient"]
