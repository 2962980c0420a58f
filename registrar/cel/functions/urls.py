"""URLs, as Kubernetes' library has them (an absolute URI or an absolute path), with the characters of RFC 3986.

What browsers and servers read differently is refused: control characters, white space, backslashes, broken escapes, a host with
an escape. The host stays as it is written. What begins with two slashes has a host, as for browsers; Go reads it as a path.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, unquote_plus

from registrar.cel.errors import Failure
from registrar.cel.functions.function import Function
from registrar.cel.types import BOOL, STRING, URL, ListType, MapType
from registrar.cel.values import CHARACTERS_PER_STEP, Url, bounded

_URL = re.compile(r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?]*))?(?P<path>[^?]*)(?:\?(?P<query>.*))?")
_AUTHORITY = re.compile(
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?(?P<host>(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\x00-\x20:@%\[\]<>\"#\\^`{|}/?]*))(?::(?P<port>[0-9]*))?)"
)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]|%(?![0-9A-Fa-f]{2})")
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~-._"
# Every second character may begin a parameter, and decoding one takes as long as two steps; so does escaping one character.
_RATE = CHARACTERS_PER_STEP


# A macro over a client's redirect URIs reads one link again for each of them.
@lru_cache(maxsize=64)
def _url(text: str) -> Url:
    parts = _URL.fullmatch(text)
    if parts is None or not text or _FORBIDDEN.search(text):
        raise Failure("the text is no URL")
    scheme, written, path = (parts["scheme"] or "").lower(), parts["authority"], parts["path"]
    if not scheme and not text.startswith("/"):
        raise Failure("the text is neither an absolute URL nor an absolute path")
    authority = _AUTHORITY.fullmatch(written or "")
    if authority is None:
        raise Failure("the text is no URL")
    return Url(
        text=text,
        scheme=scheme,
        host=authority["host"],
        hostname=authority["ipv6"] or authority["name"] or "",
        port=authority["port"] or "",
        path=path if path.startswith("/") else "",
        query=parts["query"] or "",
    )


def _is_url(text: str) -> bool:
    try:
        return bool(_url(text))
    except Failure:
        return False


def _escaped_path(url: Url) -> str:
    return bounded(quote(url.path, safe=_PATH_CHARACTERS))


def _query(url: Url) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for pair in filter(None, url.query.split("&")):
        # As in Go: a pair with a semicolon is dropped, for servers do not agree on what it means.
        if ";" not in pair:
            key, _, value = pair.partition("=")
            found.setdefault(unquote_plus(key), []).append(unquote_plus(value))
    return {name: tuple(values) for name, values in found.items()}


URLS = (
    Function("isURL", None, (STRING,), BOOL, "Whether the text is an absolute URL or an absolute path.", _is_url, linear=True),
    Function("url", None, (STRING,), URL, "The URL that the text writes.", _url, linear=True, checked=True),
    Function("getScheme", URL, (), STRING, "The scheme in lower case, without the colon.", lambda url: url.scheme),
    Function("getHost", URL, (), STRING, "The host as written, with its port.", lambda url: url.host),
    Function("getHostname", URL, (), STRING, "The host as written, without port and brackets.", lambda url: url.hostname),
    Function("getPort", URL, (), STRING, "The port as written, or an empty text.", lambda url: url.port),
    Function("getEscapedPath", URL, (), STRING, "The path, percent-encoded.", _escaped_path, linear=True, rate=_RATE),
    Function(
        "getQuery",
        URL,
        (),
        MapType(STRING, ListType(STRING)),
        "The decoded values of each parameter.",
        _query,
        linear=True,
        rate=_RATE,
    ),
)
