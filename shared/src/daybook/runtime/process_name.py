"""What a process is called among the others of its service, in leases."""

import os
import secrets
import socket


def process_name() -> str:
    """A name that people can place, differently at each start."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
