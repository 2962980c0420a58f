"""Redirect URIs: parsed once into facts, kept byte for byte (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1)."""

import re
from dataclasses import dataclass

from registrar.wire.schemes import FORBIDDEN_SCHEMES, is_private_use_scheme
from registrar.wire.uris import (
    DEFAULT_PORTS,
    Host,
    UriError,
    check_characters,
    parse_authority,
    split,
)

# A server that decodes a path once more than it should still meets no dot segment: `%252e` counts as well.
_ENCODED_DOT = re.compile(r"%(?:25)*2[Ee]")
_ENCODED_SLASH = re.compile(r"%(?:25)*2[Ff]")
_HOST_AND_PORT_ONLY = re.compile(r"[0-9]{1,5}(?:[/?]|$)")
_LOOPBACK_PORT = re.compile(r"([A-Za-z]+://(?:\[[^\]]*\]|[^/?:]*))(?::[0-9]+)?")


class RedirectUriError(UriError):
    """A redirect URI that the program refuses, whatever the policy says."""


@dataclass(frozen=True, slots=True)
class RedirectUri:
    """One redirect URI as facts.

    `uri` is the string exactly as sent. `scheme` is in lower case. `host` is in lower case, its non-ASCII labels as A-labels,
    an IPv6 address without brackets, "" when there is none. `port` is the one that was written, else 443 or 80 for https and
    http, else 0. `path` and `query` are as written. `loopback`: http or https on 127.0.0.0/8, [::1] or the name localhost.
    `private_use`: the scheme may belong to one application (RFC 8252 §7.1). `ip_literal`: the host is an address.
    """

    uri: str
    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    query: str = ""
    loopback: bool = False
    private_use: bool = False
    ip_literal: bool = False

    @property
    def normalized(self) -> str:
        """`uri` without its port when it is on loopback, else unchanged: two URIs with equal results match each other."""
        return _without_port(self.uri) if self.loopback else self.uri


def parse_redirect_uri(uri: str) -> RedirectUri:
    """Check `uri` and read it.

    MUST (RFC 6749 §3.1.2, RFC 8252 §7 and §8, RFC 9700 §2.1 and §4.1): an absolute URI of at most 2,048 characters; no
    fragment, not even an empty one; no user information; no control character, whitespace, backslash or dot segment, plain or
    escaped; no wildcard; no scheme that runs script or opens files; http and https have a host that all browsers read alike;
    http only on loopback.

    Raises RedirectUriError, whose reason begins with a verb and never repeats the input.
    """
    try:
        return _parsed(uri)
    except UriError as error:
        raise RedirectUriError(error.reason) from None


def _parsed(uri: str) -> RedirectUri:
    if not isinstance(uri, str):
        raise UriError("must be a string")
    if "#" in uri:
        raise UriError("must not have a fragment, not even an empty one")
    if "*" in uri:
        raise UriError("must not have a wildcard")
    check_characters(uri)
    scheme, written, rest = split(uri)
    web = scheme in DEFAULT_PORTS
    private_use = not web and is_private_use_scheme(scheme)
    if not web:
        _check_scheme(scheme, rest, private_use=private_use)
    if not rest.isascii():
        raise UriError("must percent-encode characters outside ASCII after the host")
    if "[" in rest or "]" in rest:
        raise UriError("must not have square brackets outside an IPv6 address")
    path, _, query = rest.partition("?")
    if "." in path or "%" in path:
        _check_path(path)
    if web and written is None:
        raise UriError("must have // and a host after the scheme")
    host, port = (Host(), 0) if written is None else parse_authority(written, web=web)
    if scheme == "http" and not host.loopback:
        raise UriError("must use https: http is only for loopback addresses")
    port = port or DEFAULT_PORTS.get(scheme, 0)
    return RedirectUri(uri, scheme, host.name, port, path, query, web and host.loopback, private_use, host.ip_literal)


def _check_scheme(scheme: str, rest: str, *, private_use: bool) -> None:
    if scheme in FORBIDDEN_SCHEMES:
        raise UriError("must not use a scheme that can run script or open files")
    # `localhost:8080/callback` is, by the grammar, the scheme `localhost` and a path.
    if scheme == "localhost" or (private_use and _HOST_AND_PORT_ONLY.match(rest)):
        raise UriError("must be an absolute URI with a scheme before the host")


def _check_path(path: str) -> None:
    """MUST: no segment `.` or `..`, also escaped (any number of times), and also before a path parameter (`..;x`)."""
    if "%" in path:
        path = _ENCODED_SLASH.sub("/", _ENCODED_DOT.sub(".", path))
    if "." in path and any(segment.partition(";")[0] in (".", "..") for segment in path.split("/")):
        raise UriError("must not have dot segments")


def redirect_matches(registered: str, presented: str) -> bool:
    """Whether `presented`, at authorization time, is the `registered` redirect URI.

    The strings must be equal (RFC 9700 §2.1), but on loopback any port, or none, will do (RFC 8252 §7.3). A string that is no
    valid redirect URI matches nothing, not even itself.
    """
    try:
        loopback = parse_redirect_uri(registered).loopback
        if registered == presented:
            return True
        return loopback and parse_redirect_uri(presented).loopback and _without_port(registered) == _without_port(presented)
    except RedirectUriError:
        return False


def normalize_redirect(uri: str) -> str:
    """`RedirectUri.normalized` of a URI as it was sent. Raises RedirectUriError."""
    return parse_redirect_uri(uri).normalized


def _without_port(uri: str) -> str:
    """A loopback URI, already parsed, without the port."""
    return _LOOPBACK_PORT.sub(r"\1", uri, count=1)
