"""Contract 13: which software statements are believed, and how the others are refused."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.statements import ALGORITHMS, LEEWAY, StatementError, Trust, verify
from registrar.wire import ErrorCode
from tests.statements.issuers import (
    CLAIMS,
    ISSUER,
    SIGNING,
    STRANGER,
    confused,
    encoded,
    forged,
    key_for,
    public,
    signed_over,
    statement,
    trust,
)

NOW = 1_790_000_000
BAD = ErrorCode.INVALID_SOFTWARE_STATEMENT


def verified(text: str, *trusts: Trust) -> Mapping[str, object]:
    """The claims, believed by one who trusts these issuers."""
    return verify(text, {one.issuer: one for one in trusts or (trust(),)}, NOW)


def refused(text: str, *trusts: Trust) -> StatementError:
    """How it is refused: by a code, and by words that are fit for a client and have nothing of the statement."""
    with pytest.raises(StatementError) as caught:
        verified(text, *trusts)
    assert re.fullmatch(r"software_statement [a-zA-Z0-9 ,:'()_]+", str(caught.value))
    assert "vendor" not in str(caught.value)
    return caught.value


def test_the_claims_of_a_trusted_issuer_come_back() -> None:
    """All of them, as they are."""
    claims = {**CLAIMS, "redirect_uris": ["https://vendor.example/cb"], "iat": NOW, "nested": {"a": [1, None]}}
    assert verified(statement(claims)) == claims


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_that_can_be_allowed_verifies(algorithm: str) -> None:
    """And only with the right key."""
    key, other = key_for(algorithm), key_for(algorithm)
    allowed = trust(key, algorithms=(algorithm,))
    assert verified(statement(key=key, alg=algorithm, kid=None), allowed) == CLAIMS
    assert refused(statement(key=other, alg=algorithm, kid=None), allowed).code is BAD


def test_an_issuer_that_is_not_trusted_is_unapproved() -> None:
    """RFC 7591 §3.2.2, also when nobody is trusted, and whatever the signature says."""
    text = statement({**CLAIMS, "iss": "https://other.example"})
    assert refused(text).code is ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT
    with pytest.raises(StatementError) as caught:
        verify(text, {}, NOW)
    assert caught.value.code is ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT


def test_an_issuer_is_compared_byte_for_byte() -> None:
    """A trailing slash is another issuer."""
    assert refused(statement({**CLAIMS, "iss": f"{ISSUER}/"})).code is ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT


@pytest.mark.parametrize("issuer", [None, "", 7, [ISSUER], {"iss": ISSUER}])
def test_a_statement_without_issuer_is_bad(issuer: object) -> None:
    """RFC 7591 §2.3 requires `iss`; a list is none."""
    assert refused(statement({**CLAIMS, "iss": issuer})).code is BAD
    assert refused(statement({"software_id": "x"})).code is BAD


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "nOnE", "NONE", "", "HS256", "ES256K", "ES384", "RS256", 7, None, ["ES256"]]
)
def test_another_algorithm_than_the_issuers_is_bad(algorithm: object) -> None:
    """Unsigned, symmetric, one that exists but is not allowed, and what is no name at all."""
    assert refused(forged({"alg": algorithm, "kid": "one"})).code is BAD
    assert refused(f"{encoded({'alg': algorithm})}.{encoded(CLAIMS)}.{encoded(b'x')}").code is BAD


def test_an_unsigned_statement_is_no_statement() -> None:
    """With an empty signature it has not even the form."""
    assert refused(f"{encoded({'alg': 'none'})}.{encoded(CLAIMS)}.").code is BAD


def test_a_public_key_is_no_shared_secret() -> None:
    """An HMAC made with what everybody knows, whatever algorithms are allowed."""
    key = key_for("RS256")
    for allowed in ALGORITHMS[:6]:
        assert refused(confused(key), trust(key, algorithms=(allowed,))).code is BAD


@pytest.mark.parametrize("changed", ["header", "claims", "signature"])
def test_what_was_changed_after_signing_is_bad(changed: str) -> None:
    """Each of the three parts is held by the signature."""
    header, claims, signature = statement().split(".")
    parts = {"header": header, "claims": claims, "signature": signature}
    parts[changed] = {
        "header": encoded({"alg": "ES256", "kid": "one", "x": 1}),
        "claims": encoded({**CLAIMS, "client_name": "another"}),
        "signature": encoded(b"\x01" * 64),
    }[changed]
    assert refused(".".join(parts.values())).code is BAD


def test_a_key_that_the_statement_brings_is_ignored() -> None:
    """`jwk`, `jku`, `x5c` and `x5u` say who signed, and are not believed; beside a good signature they do no harm."""
    own = STRANGER.as_dict(private=False)
    for header in ({"jwk": own}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example/"}, {"x5c": ["AAAA"]}):
        assert refused(statement(key=STRANGER, **header)).code is BAD
        assert verified(statement(**header)) == CLAIMS


def test_a_key_id_names_one_of_the_issuers_keys() -> None:
    """Another id than the key's is bad, also when the signature would hold; without one, only one key may fit."""
    two = key_for("ES256")
    two_dict = {**two.as_dict(private=False), "kid": "two"}
    both = Trust(ISSUER, {"keys": [*public(SIGNING)["keys"], two_dict]}, ("ES256",))  # type: ignore[misc]
    assert verified(statement(kid="one"), both) == CLAIMS
    assert verified(statement(key=two, kid="two"), both) == CLAIMS
    assert refused(statement(kid="two"), both).code is BAD
    assert refused(statement(kid="three"), both).code is BAD
    assert refused(statement(kid=None), both).code is BAD
    assert verified(statement(kid=None)) == CLAIMS


def test_a_key_id_that_is_no_string_is_bad() -> None:
    """RFC 7515 §4.1.4."""
    assert refused(signed_over(b'{"alg":"ES256","kid":["one"]}', json.dumps(CLAIMS).encode())).code is BAD


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": NOW}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"crit": []}])
def test_critical_extensions_are_not_understood(header: Mapping[str, object]) -> None:
    """RFC 7515 §4.1.11; RFC 7797 among them: an unencoded payload would be read otherwise than it was signed."""
    text = json.dumps({"alg": "ES256", "kid": "one", **header}).encode()
    assert refused(signed_over(text, json.dumps(CLAIMS).encode())).code is BAD


def test_unknown_headers_are_ignored() -> None:
    """RFC 7515 §4."""
    assert verified(statement(vendor="x", typ="application/jwt", cty="json")) == CLAIMS


@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", "dpop+jwt", "JOSE", 7, None])
def test_a_token_of_another_kind_is_no_statement(kind: object) -> None:
    """RFC 8725 §3.11: what an issuer signs for something else with the same key."""
    header = json.dumps({"alg": "ES256", "kid": "one", "typ": kind}).encode()
    assert refused(signed_over(header, json.dumps(CLAIMS).encode())).code is BAD


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - LEEWAY},
        {"exp": NOW - 86400},
        {"exp": "never"},
        {"exp": True},
        {"exp": None},
        {"nbf": NOW + LEEWAY + 1},
        {"nbf": "now"},
        {"iat": NOW + LEEWAY + 1},
        {"iat": [NOW]},
        {"jti": 7},
        {"sub": {}},
    ],
    ids=str,
)
def test_times_and_registered_claims_hold(claims: Mapping[str, object]) -> None:
    """Expired, not yet valid, made in the future, or of another type."""
    assert refused(statement({**CLAIMS, **claims})).code is BAD


@pytest.mark.parametrize("claims", [{"exp": NOW - LEEWAY + 1}, {"exp": NOW + 0.5}, {"nbf": NOW + LEEWAY}, {"iat": NOW + LEEWAY}])
def test_clocks_may_differ_by_a_minute(claims: Mapping[str, object]) -> None:
    """RFC 7519 §4.1.4 allows a small leeway."""
    assert verified(statement({**CLAIMS, **claims})) == {**CLAIMS, **claims}


@pytest.mark.parametrize("audience", ["https://other.example", [], ["https://other.example"], 7, None, "", {"a": 1}])
def test_an_audience_that_is_configured_has_to_be_named(audience: object) -> None:
    """And a statement for everybody is not for this server."""
    here = trust(audience="https://as.example")
    assert refused(statement({**CLAIMS, "aud": audience}), here).code is BAD
    assert refused(statement(), here).code is BAD
    for named in ("https://as.example", ["https://other.example", "https://as.example"]):
        assert verified(statement({**CLAIMS, "aud": named}), here)["aud"] == named


def test_a_statement_for_somebody_else_is_bad_where_no_audience_is_configured() -> None:
    """RFC 7519 §4.1.3: who does not know itself in the audience must reject."""
    assert refused(statement({**CLAIMS, "aud": "https://as.example"})).code is BAD


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b'{"alg":"ES256","kid":"one","alg":"ES256"}', json.dumps(CLAIMS).encode()),
        (b'{"alg":"ES256","kid":"one"}', b'{"iss":"https://vendor.example","scope":"a","scope":"b"}'),
        (b'{"alg":"ES256","kid":"one"}', b'{"iss":"https://vendor.example","n":NaN}'),
        (b'{"alg":"ES256","kid":"one"}', b'{"iss":"https://vendor.example","n":' + b"[" * 9 + b"]" * 9 + b"}"),
        (b'{"alg":"ES256","kid":"one"}', b'["https://vendor.example"]'),
        (b'{"alg":"ES256","kid":"one"}', b"\xff\xfe"),
        (b'["ES256"]', json.dumps(CLAIMS).encode()),
        (b'{"alg":"ES256","x":' + b"[" * 2000 + b"]" * 2000 + b"}", json.dumps(CLAIMS).encode()),
    ],
)
def test_the_json_of_a_statement_is_strict(header: bytes, claims: bytes) -> None:
    """Two equal names, NaN, depth, other shapes and other encodings are refused though the signature holds."""
    assert refused(signed_over(header, claims)).code is BAD


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "a.b.c.d.e",
        "e30.e30.e30=",
        "e30.e30.e30\n",
        " e30.e30.e30",
        "e30.e30.é30",
        "x" * 16_385,
        "e30.e30." + "A" * 16_370,
        forged({"alg": "ES256", "x": "y" * 5000}),
        forged({"alg": "ES256"}, signature=b"x" * 3000),
        json.dumps({"payload": "e30", "signatures": []}),
    ],
    ids=lambda text: text[:16],
)
def test_garbage_is_bad(text: str) -> None:
    """Other forms of JOSE, other alphabets, other sizes."""
    assert refused(text).code is BAD


def test_a_signature_in_another_encoding_is_bad() -> None:
    """The last character has bits that say nothing: only one spelling of a signature is taken (RFC 4648 §3.5)."""
    text = statement()
    for last in set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef") - {text[-1]}:
        assert refused(text[:-1] + last).code is BAD


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=80)
    | st.from_regex(r"[A-Za-z0-9_-]{1,40}(\.[A-Za-z0-9_-]{1,40}){1,4}")
)
def test_no_text_does_anything_else_than_be_refused(text: str) -> None:
    """Whatever comes, it is a StatementError."""
    refused(text)


@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "x"]),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2),
        max_size=5,
    )
)
def test_no_claims_do_anything_else_than_hold_or_be_refused(claims: dict[str, Any]) -> None:
    """Of a trusted issuer, in whatever types."""
    claims = {**claims, "iss": ISSUER}
    with suppress(StatementError):
        assert verified(statement(claims)) == claims
