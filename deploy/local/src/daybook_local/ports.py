"""Free ports on the loopback address."""

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


class Ports:
    """Hands out ports, none twice: the usual one if it is free, else any."""

    def __init__(self, random: Random | None = None) -> None:
        self._given: set[int] = set()
        self._random = random or SystemRandom()

    def take(self, usual: int | None = None) -> int:
        if usual is not None and usual not in self._given and is_free(usual):
            self._given.add(usual)
            return usual
        # Of all ports outside the range that the kernel hands to outgoing connections:
        # a client that retries a port of that range, while its server restarts, may be
        # connected to itself, and the server never gets the port back.
        for _ in range(100):
            port = self._random.randrange(20_000, 30_000)
            if port not in self._given and is_free(port):
                self._given.add(port)
                return port
        raise StackError("No free port was found on 127.0.0.1.")
