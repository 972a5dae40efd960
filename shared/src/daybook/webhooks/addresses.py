"""Which addresses a webhook may be sent to: never one inside somebody's network.

What a URL shows by itself is judged when an endpoint is made, and again when it is sent
to; what a name resolves to is judged in the connection.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL: Final = 2048
_LONGEST_HOST: Final = 253  # of a name, by the limits of DNS
_LONGEST_SHOWN: Final = 100

# The dispatcher's network policy leaves out the same networks, which a test compares.
REFUSED_V4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own, and one cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # one cloud's metadata, at an address that looks public
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, and one cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # anycast sinks, here and below
        "192.52.193.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Whatever is not in here is loopback, link-local, site-local, unique local, multicast,
# a form of an IPv4 address, or not given to anybody.
GLOBAL_V6: Final = IPv6Network("2000::/3")
REFUSED_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, benchmarks, ORCHID and other protocols
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # anycast sinks
        "3fff::/20",  # documentation
    )
)
# What DNS64 answers for a name that has an IPv4 address alone: as good as that address.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = (0x0000_5EFE, 0x0200_5EFE, 0x0100_5EFE, 0x0300_5EFE)

# Stricter than DNS in characters, so that no two readers of a URL see two hosts in it.
_NAME: Final = re.compile(
    r"(?=.*[a-z])(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*"
)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
_LOOPBACK_NAMES: Final = frozenset(
    {"localhost", "ip6-localhost", "ip6-loopback", "localhost.localdomain"}
)
# No public name ends so (RFC 6761, 6762, 8375; ".internal" is set aside by ICANN).
_PRIVATE_ENDINGS: Final = (".local", ".localdomain", ".internal", ".home.arpa")


class Refused(ValueError):
    """A webhook may not be sent there; the text says why, to a person."""


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What is refused. ``allowed`` networks are reached whatever they are.

    ``plain_http`` lets URLs be ``http``; else they are ``https``.
    """

    allowed: tuple[Network, ...] = ()
    plain_http: bool = False

    def judge_url(self, url: str) -> None:
        """Raise :class:`Refused` for what the URL shows by itself; resolves nothing.

        A URL that passes has an ASCII host that is a plain name, or an address in an
        allowed network, in its one usual spelling.
        """
        parts = _parts(url)
        if parts.scheme not in ("https", "http"):
            raise Refused("the URL has to start with https://")
        if parts.scheme == "http" and not self.plain_http:
            raise Refused("the URL has to start with https://: http is not allowed")
        if "@" in parts.netloc:
            raise Refused(
                "the URL must not hold a user name or password: use a header instead"
            )
        if parts.netloc.startswith("["):
            self._judge_v6_literal(parts.netloc)
        else:
            self._judge_host(_host(parts.netloc))
        _judge_port(parts)

    def judge_address(self, address: str) -> None:
        """Raise :class:`Refused` unless a connection may be made to this IP address."""
        try:
            parsed = ip_address(address)
        except ValueError:
            raise Refused(f"{_shown(address)} is not an IP address") from None
        if not self._is_allowed(parsed) and not is_public(parsed):
            raise Refused(f"{_shown(address)} is not a public address")

    def _judge_host(self, host: str) -> None:
        name = host.removesuffix(".")
        if not name:
            raise Refused("the URL has no host")
        if not name.isascii():
            raise Refused(f"the host {_shown(host)} has to be written in ASCII (xn--…)")
        if len(name) > _LONGEST_HOST:
            raise Refused(f"the host is longer than {_LONGEST_HOST} characters")
        # Browsers and C libraries read a host as IPv4 if its last part is a number.
        if _NUMBER.fullmatch(name.rpartition(".")[2]):
            self._judge_v4_literal(host)
        elif not _NAME.fullmatch(name):
            raise Refused(f"{_shown(host)} is not a host name")
        elif name in _LOOPBACK_NAMES or name.endswith(".localhost"):
            if not any(network.is_loopback for network in self.allowed):
                raise Refused(f"{_shown(host)} is not a public host")
        elif name.endswith(_PRIVATE_ENDINGS) and not self.allowed:
            raise Refused(f"{_shown(host)} is not a public host")

    def _judge_v4_literal(self, host: str) -> None:
        try:
            address = IPv4Address(host)
        except ValueError:
            raise Refused(
                f"{_shown(host)} is an unusual spelling of an IP address"
            ) from None
        self._judge_literal(address)

    def _judge_v6_literal(self, netloc: str) -> None:
        literal, closed, rest = netloc[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise Refused("the URL's brackets do not hold an IPv6 address")
        try:
            # A zone names an interface of this machine.
            address = IPv6Address("" if "%" in literal else literal)
        except ValueError:
            raise Refused(f"[{_shown(literal)}] is not an IPv6 address") from None
        self._judge_literal(address)

    def _judge_literal(self, address: Address) -> None:
        if self._is_allowed(address):
            return
        if not is_public(address):
            raise Refused(f"{address} is not a public address")
        raise Refused(f"{address} is an IP address: the URL needs a host name")

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self.allowed)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that are written ``10.0.0.0/8``; ``ValueError`` names a bad one."""
    return tuple(ip_network(text.strip()) for text in texts)


def is_public(address: Address) -> bool:
    """Whether the address belongs to the Internet at large.

    IPv6 forms of IPv4 addresses do not, but for NAT64's of a public one.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_V4)
    if address in _NAT64:
        return is_public(_embedded(address))
    if address not in GLOBAL_V6 or address.scope_id is not None:
        return False
    if any(address in network for network in REFUSED_V6):
        return False
    is_isatap = (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP
    return not is_isatap or is_public(_embedded(address))


def _embedded(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def _parts(url: str) -> SplitResult:
    if len(url) > LONGEST_URL:
        raise Refused(f"the URL is longer than {LONGEST_URL} characters")
    # Readers of URLs differ in what they make of these; some drop them without a word.
    if odd := _UNPRINTABLE.search(url):
        raise Refused(f"the URL must not hold the character {odd.group()!r}")
    try:
        return urlsplit(url)
    except ValueError:
        raise Refused("this is not a URL") from None


def _host(netloc: str) -> str:
    host, _, port = netloc.lower().partition(":")
    if ":" in port:
        raise Refused(f"{_shown(netloc)} is not a host: IPv6 stands in brackets")
    return host


def _judge_port(parts: SplitResult) -> None:
    text = parts.netloc.rpartition("]")[2].partition(":")[2]
    if parts.netloc.endswith(":"):
        raise Refused("the URL ends its host with a colon but names no port")
    if text and not (
        text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535
    ):
        raise Refused(f"{_shown(text)} is not a port: 1 to 65535 are")


def _shown(text: str) -> str:
    """Short enough for a sentence."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
