"""Where a request came from, when proxies are in between."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from falcon import testing
from falcon.request import Request
from hypothesis import given
from hypothesis import strategies as st

from registrar.http import SourceReader
from registrar.http.source import UnknownProxy

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")]
FORWARDED_FOR = SourceReader(PROXIES)
FORWARDED = SourceReader(PROXIES, "forwarded")


def request(peer: str, **headers: str) -> Request:
    """A request from `peer`; header names are written with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = testing.create_environ(headers=named)
    environ["REMOTE_ADDR"] = peer
    return Request(environ)


def address(reader: SourceReader, peer: str, **headers: str) -> str:
    """The address that `reader` finds."""
    return reader.read(request(peer, **headers)).ip


def test_without_trusted_proxies_the_peer_counts() -> None:
    """A header proves nothing by itself."""
    assert address(SourceReader([]), "192.0.2.7", X_Forwarded_For="198.51.100.1") == "192.0.2.7"


def test_a_peer_that_is_no_proxy_counts_itself() -> None:
    """A client that reaches the server directly cannot say that it is someone else."""
    assert address(FORWARDED_FOR, "192.0.2.7", X_Forwarded_For="198.51.100.1") == "192.0.2.7"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("203.0.113.9, 198.51.100.1, 10.1.1.1", "198.51.100.1"),
        ("198.51.100.1:5555", "198.51.100.1"),
        ("[2001:db8::7]:5555", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("198.51.100.1,,  ,", "198.51.100.1"),
        ("10.9.9.9, 10.1.1.1", "10.9.9.9"),
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("198.51.100.1, garbage, 10.1.1.1", "10.1.1.1"),
        ("198.51.100.1, 10.1.1.1:port", "10.0.0.1"),
        ("fe80::1%eth0", "10.0.0.1"),
        ("[2001:db8::7", "10.0.0.1"),
        ("[2001:db8::7]x", "10.0.0.1"),
        ("198.51.100.1:", "10.0.0.1"),
        ("0x7f.1", "10.0.0.1"),
        ("2130706433", "10.0.0.1"),
        ("198.51.100.01", "10.0.0.1"),
        ('"198.51.100.1"', "10.0.0.1"),
    ],
)
def test_the_right_most_untrusted_hop_counts(header: str, expected: str) -> None:
    """Everything left of it was written by that hop; what is no address ends the walk at the proxy that reported it."""
    assert address(FORWARDED_FOR, "10.0.0.1", X_Forwarded_For=header) == expected


def test_a_hundred_hops_are_walked() -> None:
    """A long chain of trusted proxies is followed to its end, a long forged prefix is not looked at."""
    trusted = ", ".join(f"10.0.0.{index}" for index in range(1, 101))
    assert address(FORWARDED_FOR, "10.0.0.1", X_Forwarded_For=f"198.51.100.1, {trusted}") == "198.51.100.1"
    assert address(FORWARDED_FOR, "10.0.0.1", X_Forwarded_For=f"{trusted}, 198.51.100.1") == "198.51.100.1"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ("For=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
        ('proto=https; for="198.51.100.1:443"', "198.51.100.1"),
        ('for="[2001:db8::7]:443"', "2001:db8::7"),
        ("for=203.0.113.9, for=198.51.100.1, for=10.1.1.1", "198.51.100.1"),
        ('for="203.0.113.9, for=198.51.100.1', "198.51.100.1"),
        ("for=unknown", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
        ("by=198.51.100.1", "10.0.0.1"),
        ("before=198.51.100.1", "10.0.0.1"),
        ("for=198.51.100.1;for=203.0.113.9", "10.0.0.1"),
        ("198.51.100.1", "10.0.0.1"),
    ],
)
def test_forwarded_is_read_element_by_element(header: str, expected: str) -> None:
    """RFC 7239 §4; a quote that a client leaves open swallows no hop behind it."""
    assert address(FORWARDED, "10.0.0.1", Forwarded=header) == expected


def test_only_the_chosen_header_is_read() -> None:
    """A proxy that sets one of them passes on what a client wrote into the other."""
    headers = {"X_Forwarded_For": "198.51.100.1", "Forwarded": "for=203.0.113.9"}
    assert address(FORWARDED_FOR, "10.0.0.1", **headers) == "198.51.100.1"
    assert address(FORWARDED, "10.0.0.1", **headers) == "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "ip", "prefix"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("", "", ""),
        ("unix:", "", ""),
    ],
)
def test_a_prefix_is_what_one_subscriber_holds(peer: str, ip: str, prefix: str) -> None:
    """The address of IPv4, the /64 of IPv6, nothing for a peer without an address."""
    source = FORWARDED_FOR.read(request(peer))
    assert (source.ip, source.prefix) == (ip, prefix)


def test_what_else_a_source_has() -> None:
    """User-Agent and Origin are kept up to a length."""
    source = FORWARDED_FOR.read(request("192.0.2.7", User_Agent="x" * 5000, Origin="https://app.example"))
    assert source.user_agent == "x" * 512
    assert source.origin == "https://app.example"


ADDRESSES = st.ip_addresses().map(str)
HOPS = st.one_of(ADDRESSES, ADDRESSES.map(lambda text: f"[{text}]:80"), st.text(st.characters(codec="latin-1"), max_size=20))


@given(
    st.lists(HOPS, max_size=8),
    st.ip_addresses(v=4).filter(lambda ip: ip not in PROXIES[0]),
    st.lists(st.sampled_from(["10.0.0.3", "10.2.0.1:80"])),
)
def test_nothing_that_a_client_writes_changes_the_address(forged: list[str], client: Any, behind: list[str]) -> None:
    """Whatever stands left of the hop that the nearest untrusted address is, the answer is that address."""
    header = ", ".join([*forged, str(client), *behind])
    assert ip_address(address(FORWARDED_FOR, "10.0.0.1", X_Forwarded_For=header)) == client


class Time:
    """A clock that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The addresses that were warned of."""
    return [record.__dict__["fields"]["address"] for record in caplog.records if "one address" in record.message]


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded"])
def test_a_proxy_that_nobody_named_shows_as_one_warning(caplog: pytest.LogCaptureFixture, header: str) -> None:
    """Every request comes from one private address and has a forwarding header: its clients would all count as one."""
    reader = SourceReader(())
    for number in range(100):
        assert reader.read(request("10.0.0.1", **{header: f"198.51.100.{number}"})).ip == "10.0.0.1"
    assert warnings_of(caplog) == ["10.0.0.1"]


def test_the_warning_is_repeated_by_the_hour(caplog: pytest.LogCaptureFixture) -> None:
    """Not by the request."""
    time = Time()
    proxy = UnknownProxy(time)
    for minute in range(150):
        time.now = minute * 60.0
        for _ in range(30):
            proxy.note(ip_address("127.0.0.1"), forwarded=True)
    assert len(warnings_of(caplog)) == 3


@pytest.mark.parametrize(
    "peers",
    [
        [("10.0.0.1", True)] * 19,
        [("10.0.0.1", True), ("10.0.0.2", True)] * 30,
        [*[("10.0.0.1", True)] * 19, ("10.0.0.1", False)] * 3,
        [("8.8.8.8", True)] * 60,
        [("10.0.0.1", False)] * 60,
        [(None, True)] * 60,
    ],
    ids=["few", "two peers", "not all", "public", "no header", "no address"],
)
def test_what_may_be_clients_is_not_warned_of(caplog: pytest.LogCaptureFixture, peers: list[tuple[str | None, bool]]) -> None:
    """Clients write forwarding headers too, and a proxy sends them always."""
    proxy = UnknownProxy()
    for peer, forwarded in peers:
        proxy.note(ip_address(peer) if peer else None, forwarded=forwarded)
    assert warnings_of(caplog) == []


def test_a_proxy_that_is_named_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """Once trusted_proxies says something, nobody guesses."""
    for _ in range(60):
        FORWARDED_FOR.read(request("10.0.0.1", X_Forwarded_For="198.51.100.1"))
        FORWARDED_FOR.read(request("10.99.0.1", X_Forwarded_For="198.51.100.1"))
    assert warnings_of(caplog) == []


def test_a_source_is_read_once() -> None:
    """The log and the registration see the same."""
    asked = request("192.0.2.7")
    assert FORWARDED_FOR.read(asked) is FORWARDED_FOR.read(asked)
