"""Where a request came from: the peer's address, or what trusted proxies say about it."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from time import monotonic
from typing import Final, Literal

import falcon

from registrar.policy import Source, subscriber

Address = IPv4Address | IPv6Address

_LOG: Final = logging.getLogger(__name__)

_REMEMBERED: Final = 1024  # addresses that came last
_MAX_TEXT: Final = 512  # characters of User-Agent and Origin that are kept
_FOR: Final = re.compile(r"""(?:^|;)\s*for\s*=\s*("[^"]*"|[^\s;"]*)\s*(?=;|$)""", re.ASCII | re.IGNORECASE)
_PORT: Final = re.compile(r":[0-9]{1,5}", re.ASCII)


_SUSPICIOUS: Final = 20  # requests one after the other that look as if a proxy had sent them
_REPEATED: Final = 3600  # seconds


class SourceReader:
    """Reads the Source of a request.

    MUST: the peer's address counts, unless the peer is a trusted proxy. Then the hops that `header` lists are walked from the
    right, past trusted addresses, to the first one that is not trusted: everything left of it is what that client chose to
    write. A hop that is not an address ends the walk at the proxy that reported it. Only one header is ever read, since a proxy
    that sets one of them forwards what a client wrote into the other.

    Hyphens and underscores in names of headers are one in WSGI (PEP 3333): what a client sends as X_Forwarded_For can hide what
    the proxy wrote, and nothing here can tell. That the proxy drops such names is for its operator to see to.
    """

    def __init__(
        self, trusted: Sequence[IPv4Network | IPv6Network], header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    ) -> None:
        self._trusted = tuple(trusted)
        self._header = header
        self._unknown_proxy = UnknownProxy()

    def read(self, req: falcon.Request) -> Source:
        """The source of `req`, read once; its address is empty when the server does not know one."""
        known: Source | None = req.context.get("source")
        if known is None:
            address = self._address(req)
            ip, prefix = _names(address)
            known = Source(
                ip=ip,
                prefix=prefix,
                user_agent=_kept(req.get_header("User-Agent")),
                origin=_kept(req.get_header("Origin")),
            )
            req.context.source = known
        return known

    def _address(self, req: falcon.Request) -> Address | None:
        address = _peer(req.env.get("REMOTE_ADDR", ""))
        if not self._trusted:
            self._unknown_proxy.note(address, forwarded="HTTP_X_FORWARDED_FOR" in req.env or "HTTP_FORWARDED" in req.env)
            return address
        if not self._trusts(address):
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


class UnknownProxy:
    """Notices a proxy that nobody told the server about, and warns of it: all clients look like one, and share its limits.

    MUST: no warning of a client that writes a forwarding header itself: the requests come one after the other from one private
    address, all of them with such a header. At most one warning an hour. What several threads count at once may be a few short.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._peer: Address | None = None
        self._requests = 0
        self._quiet_until = float("-inf")

    def note(self, peer: Address | None, *, forwarded: bool) -> None:
        """A request came from `peer`."""
        if peer is None or peer != self._peer or not forwarded:
            self._peer, self._requests = peer, 0
        if peer is None or not forwarded or not peer.is_private:
            return
        self._requests += 1
        if self._requests >= _SUSPICIOUS and self._clock() >= self._quiet_until:
            self._quiet_until = self._clock() + _REPEATED
            advice = "if this is a proxy, name it in trusted_proxies: until then all clients behind it count as one"
            _LOG.warning("every request comes from one address", extra={"fields": {"address": str(peer), "advice": advice}})


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


@lru_cache(maxsize=_REMEMBERED)
def _peer(text: str) -> Address | None:
    """The address that the server itself tells."""
    return _parse_address(text)


@lru_cache(maxsize=_REMEMBERED)
def _names(address: Address | None) -> tuple[str, str]:
    """An address, and what its subscriber holds, as facts have them."""
    return str(address or ""), subscriber(address)


def _kept(value: str | None) -> str:
    return (value or "")[:_MAX_TEXT]
