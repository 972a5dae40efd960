"""Free ports on the loopback address."""

import errno
import socket
from random import Random, SystemRandom

from daybook_local.errors import StackError

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now, on any IPv4 address."""
    for host in (HOST, "0.0.0.0"):  # noqa: S104 - tried, never listened on
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
            # As servers do: a port in TIME_WAIT from the last run is free.
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind((host, port))
            except OSError:
                return False
    return True


# Held until this process ends.
_claimed: set[int] = set()


def _claim(port: int) -> bool:
    """Keep other stacks from the port, before anything listens on it.

    Between asking for a free port and a server that has it lie seconds: of two stacks
    that start at once, one would take the other's servers for its own.
    """
    if port in _claimed:
        return True
    # An abstract name, as Linux has them: seen as far as the port is, and gone with the
    # process, however that ends.
    name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        name.bind(f"\0daybook-port-{port}")
    except OSError as error:
        name.close()
        # Where there are no such names, stacks are told apart by what listens.
        return error.errno != errno.EADDRINUSE
    name.detach()  # open, and never closed by a collector
    _claimed.add(port)
    return True


class Ports:
    """Hands out ports, none twice: the usual one if it is free, else any."""

    def __init__(self, random: Random | None = None) -> None:
        self._given: set[int] = set()
        self._random = random or SystemRandom()

    def take(self, usual: int | None = None) -> int:
        if usual is not None and self._is_ours(usual):
            self._given.add(usual)
            return usual
        # Of all ports outside the range that the kernel hands to outgoing connections:
        # a client that retries a port of that range, while its server restarts, may be
        # connected to itself, and the server never gets the port back.
        for _ in range(100):
            port = self._random.randrange(20_000, 30_000)
            if self._is_ours(port):
                self._given.add(port)
                return port
        raise StackError("No free port was found on 127.0.0.1.")

    def _is_ours(self, port: int) -> bool:
        return port not in self._given and is_free(port) and _claim(port)
