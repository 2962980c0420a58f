"""Contract 2 to 9 and 25 to 29: what a successful registration answers."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from registrar.schema import Schema
from tests.http.served import HOSTED, NATIVE, NOW, Served, served

ANSWER = Schema.load("registration-response")
ISSUED_AT = int(NOW.timestamp())


def registered(result: testing.Result) -> Mapping[str, Any]:
    """The answer of a registration that succeeded, checked for what every one has."""
    assert result.status_code == 201, result.text
    assert result.headers["content-type"] == "application/json"
    assert result.headers["cache-control"] == "no-store"
    assert result.headers["pragma"] == "no-cache"
    answer: Mapping[str, Any] = result.json
    assert ANSWER.problems(answer, echo=True) == []
    assert None not in answer.values()
    assert "" not in answer.values()
    assert isinstance(answer["redirect_uris"], list)
    assert answer["client_id_issued_at"] == ISSUED_AT
    assert type(answer["client_id_issued_at"]) is int
    assert not answer["client_id"].startswith("https://")
    return answer


def test_contract_8_the_answer_has_everything_that_was_registered(app: Served) -> None:
    """Every default that was applied is stated, nothing else is."""
    answer = registered(app.post())
    assert dict(answer) == {
        **NATIVE,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "mcp:read",
        "client_id": answer["client_id"],
        "client_id_issued_at": ISSUED_AT,
        "registration_client_uri": f"https://as.example/register/{answer['client_id']}",
        "registration_access_token": answer["registration_access_token"],
    }


def test_contract_8_the_answer_is_ascii(app: Served) -> None:
    """Names in any script are escaped, and come back as they were."""
    result = app.post({**NATIVE, "client_name": "Ünïcode ✓"})
    assert result.content.isascii()
    assert registered(result)["client_name"] == "Ünïcode ✓"


def test_contract_2_unknown_members_are_ignored_and_empty_ones_are_absent(app: Served) -> None:
    """Contract 26: nulls and empty strings everywhere, and members that no RFC knows."""
    noise = {
        "code_challenge_method": "S256",
        "resource": ["x"],
        "client_secret": "mine",
        "logo_uri": None,
        "tos_uri": "",
        "contacts": [],
        "scope": "",
    }
    answer = registered(app.post({**NATIVE, **noise}))
    assert set(answer) & set(noise) == {"scope"}
    assert answer["scope"] == "mcp:read"


def test_contract_6_what_comes_twice_is_registered_once(app: Served) -> None:
    """Also what one space too many made look different, as RFC 6749 §3.3 has it."""
    twice = {"scope": " mcp:read  mcp:read", "grant_types": ["authorization_code", "authorization_code"]}
    answer = registered(app.post({**NATIVE, **twice}))
    assert (answer["scope"], answer["grant_types"]) == ("mcp:read", ["authorization_code"])


def test_contract_7_two_names_for_one_language_are_400(app: Served) -> None:
    """The case of a tag says nothing (RFC 7591 §2.2)."""
    result = app.post({**NATIVE, "client_name#en": "a", "client_name#EN": "b"})
    assert (result.status_code, result.json["error"]) == (400, "invalid_client_metadata")
    assert result.json["error_description"] == "client_name must not be there twice in one language"


def test_contract_3_and_28_a_client_without_redirects_gets_an_empty_array(app: Served) -> None:
    """A grant that redirects nobody needs no redirect URI; the member is an array all the same."""
    answer = registered(app.post({"grant_types": ["client_credentials"]}))
    assert answer["redirect_uris"] == []
    assert answer["response_types"] == []
    assert answer["client_secret"]


def test_contract_4_rfc_defaults_come_behind_the_policy(app: Served) -> None:
    """`hosted` names no default method and no default grants, so RFC 7591 §2 does."""
    answer = registered(app.post(HOSTED))
    assert answer["token_endpoint_auth_method"] == "client_secret_basic"
    assert answer["grant_types"] == ["authorization_code"]
    assert answer["response_types"] == ["code"]


def test_contract_7_localised_members_are_kept(app: Served) -> None:
    """`name#lang` comes back under its own name."""
    answer = registered(app.post({**NATIVE, "client_name#fr": "mon outil"}))
    assert answer["client_name#fr"] == "mon outil"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_contract_9_a_method_with_a_secret_gets_one(app: Served, method: str) -> None:
    """256 random bits, with an expiry beside them; the store keeps only the digest."""
    answer = registered(app.post({**HOSTED, "token_endpoint_auth_method": method}))
    assert len(answer["client_secret"]) == 43
    assert answer["client_secret_expires_at"] == ISSUED_AT + 30 * 86400
    stored = app.store.client(answer["client_id"])
    assert stored is not None
    assert stored.secret_hash == hashlib.sha256(answer["client_secret"].encode()).digest()
    assert stored.secret_expires_at == answer["client_secret_expires_at"]
    assert answer["client_secret"] not in repr(stored)


def test_contract_9_a_secret_without_lifetime_says_so(app: Served) -> None:
    """RFC 7591 §3.2.1: 0, not omission, means never."""
    answer = registered(app.post({**NATIVE, "token_endpoint_auth_method": "client_secret_post"}))
    assert answer["client_secret_expires_at"] == 0


@pytest.mark.parametrize(
    "extra",
    [
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks"},
    ],
)
def test_contract_9_a_method_without_a_secret_gets_none(app: Served, extra: Mapping[str, object]) -> None:
    """Neither the secret nor its expiry is there."""
    answer = registered(app.post({**HOSTED, **extra}))
    assert not {"client_secret", "client_secret_expires_at"} & set(answer)


def test_contract_9_ids_are_unique_and_ordered_by_time(app: Served) -> None:
    """Contract 29: the same document again is another client; ids and decision ids are UUIDs of version 7."""
    answers = [app.post() for _ in range(20)]
    ids = [registered(answer)["client_id"] for answer in answers] + [
        answer.headers["registrar-decision-id"] for answer in answers
    ]
    assert len(set(ids)) == 40
    for text in ids:
        assert uuid.UUID(text).version == 7
        assert uuid.UUID(text).int >> 80 == ISSUED_AT * 1000 + 400


def test_contract_10_management_members_come_together(app: Served) -> None:
    """An absolute URI, built from the issuer, and a token of which the store keeps the digest."""
    answer = registered(app.post())
    assert answer["registration_client_uri"] == f"https://as.example/register/{answer['client_id']}"
    assert len(answer["registration_access_token"]) == 43
    stored = app.store.client(answer["client_id"])
    assert stored is not None
    assert stored.management_token_hash == hashlib.sha256(answer["registration_access_token"].encode()).digest()


def test_contract_10_no_management_members_without_management(tmp_path: Path) -> None:
    """Or not at all, and then nothing is kept either."""
    with served(tmp_path, management=False) as app:
        answer = registered(app.post())
        assert not {"registration_client_uri", "registration_access_token"} & set(answer)
        stored = app.store.client(answer["client_id"])
        assert stored is not None
        assert stored.management_token_hash is None


def test_contract_25_redirect_uris_are_echoed_byte_for_byte(app: Served) -> None:
    """Five kinds in one document, none of them normalised."""
    uris = [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "com.example.agent:/cb",
        "https://APP.example/Call%20back/?x=1&y=",
        "http://localhost",
        "http://[::1]:8080/",
    ]
    assert registered(app.post({"redirect_uris": uris}))["redirect_uris"] == uris


def test_contract_26_unknown_scopes_and_grants_are_stripped_where_the_policy_says_so(app: Served) -> None:
    """What real clients ask for beyond what there is."""
    asked = {
        "scope": "mcp:read claudeai openid",
        "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
    }
    answer = registered(app.post({**NATIVE, **asked}))
    assert answer["scope"] == "mcp:read"
    assert answer["grant_types"] == ["authorization_code"]


def test_a_warning_is_told_in_a_header(app: Served) -> None:
    """A rule in mode warn lets the client through, and says what will be enforced (RFC 9651 list of strings)."""
    asked = {**NATIVE, "scope": "mcp:tools"}
    result = app.post(asked)
    registered(result)
    assert result.headers["registrar-warning"] == '"native/no-tools-outside: scope mcp:tools is for the office"'
    assert [found["rule"] for found in app.decision(result)["warnings"]] == ["native/no-tools-outside"]
    inside = app.client.simulate_post("/register", json=asked, remote_addr="192.0.2.7")
    assert registered(inside)["scope"] == "mcp:tools"
    assert "registrar-warning" not in inside.headers


def test_what_is_stored_of_a_client(app: Served) -> None:
    """The effective document without credentials, and what it was decided by."""
    result = app.client.simulate_post("/register", json={**HOSTED, "software_id": "7a1e"}, remote_addr="2001:db8:1:2::7")
    answer = registered(result)
    stored = app.store.client(answer["client_id"])
    assert stored is not None
    credentials = {
        "client_id",
        "client_id_issued_at",
        "client_secret",
        "client_secret_expires_at",
        "registration_client_uri",
        "registration_access_token",
    }
    assert dict(stored.metadata) == {name: value for name, value in answer.items() if name not in credentials}
    assert (stored.profile, stored.policy_revision) == ("hosted", app.policies.revision)
    assert stored.decision_id == result.headers["registrar-decision-id"]
    assert (stored.source, stored.software_id, stored.status) == ("2001:db8:1:2::/64", "7a1e", "active")
    assert (stored.issued_at, stored.expires_at, stored.unused) == (ISSUED_AT, ISSUED_AT + 90 * 86400, 86400)
    assert stored.due_at == ISSUED_AT + 86400
    assert stored.reuse_key is None


def test_what_is_recorded_of_a_decision(app: Served) -> None:
    """Everything that it was made from, so that it can be made again, and what it did."""
    body = {**NATIVE, "scope": "mcp:read x", "resource": "https://mcp.example", "logo_uri": None}
    result = app.post(body, headers={"User-Agent": "cli/1", "Origin": "https://app.example"}, remote_addr="127.0.0.1")
    answer = registered(result)
    record = app.decision(result)
    assert (record["result"], record["client_id"], record["profile"]) == ("allow", answer["client_id"], "native")
    assert record["revision"] == app.policies.revision
    facts = record["facts"]
    assert facts["now"] == NOW.isoformat()
    assert facts["metadata"] == {**NATIVE, "scope": "mcp:read x"}
    assert {**facts["metadata"], **facts["also_submitted"]} == body
    assert facts["source"] == {"ip": "127.0.0.1", "prefix": "127.0.0.1", "user_agent": "cli/1", "origin": "https://app.example"}
    assert {"member": "scope", "action": "strip"} in record["changes"]


def test_no_secret_is_recorded(app: Served) -> None:
    """What a client sends by mistake, and the private half of a key that is refused, stay out of the log."""
    key = {"kty": "EC", "crv": "P-256", "x": "x" * 43, "y": "y" * 43, "d": "s3cret"}
    body = {**HOSTED, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key]}}
    noise = {
        "client_secret": "s3cret",
        "registration_access_token": "s3cret",
        "nested": [{"API_KEY": "s3cret", "password": {"a": "s3cret"}}],
        "authorization": "Bearer s3cret",
        "jwk": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "priv": "s3cret"},
    }
    result = app.post({**body, **noise})
    assert result.status_code == 400
    record = app.decision(result)
    assert "s3cret" not in json.dumps(record)
    assert record["facts"]["also_submitted"]["client_secret"] == "[redacted]"
    assert record["facts"]["metadata"]["jwks"]["keys"][0] == {**key, "d": "[redacted]"}


def test_what_no_policy_knows_does_not_fill_the_journal(app: Served) -> None:
    """Registrations that are answered from what is there already cost nothing else, and their records stay for good."""
    result = app.post({**NATIVE, "resource": "https://mcp.example", "junk": "x" * 60_000, "more": {"a" * 60: "b" * 3000}})
    registered(result)
    facts = app.decision(result)["facts"]
    assert len(json.dumps(facts)) < 2048
    assert facts["also_submitted"] == {"resource": "https://mcp.example"}
    assert facts["left_out"]["names"] == ["more", "junk"]


def test_trusted_proxies_reach_the_decision(tmp_path: Path) -> None:
    """The policy's networks see the address that the proxy reports."""
    with served(tmp_path, trusted_proxies=(ip_network("10.0.0.0/8"),)) as app:
        asked = {**NATIVE, "scope": "mcp:tools"}
        result = app.client.simulate_post(
            "/register", json=asked, remote_addr="10.0.0.1", headers={"X-Forwarded-For": "192.0.2.7"}
        )
        registered(result)
        assert "registrar-warning" not in result.headers
        assert app.decision(result)["facts"]["source"]["ip"] == "192.0.2.7"


def test_an_issuer_with_a_path_is_registered_with_under_both_paths(tmp_path: Path) -> None:
    """/register for a proxy that cuts the path off, and the one that the metadata names."""
    with served(tmp_path, issuer="https://as.example/tenant") as app:
        assert app.client.simulate_post("/tenant/register", json=NATIVE).status_code == 201
        assert app.client.simulate_post("/register", json=NATIVE).status_code == 201


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "redirect_uris",
    "grant_types",
    "scope",
    "client_name",
    "client_name#de",
    "jwks",
    "contacts",
    "token_endpoint_auth_method",
    "logo_uri",
    "dpop_bound_access_tokens",
]


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One app for all the documents below."""
    with served(tmp_path_factory.mktemp("lasting")) as running:
        yield running


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4))
def test_contract_2_no_document_breaks_the_server(lasting: Served, body: Mapping[str, object]) -> None:
    """Whatever JSON comes, the answer is a registration or an RFC 7591 error."""
    result = lasting.post({**NATIVE, **body})
    if result.status_code == 201:
        registered(result)
    else:
        assert result.status_code == 400, result.text
        assert result.json["error"] in ("invalid_redirect_uri", "invalid_client_metadata")
