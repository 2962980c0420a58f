"""What redirect URIs and web links have in common: characters, scheme, authority.

The standard library's parsers are not used: `urlsplit` drops TAB, CR and LF, changes case and forgives what browsers read
otherwise. Reasons begin with a verb, so that the caller can put the member's name before them, and never repeat the input.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from registrar.errors import RegistrarError
from registrar.wire.hosts import ends_in_number, is_invisible, to_a_label

MAX_URI = 2048
# How many hosts of a document may have names that IDNA has to read, at up to 3 ms each.
MAX_FOREIGN_HOSTS = 10
DEFAULT_PORTS = {"http": 80, "https": 443}

# RFC 3986 §2: what may stand in a URI unescaped. Square brackets and `*` are in it; callers that refuse them say so first.
_OUTSIDE_URI = re.compile(r"[^!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff]|5[Cc])")
_BEGINNING = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[]*)(?::([^:]*))?")
_IPV6 = re.compile(r"[0-9A-Fa-f:]+")
_MAX_PORT = 65535


class UriError(RegistrarError):
    """A URI that is refused; `reason` begins with a verb and never repeats the URI."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Host(NamedTuple):
    """The host of a URI. `name`: a lower-case name of A-labels, or an address without brackets."""

    name: str = ""
    ip_literal: bool = False
    loopback: bool = False


def check_characters(uri: str) -> None:
    """MUST: at most MAX_URI characters, no control character, no whitespace, no backslash, no broken or hostile percent escape.

    ASCII characters are those of RFC 3986. Raises UriError.
    """
    if not uri:
        raise UriError("must not be empty")
    if len(uri) > MAX_URI:
        raise UriError(f"must not be longer than {MAX_URI} characters")
    if (outside := _OUTSIDE_URI.search(uri)) is not None:
        _check_outside(uri, outside.start())
    if "%" in uri:
        if _BAD_ESCAPE.search(uri):
            raise UriError("must not have a percent sign without two hexadecimal digits")
        if _ENCODED_CONTROL.search(uri):
            raise UriError("must not encode a control character or a backslash")


def _check_outside(uri: str, start: int) -> None:
    """Name what is wrong with the first unusual character; letters and marks outside ASCII are left to the caller."""
    for char in uri[start:]:
        if _CONTROL.match(char):
            raise UriError("must not have control characters")
        if char.isspace():
            raise UriError("must not have whitespace")
        if char == "\\":
            raise UriError("must not have a backslash")
        if char.isascii() and _OUTSIDE_URI.match(char):
            raise UriError("must percent-encode characters that a URI does not allow")
        if not char.isascii() and is_invisible(char):
            raise UriError("must not have invisible characters")


def split(uri: str) -> tuple[str, str | None, str]:
    """The scheme in lower case; the authority as written, or None when there is no `//`; what follows.

    Raises UriError when there is no scheme (RFC 3986 §4.3).
    """
    match = _BEGINNING.match(uri)
    if match is None:
        raise UriError("must be an absolute URI with a scheme")
    return match[1].lower(), match[2], uri[match.end() :]


def foreign_hosts(values: Iterable[object]) -> int:
    """How many different hosts the URIs among `values` have that IDNA has to read: names outside ASCII, and A-labels."""
    texts = [value for value in values if isinstance(value, str)]
    if _plain("\n".join(texts)):
        return 0
    matches = [_BEGINNING.match(text) for text in texts if not _plain(text)]
    return len({match[2].partition(":")[0] for match in matches if match and match[2]})


def _plain(text: str) -> bool:
    return text.isascii() and "xn--" not in text.lower()


def parse_authority(text: str, *, web: bool) -> tuple[Host, int]:
    """Host and port of an authority, the port 0 when it is not given.

    MUST: no userinfo, no percent escape; a port is 1 to 65535 without leading zeros. With `web` (http and https) the host is
    there, is a host name or an address, and every browser reads it alike: an IPv4 address is four decimal numbers, no trailing
    dot. Other schemes keep an ASCII host as written, in lower case. Raises UriError.
    """
    if "@" in text:
        raise UriError("must not have user information")
    if "%" in text:
        raise UriError("must not have percent escapes in the host")
    host, port = _split_port(text)
    return (_web_host if web else _app_host)(host), port


def _split_port(text: str) -> tuple[str, int]:
    """`host:port` apart, with 0 for no port; the host keeps the brackets of an IPv6 address."""
    if ":" not in text and "[" not in text:
        return text, 0
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None:
        raise UriError("must have one host, and one port or none")
    host, port = match.groups()
    if port is None:
        return host, 0
    if not _PORT.fullmatch(port) or (number := int(port)) > _MAX_PORT:
        raise UriError("must have a port from 1 to 65535 without leading zeros, or none and no colon")
    return host, number


def _in_brackets(text: str) -> str | None:
    """What stands in the brackets of an IPv6 address; None when `text` is none."""
    if text.startswith("["):
        return text[1:-1]
    if "[" in text or "]" in text:
        raise UriError("must not have square brackets outside an IPv6 address")
    return None


def _ipv6(text: str) -> Host:
    """MUST: hexadecimal groups only (no zone, no dotted form, no future version), and no IPv4 address in disguise."""
    try:
        address = IPv6Address(text) if _IPV6.fullmatch(text) else None
    except ValueError:
        address = None
    if address is None:
        raise UriError("must have a plain IPv6 address between brackets")
    if address.ipv4_mapped is not None or 1 < int(address) < 1 << 32:
        raise UriError("must not write an IPv4 address as IPv6")
    return Host(address.compressed, ip_literal=True, loopback=address.is_loopback)


# Clients come with few hosts and many ports.
@lru_cache(maxsize=1024)
def _web_host(text: str) -> Host:
    if (address := _in_brackets(text)) is not None:
        return _ipv6(address)
    if not text:
        raise UriError("must have a host")
    try:
        name = to_a_label(text)
    except ValueError as error:
        raise UriError(f"has a host that {error}") from None
    # Digits of other scripts and letters like U+FF4C are mapped to ASCII: such a name shows something else than it is.
    if ends_in_number(name):
        return _ipv4(text)
    if name == "localhost" and not text.isascii():
        raise UriError("must write localhost in ASCII")
    return Host(name, loopback=name == "localhost")


def _ipv4(text: str) -> Host:
    """MUST: four decimal numbers without leading zeros.

    Browsers read 127.0.0.1 in `2130706433`, `0x7f.1`, `0177.0.0.1` and `127.1` too; other programs do not.
    """
    try:
        address = IPv4Address(text) if text.isascii() else None
    except ValueError:
        address = None
    if address is None:
        raise UriError("must write an IPv4 address as four decimal numbers")
    return Host(str(address), ip_literal=True, loopback=address.is_loopback)


@lru_cache(maxsize=1024)
def _app_host(text: str) -> Host:
    """The host of a scheme of an application's own: any registered name of RFC 3986 §3.2.2, often none."""
    if (address := _in_brackets(text)) is not None:
        return _ipv6(address)
    if text.isascii():
        return Host(text.lower(), ip_literal=_is_ipv4(text))
    try:
        return Host(to_a_label(text))
    except ValueError as error:
        raise UriError(f"has a host that {error}") from None


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
