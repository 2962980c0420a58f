"""Named networks: which of them hold an address."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_REMEMBERED = 4_096  # addresses


def parse_network(text: str) -> IPNetwork:
    """A CIDR block. Raises ValueError for host bits that are set, zones and IPv4-mapped IPv6, which would match nothing."""
    if "/" not in text:
        raise ValueError('must be a CIDR block, for example "192.0.2.0/24" or "192.0.2.7/32"')
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError as error:
        raise ValueError(f"is no CIDR block: {error}") from None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError("is an IPv4-mapped IPv6 block: addresses are compared as IPv4, write the IPv4 block")
    return network


def parse_address(text: str) -> IPAddress | None:
    """An IP address, IPv4-mapped IPv6 as IPv4; None when `text` is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address


def subscriber(address: IPAddress | None) -> str:
    """What one subscriber holds, as `source.prefix` has it: an IPv4 address, or the /64 of an IPv6 address; "" for none."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address or "")


@dataclass(frozen=True, slots=True)
class Networks:
    """The policy set's named networks."""

    blocks: Mapping[str, Sequence[IPNetwork]]
    locate: Callable[[str], tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """The names of the networks that hold an address, sorted; none for what is no address."""

    def __post_init__(self) -> None:
        # One client asks several times for one registration, and comes back.
        object.__setattr__(self, "locate", lru_cache(maxsize=_REMEMBERED)(self._located))

    def _located(self, ip: str) -> tuple[str, ...]:
        address = parse_address(ip) if self.blocks else None
        if address is None:
            return ()
        return tuple(sorted(name for name, blocks in self.blocks.items() if any(address in block for block in blocks)))
