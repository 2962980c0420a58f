"""What an answer promises: contract 8 to 10 and 28, as the schema of the answer says it."""

import json
from typing import Any

import pytest

from registrar.bundled import bundled
from registrar.schema import Schema, SchemaProblem
from registrar.wire import MEMBERS, needs_secret

RESPONSE = Schema.load("registration-response")
FILE: dict[str, Any] = json.loads((bundled("schemas") / "registration-response.schema.json").read_text(encoding="utf-8"))

PUBLIC: dict[str, object] = {
    "client_id": "01JCM5Z6T0",
    "client_id_issued_at": 1764000000,
    "redirect_uris": ["http://localhost:1/cb"],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "client_name#fr": "x",
}
CONFIDENTIAL = {
    **PUBLIC,
    "token_endpoint_auth_method": "client_secret_basic",
    "client_secret": "s",
    "client_secret_expires_at": 0,
    "registration_client_uri": "https://as.example/register/01JCM5Z6T0",
    "registration_access_token": "t",
}


def test_8_sound_answers_are_sound() -> None:
    """Contract 8 to 10: a public client, a confidential one with management, and one without redirects."""
    assert RESPONSE.problems(PUBLIC) == []
    assert RESPONSE.problems(CONFIDENTIAL) == []
    assert RESPONSE.valid({**PUBLIC, "redirect_uris": [], "response_types": [], "grant_types": ["client_credentials"]})


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"client_name": None}, ("client_name",), "must be a string"),
        ({"client_uri": ""}, ("client_uri",), "must not be empty"),
        ({"client_name#fr": ""}, ("client_name#fr",), "must not be empty"),
        ({"contacts": None}, ("contacts",), "must be a list"),
        ({"contacts": [""]}, ("contacts", 0), "must not be empty"),
        ({"redirect_uris": None}, ("redirect_uris",), "must be a list"),
        ({"client_id_issued_at": 1764000000.0}, ("client_id_issued_at",), "must be a whole number"),
        ({"client_id_issued_at": "1764000000"}, ("client_id_issued_at",), "must be a whole number"),
        ({"client_id_issued_at": True}, ("client_id_issued_at",), "must be a whole number"),
        ({"client_id_issued_at": -1}, ("client_id_issued_at",), "must be at least 0"),
        ({"client_id": "https://client.example/"}, ("client_id",), "must be printable ASCII and no URL"),
        ({"client_id": "x\n"}, ("client_id",), "must be printable ASCII and no URL"),
        ({"client_id": ""}, ("client_id",), "must not be empty"),
        ({"mcp_version": None}, ("mcp_version",), "is not allowed here"),
        ({"mcp_version": ""}, ("mcp_version",), "is not allowed here"),
        ({"client_secret": "s"}, (), "must not have client_secret"),
        ({"client_secret_expires_at": 0}, (), "must not have client_secret_expires_at"),
        (
            {"registration_client_uri": "https://as.example/x"},
            (),
            "registration_access_token is required together with registration_client_uri",
        ),
        ({"registration_access_token": "t"}, (), "registration_client_uri is required together with registration_access_token"),
        ({"token_endpoint_auth_method": "client_secret_jwt", "client_secret": "s"}, (), "client_secret_expires_at is required"),
        ({"token_endpoint_auth_method": "client_secret_post"}, (), "client_secret_expires_at is required"),
    ],
)
def test_8_9_10_28_a_broken_promise_is_found(change: dict[str, object], path: tuple[object, ...], message: str) -> None:
    """Contract 8, 9, 10 and 28: nulls, empty strings, odd times, half pairs, and a secret where none belongs."""
    found = [(problem.path, problem.message) for problem in RESPONSE.problems({**PUBLIC, **change})]
    assert (path, message) in found


def test_9_15_a_later_answer_has_no_secret() -> None:
    """RFC 7592 §2.1: only its digest is kept, but its expiry is still told."""
    assert RESPONSE.valid({name: value for name, value in CONFIDENTIAL.items() if name != "client_secret"})


@pytest.mark.parametrize("member", [*FILE["required"], "client_secret_expires_at"])
def test_8_nothing_that_is_promised_may_be_missing(member: str) -> None:
    """Contract 8 and 9: identifier, time, the effective methods and types, arrays, and a secret with its expiry."""
    answer = {name: value for name, value in CONFIDENTIAL.items() if name != member}
    assert SchemaProblem((), "required", f"{member} is required") in RESPONSE.problems(answer)


def test_8_an_answer_may_have_every_member_and_no_null() -> None:
    """Contract 8: all registered metadata is echoed; for no member is null or an empty string an answer."""
    assert set(MEMBERS) < set(FILE["properties"])
    for name in MEMBERS:
        assert not RESPONSE.valid({**PUBLIC, name: None})
        assert not RESPONSE.valid({**PUBLIC, name: ""})


def test_9_the_schema_knows_the_methods_that_need_a_secret() -> None:
    """Contract 9: schema and program name the same methods."""
    methods = FILE["if"]["properties"]["token_endpoint_auth_method"]["enum"]
    assert all(needs_secret(method) for method in methods)
    others = ["none", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "client_secret_jwt"]
    assert [method for method in others if needs_secret(method)] == ["client_secret_jwt"]
    assert len(methods) == 3
