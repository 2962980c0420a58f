"""Which registrations are identical: contract 29 and the reuse of identical registrations."""

import hashlib
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.wire import fingerprint, parse_redirect_uri, redirect_matches

DOCUMENT: dict[str, Any] = {
    "redirect_uris": ["http://localhost:1/cb", "https://client.example/cb"],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "mcp:read mcp:tools",
    "client_name": "x",
    "jwks": {"keys": [{"kty": "EC", "crv": "P-256"}]},
}
URIS = [
    f"{host}{port}/cb"
    for host in ("http://localhost", "http://[::1]", "https://a.example", "app://x")
    for port in ("", ":1", ":2")
]


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uris": ["https://client.example/cb", "http://localhost:65535/cb"]},
        {"redirect_uris": ["http://localhost/cb", "https://client.example/cb", "https://client.example/cb"]},
        {"grant_types": ["refresh_token", "authorization_code"]},
        {"scope": "mcp:tools  mcp:read mcp:tools"},
        {"jwks": {"keys": [{"crv": "P-256", "kty": "EC"}]}},
    ],
)
def test_29_what_has_no_meaning_makes_no_difference(change: dict[str, object]) -> None:
    """Contract 29: another loopback port, another order and repetitions are the same registration."""
    assert fingerprint({**DOCUMENT, **change}) == fingerprint(DOCUMENT)
    assert fingerprint(dict(reversed({**DOCUMENT, **change}.items()))) == fingerprint(DOCUMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uris": ["http://127.0.0.1:1/cb", "https://client.example/cb"]},
        {"redirect_uris": ["http://localhost:1/cb", "https://client.example:444/cb"]},
        {"redirect_uris": ["http://localhost:1/cb"]},
        {"grant_types": ["authorization_code"]},
        {"scope": "mcp:read"},
        {"scope": "mcp:read MCP:tools"},
        {"client_name": "X"},
        {"client_name#fr": "x"},
        {"jwks": {"keys": [{"kty": "EC", "crv": "P-384"}]}},
        {"dpop_bound_access_tokens": False},
        {"contacts": ["a"]},
    ],
)
def test_29_what_has_meaning_makes_a_difference(change: dict[str, object]) -> None:
    """A client never gets the identifier of a client that may do something else."""
    assert fingerprint({**DOCUMENT, **change}) != fingerprint(DOCUMENT)


def test_a_fingerprint_names_its_version() -> None:
    """Fingerprints are stored; those of another version must never look equal."""
    assert re.fullmatch(r"v1:[0-9a-f]{64}", fingerprint(DOCUMENT))


def test_a_fingerprint_never_changes() -> None:
    """A stored digest must still be the digest of its document after an upgrade, so the canonical form is written down here."""
    canonical = b'{"client_name":"x","redirect_uris":["http://localhost/cb"],"scope":"a b"}'
    document = {"scope": "b a", "redirect_uris": ["http://localhost:1/cb"], "client_name": "x"}
    assert fingerprint(document) == "v1:" + hashlib.sha256(canonical).hexdigest()


@settings(deadline=None)
@given(st.lists(st.sampled_from(URIS), min_size=1, max_size=4), st.lists(st.sampled_from(URIS), min_size=1, max_size=4))
def test_29_identical_registrations_are_matched_by_the_same_redirect_uris(one: list[str], other: list[str]) -> None:
    """Contract 22 and 29: equal fingerprints, and only those, mean that each URI of one is matched by the other."""
    covers = all(any(redirect_matches(mine, theirs) for theirs in other) for mine in one)
    covered = all(any(redirect_matches(theirs, mine) for mine in one) for theirs in other)
    assert (fingerprint({"redirect_uris": one}) == fingerprint({"redirect_uris": other})) is (covers and covered)


@given(st.lists(st.sampled_from(URIS), max_size=4), st.lists(st.sampled_from(URIS), max_size=4))
def test_redirect_uris_that_are_parsed_already_make_no_difference(uris: list[str], parsed: list[str]) -> None:
    """They are what they would be parsed to; those of another document say nothing."""
    metadata = {**DOCUMENT, "redirect_uris": uris}
    assert fingerprint(metadata, map(parse_redirect_uri, parsed)) == fingerprint(metadata)
