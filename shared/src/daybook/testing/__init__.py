"""What tests of Daybook, and of services that publish to it, build on.

The fixtures are a pytest plugin, :mod:`daybook.testing.plugin`.
"""

from daybook.testing.servers import ServerHandle
from daybook.testing.waiting import eventually

__all__ = ["ServerHandle", "eventually"]
