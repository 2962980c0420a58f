"""IP addresses and networks, as Kubernetes' library has them: strict, so that every reader sees the same address.

MUST: dotted decimals without leading zeros; no zone; no IPv4-mapped IPv6 address; a network has an address and the length of its
prefix in decimal. Whether it has bits set beyond the prefix does not matter.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from typing import Any

from registrar.cel.errors import Failure
from registrar.cel.functions.function import PARSING, Function, apply
from registrar.cel.types import BOOL, CIDR, INT, IP, STRING

_Address = IPv4Address | IPv6Address
_Network = IPv4Interface | IPv6Interface

_CHARACTERS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}")
_BROADCAST = IPv4Address("255.255.255.255")
_LINK_LOCAL_MULTICAST = ip_interface("224.0.0.0/24").network
_MULTICAST_SCOPE, _LINK_LOCAL_SCOPE = 0x0F, 0x02


def _ip(text: str) -> _Address:
    if not _CHARACTERS.fullmatch(text):
        raise Failure("the text is no IP address")
    try:
        address = ip_address(text)
    except ValueError:
        raise Failure("the text is no IP address") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        raise Failure("an IPv4-mapped IPv6 address is not allowed")
    return address


def _cidr(text: str) -> _Network:
    written, slash, length = text.partition("/")
    if not slash or not _PREFIX.fullmatch(length):
        raise Failure("the text is no network in CIDR notation")
    address = _ip(written)
    if int(length) > address.max_prefixlen:
        raise Failure("the text is no network in CIDR notation")
    return ip_interface(f"{address}/{length}")


def _is_ip(text: str) -> bool:
    try:
        return bool(_ip(text))
    except Failure:
        return False


def _is_cidr(text: str) -> bool:
    try:
        return bool(_cidr(text))
    except Failure:
        return False


def _contains_ip(network: _Network, address: Any) -> bool:
    return address.version == network.version and address in network.network


def _contains_cidr(network: _Network, other: Any) -> Any:
    return other.version == network.version and other.network.subnet_of(network.network)


def _holding_ip(text: str) -> Callable[[_Network], bool]:
    address = _ip(text)
    return lambda network: _contains_ip(network, address)


def _holding_cidr(text: str) -> Callable[[_Network], Any]:
    other = _cidr(text)
    return lambda network: _contains_cidr(network, other)


def _is_link_local_multicast(address: _Address) -> bool:
    if isinstance(address, IPv4Address):
        return address in _LINK_LOCAL_MULTICAST
    return address.is_multicast and address.packed[1] & _MULTICAST_SCOPE == _LINK_LOCAL_SCOPE


def _is_global_unicast(address: _Address) -> bool:
    """As Go's netip has it: private addresses are global unicast ones too."""
    special = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not special and address != _BROADCAST


def _masked(network: _Network) -> _Network:
    return ip_interface(str(network.network))


_INSIDE = "Whether the network holds the {}."

ADDRESSES = (
    Function("isIP", None, (STRING,), BOOL, "Whether the text is an IP address.", _is_ip, price=PARSING),
    Function("ip", None, (STRING,), IP, "The address that the text writes.", _ip, price=PARSING, checked=True),
    Function("ip", CIDR, (), IP, "The address as it was written, bits beyond the prefix included.", lambda value: value.ip),
    Function(
        "ip.isCanonical",
        None,
        (STRING,),
        BOOL,
        "Whether the address is written in its one canonical form.",
        lambda text: str(_ip(text)) == text,
        price=PARSING,
    ),
    Function("family", IP, (), INT, "4 or 6.", lambda value: value.version),
    Function("isUnspecified", IP, (), BOOL, "Whether it is 0.0.0.0 or ::.", lambda value: value.is_unspecified),
    Function("isLoopback", IP, (), BOOL, "Whether it is in 127.0.0.0/8 or ::1.", lambda value: value.is_loopback),
    Function(
        "isLinkLocalUnicast", IP, (), BOOL, "Whether it is in 169.254.0.0/16 or fe80::/10.", lambda value: value.is_link_local
    ),
    Function("isLinkLocalMulticast", IP, (), BOOL, "Whether it is in 224.0.0.0/24 or ff02::/16.", _is_link_local_multicast),
    Function(
        "isGlobalUnicast",
        IP,
        (),
        BOOL,
        "Whether it is none of unspecified, loopback, link-local, multicast, broadcast.",
        _is_global_unicast,
    ),
    Function("isCIDR", None, (STRING,), BOOL, "Whether the text is a network in CIDR notation.", _is_cidr, price=PARSING),
    Function("cidr", None, (STRING,), CIDR, "The network that the text writes.", _cidr, price=PARSING, checked=True),
    Function("containsIP", CIDR, (IP,), BOOL, _INSIDE.format("address"), _contains_ip),
    Function("containsIP", CIDR, (STRING,), BOOL, _INSIDE.format("address"), apply, prepare=_holding_ip),
    Function("containsCIDR", CIDR, (CIDR,), BOOL, _INSIDE.format("whole other network"), _contains_cidr),
    Function("containsCIDR", CIDR, (STRING,), BOOL, _INSIDE.format("whole other network"), apply, prepare=_holding_cidr),
    Function("prefixLength", CIDR, (), INT, "How many bits the prefix has.", lambda value: value.network.prefixlen),
    Function("masked", CIDR, (), CIDR, "The network without bits beyond the prefix.", _masked, price=PARSING),
)
