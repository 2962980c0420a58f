"""Initial access tokens over HTTP (RFC 7591 §3, RFC 6750)."""

import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from registrar.service import TimeOrderedIds, new_secret
from registrar.service.tokens import Tokens
from tests.http.admitting import admitting, written
from tests.http.served import HOSTED, METADATA, NATIVE, Served, served
from tests.http.test_contract_errors import assert_oauth_shaped
from tests.service.admitting import Clock

STAFF = "matchConditions: [{name: staff, expression: 'token.present && \"staff\" in token.scopes'}]"
LOOPBACK = "matchConditions: [{name: local, expression: 'redirects.all(r, r.loopback)'}]"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Served]:
    """Strangers register on loopback; who has a token of the staff registers anything."""
    with admitting(tmp_path, spec=LOOPBACK, staff=STAFF) as running:
        yield running


def token(app: Served, *scopes: str, uses: int | None = None) -> str:
    """A new token's text."""
    clock = Clock()
    tokens = Tokens(app.store, clock=clock, new_id=TimeOrderedIds(clock, secrets.token_bytes), new_secret=new_secret)
    return tokens.create("initial_access", scopes=scopes, uses=uses)[0]


def bearer(text: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {text}"}


def test_a_token_opens_what_is_closed_to_strangers(app: Served) -> None:
    """RFC 7591 §3."""
    result = app.post(HOSTED, headers=bearer(token(app, "staff")))
    assert result.status_code == 201
    assert app.decision(result)["facts"]["token"]["scopes"] == ["staff"]


def test_contract_12_without_a_token_the_answer_is_a_challenge(app: Served) -> None:
    """401 with the scheme alone and no error code: the request had no token to be wrong (RFC 6750 §3.1)."""
    result = app.post(HOSTED)
    assert_oauth_shaped(result, 401, "invalid_token")
    assert result.headers["www-authenticate"] == 'Bearer realm="registration"'
    assert app.decision(result)["result"] == "deny"
    assert app.post(NATIVE).status_code == 201


def test_contract_12_a_token_that_is_not_enough_is_403(app: Served) -> None:
    """With its own code."""
    result = app.post(HOSTED, headers=bearer(token(app, "guest")))
    assert_oauth_shaped(result, 403, "insufficient_scope")
    assert result.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    assert app.decision(result)["result"] == "deny"


@pytest.mark.parametrize(
    "header", ["Bearer abc", "bearer   abc", "Bearer", "Bearer ", "BEARER x y", "Bearer rgt_" + "x" * 43, "Bearer " + "x" * 5000]
)
def test_contract_12_a_token_that_is_none_is_401(app: Served, header: str) -> None:
    """RFC 6750 §3.1: malformed or never issued."""
    result = app.post(headers={"Authorization": header})
    assert_oauth_shaped(result, 401, "invalid_token")
    assert result.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "registrar-decision-id" not in result.headers


def test_contract_12_a_spent_token_is_401(app: Served) -> None:
    """After its last use."""
    headers = bearer(token(app, "staff", uses=1))
    assert app.post(HOSTED, headers=headers).status_code == 201
    assert_oauth_shaped(app.post(HOSTED, headers=headers), 401, "invalid_token")


@pytest.mark.parametrize("header", ["Basic abc", "DPoP abc", "Digest x", "x", ""])
def test_other_schemes_are_not_for_this_server(app: Served, header: str) -> None:
    """A proxy in front may use them."""
    assert app.post(headers={"Authorization": header}).status_code == 201


@pytest.mark.parametrize(
    "query", ["access_token=%s", "x=1&access_token=%s", "access%%5Ftoken=%s", "access_token=%s&access_token="]
)
def test_a_token_in_the_url_is_refused(app: Served, query: str) -> None:
    """RFC 6750 §2.3 is not supported: it would stand in logs and histories. A good one is refused as well, and not used up."""
    text = token(app, "staff", uses=1)
    result = app.post(HOSTED, query_string=query % text)
    description = assert_oauth_shaped(result, 400, "invalid_request")
    assert text not in description
    assert app.post(HOSTED, headers=bearer(text)).status_code == 201


def test_a_token_in_a_form_is_refused(app: Served) -> None:
    """RFC 6750 §2.2 is not supported either: a form is not read at all."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    result = app.client.simulate_post("/register", body=f"access_token={token(app)}", headers=headers)
    assert_oauth_shaped(result, 415, "invalid_request")


def test_a_token_in_the_document_is_no_token(app: Served) -> None:
    """It is an unknown member, and its value is not recorded."""
    text = token(app, "staff")
    result = app.post({**HOSTED, "access_token": text, "token": text})
    assert result.status_code == 401
    assert text not in repr(app.decision(result))


def test_no_token_is_in_a_log_line(app: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever it was written."""
    text = token(app, "staff", uses=1)
    with caplog.at_level(logging.DEBUG, logger="registrar"):
        app.post(HOSTED, headers=bearer(text))
        app.post(HOSTED, headers=bearer(text))
        app.post(HOSTED, query_string=f"access_token={text}")
        app.post({**HOSTED, "access_token": text})
    assert text not in repr([record.__dict__ for record in caplog.records])
    assert text not in caplog.text


@pytest.mark.parametrize(
    ("spec", "staff", "methods"),
    [
        ("", "", None),
        (LOOPBACK, STAFF, ["none", "Bearer"]),
        ("matchConditions: [{name: t, expression: token.present}]", STAFF, ["Bearer"]),
    ],
)
def test_discovery_says_whether_a_token_is_needed(tmp_path: Path, spec: str, staff: str, methods: list[str] | None) -> None:
    """In the way in which other endpoints say how they are asked (RFC 8414 §2)."""
    profiles = {"staff": staff} if staff else {}
    tree = written(tmp_path / "tree", "", spec, **profiles)
    with served(tmp_path, policies=tree, metadata=METADATA) as app:
        document = app.client.simulate_get("/.well-known/oauth-authorization-server").json
        assert document.get("registration_endpoint_auth_methods_supported") == methods
