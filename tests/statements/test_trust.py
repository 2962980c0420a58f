"""Whom an operator can trust: public keys that are what they say, and algorithms that nobody else can sign with."""

from collections.abc import Mapping
from typing import Any

import pytest
from joserfc.jwk import OctKey

from registrar.statements import Trust, TrustError
from tests.statements.issuers import ISSUER, SIGNING, key_for, public


def mistakes(jwks: Mapping[str, object], *algorithms: str) -> tuple[str, ...]:
    """What is wrong with trusting these."""
    with pytest.raises(TrustError) as caught:
        Trust(ISSUER, jwks, algorithms or ("ES256",))
    return caught.value.mistakes


def changed(**members: object) -> dict[str, object]:
    """The signing key's set, its key changed."""
    return {"keys": [{**SIGNING.as_dict(private=False), **members}]}


def test_private_keys_are_refused() -> None:
    """Whoever sends one has given it away; a secret shared with the issuer is no public key."""
    assert mistakes({"keys": [SIGNING.as_dict(private=True)]}) == ("key 1 must be a public key without private members",)
    secret: Any = OctKey.generate_key(256).as_dict()
    assert mistakes({"keys": [secret]}, "ES256") == ("key 1 must be a public key without private members",)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "RSA1_5", "es256", "ES256K", ""])
def test_algorithms_that_others_can_sign_with_are_refused(algorithm: str) -> None:
    """By name, before any statement comes."""
    assert mistakes(public(SIGNING), "ES256", algorithm) == (
        f"algorithm {algorithm} is none that a statement can be signed with",
    )


def test_a_set_without_a_key_for_an_algorithm_is_refused() -> None:
    """It could never verify anything: an RSA key for ES256, the wrong curve, a key for encryption, or for signing only."""
    needed = ("must have a key for one of the algorithms",)
    assert mistakes(public(key_for("RS256"))) == needed
    assert mistakes(public(key_for("ES384"))) == needed
    assert mistakes(changed(use="enc")) == needed
    assert mistakes(changed(use="sig", key_ops=["sign"])) == needed
    assert mistakes(changed(alg="ES384")) == needed
    assert mistakes(public(SIGNING), "RS256") == needed


def test_a_point_that_is_not_on_its_curve_is_refused() -> None:
    """The library's mathematics say so; the text is ours."""
    assert mistakes(changed(x="A" * 43)) == ("key 1 is no usable key of its type",)


@pytest.mark.parametrize("jwks", [{}, {"keys": []}, {"keys": {}}, {"keys": [7]}, {"keys": [{"kty": "EC"}]}, {"keys": [{}]}])
def test_what_is_no_key_set_is_refused(jwks: Mapping[str, object]) -> None:
    """Each with what is wrong."""
    assert mistakes(jwks)


def test_other_keys_in_the_set_do_no_harm() -> None:
    """An issuer publishes its encryption keys beside."""
    trusted = Trust(ISSUER, public(SIGNING, key_for("RS256")), ("ES256",))
    assert [key.kid for key in trusted.keys("ES256", None)] == ["one"]
    assert trusted.keys("RS256", None) == ()


def test_keys_are_not_shown() -> None:
    """A trust in a log line is its issuer."""
    assert "_keys" not in repr(Trust(ISSUER, public(SIGNING), ("ES256",)))
