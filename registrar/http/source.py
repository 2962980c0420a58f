"""Where a request came from: the peer's address, or what trusted proxies say about it."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Literal

import falcon

from registrar.policy import Source, subscriber

Address = IPv4Address | IPv6Address

_MAX_TEXT: Final = 512  # characters of User-Agent and Origin that are kept
_FOR: Final = re.compile(r"""(?:^|;)\s*for\s*=\s*("[^"]*"|[^\s;"]*)\s*(?=;|$)""", re.ASCII | re.IGNORECASE)
_PORT: Final = re.compile(r":[0-9]{1,5}", re.ASCII)


class SourceReader:
    """Reads the Source of a request.

    MUST: the peer's address counts, unless the peer is a trusted proxy. Then the hops that `header` lists are walked from the
    right, past trusted addresses, to the first one that is not trusted: everything left of it is what that client chose to
    write. A hop that is not an address ends the walk at the proxy that reported it. Only one header is ever read, since a proxy
    that sets one of them forwards what a client wrote into the other.
    """

    def __init__(
        self, trusted: Sequence[IPv4Network | IPv6Network], header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    ) -> None:
        self._trusted = tuple(trusted)
        self._header = header

    def read(self, req: falcon.Request) -> Source:
        """The source of `req`; its address is empty when the server does not know one."""
        address = self._address(req)
        return Source(
            ip=str(address or ""),
            prefix=subscriber(address),
            user_agent=_kept(req.get_header("User-Agent")),
            origin=_kept(req.get_header("Origin")),
        )

    def _address(self, req: falcon.Request) -> Address | None:
        address = _parse_address(req.env.get("REMOTE_ADDR", ""))
        if not self._trusted or not self._trusts(address):
            return address
        for hop in _hops(req.get_header(self._header, default=""), self._header):
            found = _parse_address(hop)
            if found is None:
                return address
            address = found
            if not self._trusts(address):
                return address
        return address

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _hops(value: str, header: str) -> Iterable[str]:
    """The hops of a forwarding header, nearest first.

    The split at commas knows no quotes on purpose: an address holds no comma, and a client that opens a quote cannot swallow the
    hop that a proxy wrote behind it.
    """
    elements = [element.strip() for element in reversed(value.split(",")) if element.strip()]
    return elements if header == "x-forwarded-for" else map(_forwarded_for, elements)


def _forwarded_for(element: str) -> str:
    """The `for` of one element of Forwarded (RFC 7239 §4), "" when it has none or several."""
    found = _FOR.findall(element)
    return found[0].strip('"') if len(found) == 1 else ""


def _parse_address(text: str) -> Address | None:
    """An address with or without a port, IPv6 with or without brackets; an IPv4-mapped one is the IPv4 address in it."""
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or (port and not _PORT.fullmatch(port)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _PORT.fullmatch(f":{port}"):
            return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


def _kept(value: str | None) -> str:
    return (value or "")[:_MAX_TEXT]
