"""Redirect URIs: contract 20 to 22 and 25, and the traps of the platform."""

from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registrar.wire import (
    FORBIDDEN_SCHEMES,
    PERMANENT_SCHEMES,
    RedirectUri,
    RedirectUriError,
    is_private_use_scheme,
    normalize_redirect,
    parse_redirect_uri,
    redirect_matches,
)
from tests.wire.scenarios import scenarios

ACCEPTED = scenarios("redirects/accepted")
REFUSED = [(reason, name, uri) for reason, uris in scenarios("redirects/refused").items() for name, uri in uris.items()]
MATCHING = scenarios("redirects/matching")

# Everything that has ever confused a URL parser, and a little of what has not.
_PIECES = st.sampled_from(
    [
        *("http:", "https:", "HTTPS:", "myapp:", "javascript:", "//", "/", "\\", "@", ":", "?", "#", ".", "..", "%2e", "%", "*"),
        *("localhost", "127.0.0.1", "[::1]", "[", "]", "2130706433", "0x7f.1", "client.example", "bücher.example", "ｌocalhost"),
        *(":80", ":0", ":65536", ":443", " ", "\t", "\n", "\r\n", "\0", "\u00a0", "\u2028", "\u202e", "\ufeff", "xn--", "a", "ü"),
    ]
)
URI_LIKE = st.lists(_PIECES, max_size=8).map("".join) | st.text(max_size=40)


def outcome(uri: str) -> tuple[RedirectUri | None, str]:
    """The facts of a URI, or the reason why there are none."""
    try:
        return parse_redirect_uri(uri), ""
    except RedirectUriError as error:
        return None, error.reason


@pytest.mark.parametrize("name", ACCEPTED)
def test_20_25_an_accepted_uri_becomes_facts(name: str) -> None:
    """Contract 20 and 25: the URI is kept byte for byte, and every fact is the one that its scenario names."""
    case: dict[str, Any] = ACCEPTED[name]
    assert parse_redirect_uri(case["uri"]) == RedirectUri(uri=case["uri"], **case["facts"])


@pytest.mark.parametrize(("reason", "name", "uri"), REFUSED, ids=[name for _, name, _ in REFUSED])
def test_20_21_a_refused_uri_is_refused_for_its_reason(reason: str, name: str, uri: str) -> None:
    """Contract 20 and 21: each hostile form is refused by its own rule, in words that do not repeat it."""
    with pytest.raises(RedirectUriError) as refusal:
        parse_redirect_uri(uri)
    assert refusal.value.reason == reason


def test_20_a_uri_is_at_most_2048_characters_long() -> None:
    """Contract 20: the bound is exact, and counted in characters."""
    longest = "https://client.example/" + "a" * 2025
    assert parse_redirect_uri(longest).uri == longest
    with pytest.raises(RedirectUriError, match="longer than 2048"):
        parse_redirect_uri(longest + "a")


def test_20_what_is_no_string_is_refused() -> None:
    """Contract 20: a value of another type that got past the schema is refused, not crashed on."""
    with pytest.raises(RedirectUriError, match="must be a string"):
        parse_redirect_uri(None)  # type: ignore[arg-type]  # what is tested
    assert not redirect_matches("http://localhost/", 1)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("scheme", sorted(FORBIDDEN_SCHEMES))
def test_21_no_forbidden_scheme_gets_through_in_any_form(scheme: str) -> None:
    """Contract 21: script-capable schemes are refused in every case, with and without an authority, and are never private."""
    for uri in (f"{scheme}:x", f"{scheme.upper()}://localhost/", f"{scheme.title()}:///x"):
        with pytest.raises(RedirectUriError, match="must not use a scheme"):
            parse_redirect_uri(uri)
    assert not is_private_use_scheme(scheme.upper())


@pytest.mark.parametrize("scheme", sorted(PERMANENT_SCHEMES))
def test_permanent_schemes_belong_to_nobody(scheme: str) -> None:
    """RFC 8252 §7.1: a scheme that IANA registered as permanent is no application's own."""
    assert not is_private_use_scheme(scheme)
    assert not is_private_use_scheme(scheme.upper())


@pytest.mark.parametrize("scheme", ["cursor", "vscode", "com.example.app", "chrome-extension", "web+app"])
def test_other_schemes_may_be_an_applications_own(scheme: str) -> None:
    """RFC 8252 §7.1, as practised: names without a dot count too."""
    assert is_private_use_scheme(scheme)


@pytest.mark.parametrize("text", ["", ":", "1app", "my app", "cursor:", "cursor://x", "app\n", "äpp", "-app"])
def test_what_is_no_scheme_belongs_to_nobody(text: str) -> None:
    """A rule that asks about a text that is no scheme (RFC 3986 §3.1) must not hear yes."""
    assert not is_private_use_scheme(text)


@pytest.mark.parametrize("name", MATCHING)
def test_22_matching_is_exact_but_for_the_loopback_port(name: str) -> None:
    """Contract 22: equal strings, or equal but for the port on loopback; in both directions."""
    case: dict[str, Any] = MATCHING[name]
    assert redirect_matches(case["registered"], case["presented"]) is case["matches"]
    assert redirect_matches(case["presented"], case["registered"]) is case["matches"]


@pytest.mark.parametrize(
    ("uri", "normalized"),
    [
        ("http://localhost:60472/callback", "http://localhost/callback"),
        ("http://[::1]:1?x", "http://[::1]?x"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("https://client.example:8443/cb", "https://client.example:8443/cb"),
        ("myapp://localhost:1/cb", "myapp://localhost:1/cb"),
    ],
)
def test_22_normalizing_drops_the_loopback_port_alone(uri: str, normalized: str) -> None:
    """Contract 22: what is free in matching is what is dropped, and nothing else."""
    assert normalize_redirect(uri) == normalized


def test_normalizing_an_invalid_uri_raises() -> None:
    """There is no canonical form of what is no redirect URI."""
    with pytest.raises(RedirectUriError):
        normalize_redirect("javascript:alert(1)")


@settings(deadline=None)
@given(URI_LIKE)
@example("http://localhost\t:80/")
@example("https://[::1%25lo]/")
@example("//")
def test_20_21_every_string_is_refused_cleanly_or_is_what_other_parsers_see(text: str) -> None:
    """Contract 20 and 21: only RedirectUriError is raised; what is accepted has no part that another parser reads otherwise."""
    redirect, reason = outcome(text)
    if redirect is None:
        assert reason.startswith(("must ", "has "))
        return
    assert redirect.uri == text
    assert not set(text) & set(" \t\r\n\\*#")
    split = urlsplit(text)
    assert split.scheme == redirect.scheme
    assert (split.path, split.query, split.fragment) == (redirect.path, redirect.query, "")
    assert split.username is None
    if text.isascii():
        assert (split.port or 0) in (0, redirect.port)
        assert ((split.hostname or "") == redirect.host) or redirect.ip_literal
    assert redirect.scheme != "http" or redirect.loopback
    assert not (redirect.loopback and redirect.private_use)


@settings(deadline=None)
@given(URI_LIKE)
def test_20_a_reason_never_repeats_the_input(text: str) -> None:
    """Contract 11: a refusal of a URI made of words that no reason contains shows none of them."""
    marked = f"{text}qzjx{text}"
    _, reason = outcome(marked)
    assert "qzjx" not in reason
    assert reason.isascii()


@settings(deadline=None)
@given(URI_LIKE, URI_LIKE)
def test_22_matching_is_symmetric_and_agrees_with_normalizing(one: str, other: str) -> None:
    """Contract 22: two valid URIs match exactly when their normal forms are equal; an invalid one matches nothing."""
    try:
        same = normalize_redirect(one) == normalize_redirect(other)
    except RedirectUriError:
        same = False
    assert redirect_matches(one, other) is same
    assert redirect_matches(other, one) is same


@settings(deadline=None)
@given(
    st.sampled_from(["localhost", "127.0.0.1", "127.8.9.10", "[::1]", "LocalHost"]), st.integers(1, 65535), st.integers(1, 65535)
)
def test_22_29_only_the_port_differs(host: str, one: int, other: int) -> None:
    """Contract 22 and 29: the same client on another port is the same; its facts differ in the port only."""
    first, second = f"http://{host}:{one}/cb?x=1", f"http://{host}:{other}/cb?x=1"
    assert redirect_matches(first, second)
    assert replace(parse_redirect_uri(first), uri="", port=0) == replace(parse_redirect_uri(second), uri="", port=0)


def test_facts_are_frozen() -> None:
    """Facts are shared between threads and rules, so nobody may change them."""
    redirect = parse_redirect_uri("https://client.example/cb")
    with pytest.raises(AttributeError):
        redirect.host = "evil.example"  # type: ignore[misc]  # what is tested
    assert set(asdict(redirect)) == {"uri", "scheme", "host", "port", "path", "query", "loopback", "private_use", "ip_literal"}
