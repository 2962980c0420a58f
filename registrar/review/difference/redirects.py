"""Exact comparison of redirect matchers: each `allow` list is a set of single hosts, schemes and URIs, with what they cover."""

from collections.abc import Iterator, Sequence

from registrar import wire
from registrar.policy.matchers import ExactUri, HttpsHost, Loopback, Matcher, PrivateUse
from registrar.wire import RedirectUriError


def uncovered(matchers: Sequence[Matcher], others: Sequence[Matcher]) -> list[Matcher]:
    """What `matchers` let through and `others` do not, one matcher for each single host, scheme or URI, without repetition.

    Exact, since no union of matchers lets through all that a single one does, unless one of them does so by itself.
    """
    single = dict.fromkeys(part for matcher in matchers for part in _parts(matcher))
    return [part for part in single if not any(_covers(other, part) for other in others)]


def _parts(matcher: Matcher) -> Iterator[Matcher]:
    if isinstance(matcher, HttpsHost) and not matcher.anybody:
        for host in sorted(matcher.hosts):
            yield HttpsHost(frozenset({host}), (), matcher.path, matcher.path_prefix, matcher.port)
        for suffix in matcher.suffixes:
            yield HttpsHost(frozenset(), (suffix,), matcher.path, matcher.path_prefix, matcher.port)
    elif isinstance(matcher, Loopback) and matcher.hosts:
        yield from (Loopback(frozenset({host})) for host in sorted(matcher.hosts))
    elif isinstance(matcher, PrivateUse) and matcher.schemes:
        yield from (PrivateUse(frozenset({scheme})) for scheme in sorted(matcher.schemes))
    else:
        yield matcher


def _covers(matcher: Matcher, part: Matcher) -> bool:
    """Whether `matcher` lets through all that `part` does, which has one host, suffix, scheme or URI, or is for any."""
    if isinstance(part, ExactUri):
        return matcher(wire.parse_redirect_uri(part.uri))
    if isinstance(part, HttpsHost) and isinstance(matcher, HttpsHost):
        return matcher.port in (None, part.port) and _covers_host(matcher, part) and _covers_path(matcher, part)
    if isinstance(part, Loopback) and isinstance(matcher, Loopback):
        return not matcher.hosts or (part.hosts != frozenset() and part.hosts <= matcher.hosts)
    if isinstance(part, PrivateUse) and isinstance(matcher, PrivateUse):
        return not matcher.schemes or (part.schemes != frozenset() and part.schemes <= matcher.schemes)
    return False


def _covers_host(matcher: HttpsHost, part: HttpsHost) -> bool:
    if matcher.anybody or part.anybody:
        return matcher.anybody
    if part.suffixes:
        # `.a.example` ends with `.example`: each host under the longer suffix is under the shorter one.
        return part.suffixes[0].endswith(matcher.suffixes)
    [host] = part.hosts
    return host in matcher.hosts or (not _is_address(host) and host.endswith(matcher.suffixes))


def _is_address(host: str) -> bool:
    """Whether `host` is an IP literal, which no wildcard takes; so is what looks like one and is refused everywhere."""
    try:
        return wire.parse_redirect_uri(f"https://{host}/").ip_literal
    except RedirectUriError:
        return True


def _covers_path(matcher: HttpsHost, part: HttpsHost) -> bool:
    if matcher.path is not None:
        return part.path == matcher.path
    return (part.path_prefix if part.path is None else part.path).startswith(matcher.path_prefix)
