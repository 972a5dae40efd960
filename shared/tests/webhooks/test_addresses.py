"""The table of addresses: what a webhook may be sent to, and what never."""

import pytest
from daybook.webhooks.addresses import AddressRules, Refused, networks

STRICT = AddressRules()
PLAIN = AddressRules(plain_http=True)
LOCAL = AddressRules(networks(["127.0.0.0/8", "::1/128"]), plain_http=True)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3"),  # noqa: S104 - nothing is bound
        *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("100.64.0.1", "100.127.255.255", "100.100.100.200"),
        *("127.0.0.1", "127.255.255.254"),
        *("169.254.0.1", "169.254.169.254", "168.63.129.16"),
        *("192.0.0.1", "192.0.0.192", "192.0.2.1", "198.51.100.7", "203.0.113.9"),
        *("192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1"),
        *("198.18.0.1", "198.19.255.255"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::2"),
        *("fc00::1", "fd00:ec2::254", "fd20:ce::254"),
        *("fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "feff::1"),
        *("ff02::1", "ff0e::1"),
        *("::127.0.0.1", "::8.8.8.8"),  # IPv4-compatible
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
        "::ffff:0:8.8.8.8",  # IPv4-translated
        *("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::192.168.0.1"),
        *("64:ff9b:1::1", "64:ff9b:1:ffff::8.8.8.8"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1"),
        *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),  # Teredo
        *("2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1"),
        *("2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:10.0.0.1"),  # ISATAP
        *("100::1", "4000::1", "5f00::1", "2620:4f:8000::1"),
        "2606:4700::1111%eth0",
        *("", "example.com", "127.1", "0x7f000001", "2130706433", "0177.0.0.1"),
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        STRICT.judge_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255"),
        *("100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255"),
        *("172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"),
        *("198.17.255.255", "198.20.0.0", "223.255.255.255"),
        *("2606:4700:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888"),
        "64:ff9b::8.8.8.8",  # as DNS64 answers for a public name
        "2606:4700::5efe:8.8.8.8",
    ],
)
def test_what_is_public_is_not(address: str) -> None:
    STRICT.judge_address(address)


def test_a_refused_address_is_named() -> None:
    with pytest.raises(Refused, match=r"^10\.0\.0\.1 is not a public address$"):
        STRICT.judge_address("10.0.0.1")


def test_an_allowed_network_is_reached_and_its_neighbours_are_not() -> None:
    rules = AddressRules(networks(["10.1.0.0/16", "fd00:1::/32"]))

    rules.judge_address("10.1.2.3")
    rules.judge_address("fd00:1::5")

    for address in ("10.2.0.1", "127.0.0.1", "fd00:2::1", "::ffff:10.1.2.3"):
        with pytest.raises(Refused):
            rules.judge_address(address)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "start with https://"),
        ("example.com/hook", "start with https://"),
        ("//example.com/hook", "start with https://"),
        ("ftp://example.com/", "start with https://"),
        ("file:///etc/passwd", "start with https://"),
        ("gopher://example.com/", "start with https://"),
        ("javascript:alert(1)", "start with https://"),
        ("http://example.com/", "http is not allowed"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://./", "no host"),
        ("https://:443/", "no host"),
        ("https://?x", "no host"),
        ("https://me@example.com/", "user name"),
        ("https://me:secret@example.com/", "user name"),
        ("https://@example.com/", "user name"),
        ("https://example.com@127.0.0.1/", "user name"),
        ("https://127.0.0.1\\@example.com/", "character"),
        ("https://exa mple.com/", "character"),
        ("https://example.com/\r\nx: y", "character"),
        ("https://exam\tple.com/", "character"),
        (" https://example.com/", "character"),
        ("https://example.com/\x00", "character"),
        ("https://example.com/\u2028", "character"),
        ("https://example.com:0/", "not a port"),
        ("https://example.com:65536/", "not a port"),
        ("https://example.com:-1/", "not a port"),
        ("https://example.com:٤٤٣/", "not a port"),
        ("https://example.com:443a/", "not a port"),
        ("https://example.com:/", "names no port"),
        ("https://example.com:80:90/", "brackets"),
        ("https://fe80::1/", "brackets"),
        ("https://" + "a" * 64 + ".com/", "not a host name"),
        ("https://" + "a." * 130 + "com/", "longer than 253"),
        ("https://example.com/" + "a" * 2048, "longer than 2048"),
        ("https://exa%6dple.com/", "not a host name"),
        ("https://example..com/", "not a host name"),
        ("https://-example.com/", "not a host name"),
        ("https://exam;ple.com/", "not a host name"),
        ("https://münchen.example/", "ASCII"),
        ("https://１２７.０.０.１/", "netloc|URL|ASCII"),
        ("https://127。0。0。1/", "ASCII|URL"),
        ("https://localhost/", "not a public host"),
        ("https://LOCALHOST./", "not a public host"),
        ("https://x.localhost/", "not a public host"),
        ("https://ip6-localhost/", "not a public host"),
        ("https://localhost.localdomain/", "not a public host"),
        ("https://metadata.google.internal/", "not a public host"),
        ("https://printer.local/", "not a public host"),
        ("https://router.home.arpa/", "not a public host"),
        ("https://127.0.0.1/", "127.0.0.1 is not a public address"),
        ("https://169.254.169.254/latest", "not a public address"),
        ("https://127.0.0.1./", "unusual spelling"),
        ("https://127.1/", "unusual spelling"),
        ("https://127.0.1/", "unusual spelling"),
        ("https://2130706433/", "unusual spelling"),
        ("https://0x7f000001/", "unusual spelling"),
        ("https://0X7F.0.0.0x1/", "unusual spelling"),
        ("https://0x/", "unusual spelling"),
        ("https://017700000001/", "unusual spelling"),
        ("https://0177.0.0.1/", "unusual spelling"),
        ("https://127.0.0.01/", "unusual spelling"),
        ("https://0/", "unusual spelling"),
        ("https://1.2.3.4.5/", "unusual spelling"),
        ("https://256.0.0.1/", "unusual spelling"),
        ("https://example.123/", "unusual spelling"),
        ("https://8.8.8.8/", "needs a host name"),
        ("https://[::1]/", "::1 is not a public address"),
        ("https://[::]/", "not a public address"),
        ("https://[::ffff:127.0.0.1]/", "not a public address"),
        ("https://[::ffff:7f00:1]:8443/", "not a public address"),
        ("https://[0:0:0:0:0:0:0:1]/", "not a public address"),
        ("https://[64:ff9b::7f00:1]/", "not a public address"),
        ("https://[2606:4700::1]/", "needs a host name"),
        ("https://[fe80::1%25eth0]/", "IPv6|URL"),
        ("https://[fe80::1%eth0]/", "IPv6|URL"),
        ("https://[127.0.0.1]/", "IPv6|URL"),
        ("https://[v1.x]/", "IPv6|URL"),
        ("https://[::1/", "URL"),
        ("https://[::1]x/", "brackets|URL"),
        ("https://x[::1]/", "brackets|URL"),
    ],
)
def test_what_a_url_shows_is_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        STRICT.judge_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/hooks?a=1&b=%2F#part",
        "https://example.com:8443/",
        "https://Example.COM./x",
        "https://xn--mnchen-3ya.example/",
        "https://under_score.example.com/",
        "https://a-b.example.com/päth",
        "https://hooks/",  # one label: what it resolves to decides
        "https://1e100.net/",
        "https://127.0.0.1.nip.io/",  # likewise
        "https://" + "a" * 63 + ".com/",
    ],
)
def test_other_urls_pass(url: str) -> None:
    STRICT.judge_url(url)


def test_http_is_for_those_who_allow_it() -> None:
    PLAIN.judge_url("http://example.com:8080/hook")
    PLAIN.judge_url("https://example.com/hook")

    with pytest.raises(Refused, match="not a public address"):
        PLAIN.judge_url("http://127.0.0.1/")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://[::1]:9/", "https://localhost:9/"]
)
def test_an_allowed_network_may_be_named_by_address(url: str) -> None:
    LOCAL.judge_url(url)


@pytest.mark.parametrize(
    "url",
    ["http://127.1/", "http://2130706433/", "http://[::ffff:127.0.0.1]/"],
)
def test_an_allowed_address_has_one_spelling(url: str) -> None:
    with pytest.raises(Refused):
        LOCAL.judge_url(url)


def test_private_names_are_for_those_who_allow_a_network() -> None:
    AddressRules(networks(["10.0.0.0/8"])).judge_url("https://hooks.internal/")

    with pytest.raises(Refused, match="not a public host"):
        AddressRules(networks(["10.0.0.0/8"])).judge_url("https://localhost/")


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        networks(["10.0.0.1/8"])
