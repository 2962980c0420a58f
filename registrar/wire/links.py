"""Links in client metadata: what a consent page shows and what a server fetches (RFC 7591 §2 and §5)."""

from registrar.wire.uris import (
    DEFAULT_PORTS,
    Host,
    UriError,
    check_characters,
    parse_authority,
    split,
)


def check_link(link: str, *, https: bool) -> None:
    """MUST: an absolute http or https URL (only https with `https`) with a host and without user information.

    So no `javascript:` behind a logo, and no other scheme for a server to fetch. No control character, whitespace, backslash or
    invisible character; a host that all browsers read alike. Raises UriError, whose reason never repeats the link.
    """
    _host(link, https=https)


def _host(link: str, *, https: bool) -> Host:
    check_characters(link)
    scheme, authority, _ = split(link)
    if scheme not in DEFAULT_PORTS or (https and scheme != "https"):
        raise UriError("must be an https URL" if https else "must be an http or https URL")
    if authority is None:
        raise UriError("must have // and a host after the scheme")
    return parse_authority(authority, web=True)[0]


def link_host(link: str) -> str:
    """The host of an http or https link, as `RedirectUri.host` has it; "" when the link is none that `check_link` takes."""
    try:
        return _host(link, https=False).name
    except UriError:
        return ""
