"""Whatever a URL looks like: one judgement, and one host for every reader of it."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx
from daybook.webhooks.addresses import AddressRules, Refused, is_public
from hypothesis import given
from hypothesis import strategies as st

RULES = AddressRules(plain_http=True)
ODD = st.text(alphabet="abx0127f.:@/\\[]%#?&-_~ 。１é\t\n\x00", max_size=40)
URLS = st.text(max_size=60) | st.builds("{}{}".format, st.just("https://"), ODD)
V4 = st.integers(0, 2**32 - 1).map(IPv4Address)


def spellings(address: IPv4Address) -> list[str]:
    """Ways in which some reader of URLs takes the address."""
    number = int(address)
    parts = [int(part) for part in str(address).split(".")]
    return [
        str(address),
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(hex(part) for part in parts),
        ".".join(f"0{part:o}" for part in parts),
        f"{parts[0]}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}",
        f"{address}.",
        f"[::ffff:{address}]",
        f"[::{address}]",
    ]


@given(URLS)
def test_a_url_is_refused_or_read_alike_by_everyone(url: str) -> None:
    try:
        RULES.judge_url(url)
    except Refused:
        return

    read = httpx.URL(url)
    assert read.userinfo == b""
    assert read.host
    assert read.host in url.lower()
    RULES.judge_url(str(read))


@given(V4)
def test_no_spelling_of_any_ipv4_address_passes(address: IPv4Address) -> None:
    for host in spellings(address):
        try:
            RULES.judge_url(f"http://{host}/")
        except Refused:
            continue
        raise AssertionError(host)


@given(V4)
def test_what_is_public_is_global_by_the_standard_library_too(
    address: IPv4Address,
) -> None:
    assert not is_public(address) or address.is_global


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_that_holds_of_ipv6_as_well(address: IPv6Address) -> None:
    assert not is_public(address) or address.is_global


@given(st.text(max_size=30) | V4.map(str))
def test_an_address_is_judged_or_refused(text: str) -> None:
    try:
        RULES.judge_address(text)
    except Refused:
        return
    assert is_public(ip_address(text))
