"""The program's own rules for metadata and RFC 7591's defaults: contract 3 to 7."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import registrar
from registrar.wire import ErrorCode, MetadataProblem, apply_defaults, check, error_code, link_host, needs_secret, normalise
from tests.wire.scenarios import scenarios

SOUND = scenarios("metadata/sound")
UNSOUND = scenarios("metadata/unsound")
BAD_KEYS = scenarios("metadata/bad_keys")
FIXTURES = Path(registrar.__file__).parent / "fixtures" / "mcp-clients.json"
CLIENTS = {
    entry["name"]: entry["document"]
    for entry in json.loads(FIXTURES.read_text(encoding="utf-8"))["clients"]
    if "mayBeRefused" not in entry
}


def checked(metadata: Mapping[str, object]) -> list[MetadataProblem]:
    """The rules that a document breaks once its defaults are in."""
    return check(apply_defaults(metadata))


@pytest.mark.parametrize("name", CLIENTS)
def test_25_26_what_shipping_clients_send_breaks_no_rule(name: str) -> None:
    """Contract 25 and 26: every document that a shipping client sends is sound once nulls and empty strings are absent."""
    assert checked(normalise(CLIENTS[name])) == []


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_document_has_no_problem(name: str) -> None:
    """Contract 3 to 7, the permitted side."""
    assert checked(SOUND[name]) == []


@pytest.mark.parametrize("kind", ["native", "web", "something else"])
@pytest.mark.parametrize("uri", ["https://vscode.dev/redirect", "cursor://cb", "http://localhost:1/cb"])
def test_23_the_application_type_rules_nothing(kind: str, uri: str) -> None:
    """Contract 23: real clients contradict OpenID's rules, so the type is kept and is nothing but a fact."""
    document = {"redirect_uris": [uri], "application_type": kind}
    assert normalise(document) == document
    assert checked(document) == []


@pytest.mark.parametrize("name", UNSOUND)
def test_3_5_6_every_broken_rule_is_told(name: str) -> None:
    """Contract 3, 5 and 6: all problems, each with its RFC 7591 code, in a fixed order."""
    case: dict[str, Any] = UNSOUND[name]
    assert checked(case["metadata"]) == [
        MetadataProblem(ErrorCode(code), member, text) for code, member, text in case["problems"]
    ]


@pytest.mark.parametrize("name", BAD_KEYS)
def test_5_only_sound_public_keys_are_registered(name: str) -> None:
    """Contract 5: private members, symmetric keys, unknown types and wrong sizes are refused."""
    case: dict[str, Any] = BAD_KEYS[name]
    problems = checked({"redirect_uris": ["https://client.example/cb"], "jwks": case["jwks"]})
    assert [str(problem) for problem in problems] == [f"jwks: {case['message']}"]


def rsa_key(bits: int, exponent: int) -> dict[str, object]:
    """A JWK with an odd modulus of so many bits."""
    numbers = {"n": (1 << (bits - 1)) + 1, "e": exponent}
    encoded = {name: number.to_bytes((number.bit_length() + 7) // 8) for name, number in numbers.items()}
    return {"kty": "RSA", **{name: base64.urlsafe_b64encode(data).decode().rstrip("=") for name, data in encoded.items()}}


@pytest.mark.parametrize(
    ("bits", "exponent", "message"),
    [
        (2048, 65537, None),
        (16384, 3, None),
        (2047, 65537, "must have a modulus of 2048 to 16384 bits"),
        (16385, 65537, "must have a modulus of 2048 to 16384 bits"),
        (2048, 1, "must have an odd exponent above 1"),
        (2048, 65536, "must have an odd exponent above 1"),
    ],
)
def test_5_rsa_keys_have_bounds(bits: int, exponent: int, message: str | None) -> None:
    """RFC 7518 §3.3: at least 2048 bits; an exponent of 1 would make every signature valid."""
    problems = checked({"redirect_uris": ["https://client.example/cb"], "jwks": {"keys": [rsa_key(bits, exponent)]}})
    assert [problem.message for problem in problems] == ([] if message is None else [f"key 1 {message}"])


def test_5_a_key_set_has_at_most_100_keys() -> None:
    """A bound on what an authorization server has to try."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    document = {"redirect_uris": ["https://client.example/cb"], "jwks": {"keys": [key] * 100}}
    assert checked(document) == []
    assert [problem.message for problem in checked({**document, "jwks": {"keys": [key] * 101}})] == [
        "must not have more than 100 keys"
    ]


@pytest.mark.parametrize(
    ("metadata", "defaults"),
    [
        ({}, ("client_secret_basic", ["authorization_code"], ["code"], [])),
        ({"grant_types": ["client_credentials"]}, ("client_secret_basic", ["client_credentials"], [], [])),
        (
            {"grant_types": ["authorization_code"], "response_types": ["code"]},
            ("client_secret_basic", ["authorization_code"], ["code"], []),
        ),
        (
            {"token_endpoint_auth_method": "none", "redirect_uris": ["myapp://cb"]},
            ("none", ["authorization_code"], ["code"], ["myapp://cb"]),
        ),
    ],
)
def test_4_rfc_defaults_come_where_nobody_said_anything(metadata: dict[str, object], defaults: tuple[object, ...]) -> None:
    """Contract 4: client_secret_basic, authorization_code and code, and no response type without that grant."""
    document = apply_defaults(metadata)
    assert (
        tuple(document[name] for name in ("token_endpoint_auth_method", "grant_types", "response_types", "redirect_uris"))
        == defaults
    )
    assert apply_defaults(document) == document


def test_4_defaults_share_nothing() -> None:
    """A client's document is its own: changing one changes neither its source nor the next one."""
    source: dict[str, object] = {"client_name": "x"}
    document = apply_defaults(source)
    assert isinstance(document["grant_types"], list)
    document["grant_types"].append("implicit")
    assert source == {"client_name": "x"}
    assert apply_defaults(source)["grant_types"] == ["authorization_code"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "client_secret_jwt"])
def test_9_shared_secret_methods_need_a_secret(method: str) -> None:
    """Contract 9: a client_secret only where the method uses one."""
    assert needs_secret(method)


@pytest.mark.parametrize(
    "method", ["none", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "", "Client_Secret_Basic"]
)
def test_9_other_methods_need_none(method: str) -> None:
    """Contract 9: never for `none`, nor for keys and certificates."""
    assert not needs_secret(method)


@pytest.mark.parametrize(
    ("member", "code"),
    [
        ("redirect_uris", "invalid_redirect_uri"),
        ("software_statement", "invalid_software_statement"),
        ("client_name", "invalid_client_metadata"),
        ("", "invalid_client_metadata"),
    ],
)
def test_11_a_member_chooses_its_error_code(member: str, code: str) -> None:
    """Contract 11: RFC 7591 §3.2.2."""
    assert error_code(member) == code


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("https://GitHub.com/x#y", "github.com"),
        ("http://[2001:DB8::1]:8080/", "2001:db8::1"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("javascript://client.example/", ""),
        ("https://a@client.example/", ""),
        ("", ""),
    ],
)
def test_the_host_of_a_link_is_told_as_that_of_a_redirect_uri(link: str, host: str) -> None:
    """Rules compare the two, so they must be written alike; what is no sound link has no host."""
    assert link_host(link) == host


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["scope", "client_uri", "jwks_uri", "token_endpoint_auth_method"]), st.text()))
def test_11_no_problem_repeats_a_value(metadata: dict[str, object]) -> None:
    """Contract 11: whatever the strings are, a message is ASCII and shows none of them."""
    marked = {name: f"qzjx{value}" for name, value in metadata.items()}
    for problem in checked({"redirect_uris": ["https://client.example/cb"], **marked}):
        assert "qzjx" not in str(problem)
        assert str(problem).isascii()
