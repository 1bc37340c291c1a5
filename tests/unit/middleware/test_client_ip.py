"""Which address of a request is its client's: nothing that a client can write is believed."""

import time

import pytest

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.middleware import ClientIP
from mixpanel_async.middleware.client_ip import AddressRule, read_address

LAN = ClientIP(trusted_networks=["10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ("", None),
        ("unknown", None),
        ("_hidden", None),
        ("[2001:db8::1", None),
        ("[2001:db8::1]x", None),
        ("192.0.2", None),
        ("192.0.2.256", None),
        ("0192.0.2.1", None),
        ("1" * 10_000, None),
        ("\uff11.0.2.1", None),
        ("\udcff", None),
        ("%", None),
        ("[]", None),
        (":::", None),
    ],
)
def test_an_address_as_headers_write_it(text: str, expected: str | None) -> None:
    """Ports, brackets, quotes and zones are taken off; what is not an address is none."""
    found = read_address(text)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize("header", ["", "203.0.113.9", "203.0.113.9, 10.0.0.1"])
def test_no_header_is_believed_by_default(header: str) -> None:
    """Without trusted proxies, the address of the connection counts, and no header is even read."""
    rule = AddressRule(ClientIP())
    assert rule.header is None
    assert rule.find("192.0.2.1", header) == "192.0.2.1"
    assert rule.find(None, header) is None


FORGED = "6.6.6.6"


@pytest.mark.parametrize(
    ("count", "header", "expected"),
    [
        (1, "192.0.2.1", "192.0.2.1"),
        (1, f"{FORGED}, 192.0.2.1", "192.0.2.1"),
        (1, f"{FORGED},,,{FORGED},192.0.2.1", "192.0.2.1"),
        (2, "192.0.2.1, 10.0.0.7", "192.0.2.1"),
        (2, f"{FORGED}, 192.0.2.1, 10.0.0.7", "192.0.2.1"),
        (2, "192.0.2.1", None),  # it has not come through both proxies, so that all of it may be forged
        (1, "", None),
        (1, f"{FORGED}, unknown", None),
        (1, f"{FORGED}, ", None),
        (3, "192.0.2.1:80, [2001:db8::7]:1, 10.0.0.7", "192.0.2.1"),
    ],
)
def test_a_number_of_proxies(count: int, header: str, expected: str | None) -> None:
    """The address that the outermost trusted proxy saw; what stands left of it is ignored."""
    assert AddressRule(ClientIP(trusted_proxies=count)).find("10.0.0.2", header) == expected


@pytest.mark.parametrize(
    ("peer", "header", "expected"),
    [
        ("10.0.0.2", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.2", f"{FORGED}, 192.0.2.1, 10.1.1.1", "192.0.2.1"),
        ("198.51.100.7", f"{FORGED}", "198.51.100.7"),  # it has not come through a proxy
        ("198.51.100.7", "10.0.0.1", "198.51.100.7"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "10.9.9.9, 10.1.1.1", "10.9.9.9"),  # a client inside
        ("10.0.0.2", f"{FORGED}, unknown, 10.1.1.1", None),
        ("::ffff:10.0.0.2", "192.0.2.1", "192.0.2.1"),
        ("2001:db8:1::9", "2001:db8:2::1", "2001:db8:2::1"),
        (None, "192.0.2.1", None),
        ("", "192.0.2.1", None),
    ],
)
def test_networks_of_proxies(peer: str | None, header: str, expected: str | None) -> None:
    """The right-most address outside the networks; one that cannot be read ends the search."""
    assert AddressRule(LAN).find(peer, header) == expected


def test_proxies_over_unix_sockets() -> None:
    """A Unix socket has no address: it is a proxy only if that is said."""
    rule = AddressRule(ClientIP(trusted_networks=["unix", "10.0.0.0/8"]))
    assert rule.find(None, f"{FORGED}, 192.0.2.1, 10.0.0.1") == "192.0.2.1"
    assert rule.find("", "") is None
    assert AddressRule(ClientIP(trusted_proxies=1)).find(None, "192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=192.0.2.1", "192.0.2.1"),
        ('for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ("For=192.0.2.1;Proto=https;By=10.0.0.1", "192.0.2.1"),
        (f"for={FORGED}, for=192.0.2.1;proto=https", "192.0.2.1"),
        (f'for="{FORGED}, for=192.0.2.1', "192.0.2.1"),  # a client left its quote open
        (f'for={FORGED};by="a,b", for=192.0.2.1', "192.0.2.1"),
        (f'for={FORGED}, for="192.0.2.1"; by="a,b"', "192.0.2.1"),
        ("for=unknown", None),
        ("for=_secret", None),
        ("proto=https", None),
        (f"for={FORGED}, proto=https", None),
        ("", None),
        ("=;=;,;", None),
    ],
)
def test_the_standard_header(header: str, expected: str | None) -> None:
    """`Forwarded` is read from the right, element by element, whatever a client put in front."""
    assert AddressRule(ClientIP(trusted_proxies=1, header="forwarded")).find("10.0.0.2", header) == expected


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
@pytest.mark.parametrize("noise", ["1.2.3.4,", ",", '"', '",', "for=1.2.3.4,", "for=", "[", "\udcff,", "10.0.0.1,"])
def test_a_long_header_costs_little(noise: str, header: str) -> None:
    """A megabyte of noise from a client takes milliseconds, and does not hide what the proxy appended."""
    which = ClientIP(trusted_proxies=1, header="forwarded" if header == "forwarded" else "x-forwarded-for")
    own = "for=192.0.2.1" if header == "forwarded" else "192.0.2.1"
    began = time.process_time()
    found = [AddressRule(rule).find("10.0.0.2", f"{noise * 1_000_000}, {own}") for rule in (which, LAN)]
    assert time.process_time() - began < 1
    assert found[0] == "192.0.2.1"


@pytest.mark.parametrize(
    "options",
    [
        {"trusted_proxies": -1},
        {"trusted_proxies": 1.5},
        {"trusted_proxies": True},
        {"trusted_proxies": 1, "trusted_networks": ["10.0.0.0/8"]},
        {"trusted_networks": ["10.0.0.1/8"]},
        {"trusted_networks": ["everybody"]},
        {"trusted_networks": "10.0.0.0/8"},
        {"trusted_networks": [1]},
        {"header": "x-real-ip"},
    ],
)
def test_invalid_rules(options: dict[str, object]) -> None:
    """A rule that may not mean what it says is refused when it is made."""
    with pytest.raises(InvalidSettingError):
        ClientIP(**options)  # type: ignore[arg-type]
