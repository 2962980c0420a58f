"""Contract 13: software statements over HTTP, from settings to answers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from falcon import testing

from registrar.app import create_public_app, open_policies, open_store
from registrar.errors import LoadError
from registrar.settings import StatementIssuer
from tests.http.served import NATIVE, Served, served, settings
from tests.http.test_contract_errors import assert_oauth_shaped
from tests.statements.issuers import ISSUER, SIGNING, STRANGER, key_for, public, statement

CLAIMS = {"iss": ISSUER, "client_name": "vendor's agent", "software_id": "4NRB1"}


def believed(folder: Path, audience: str = "") -> tuple[StatementIssuer, ...]:
    """The setting, with its file."""
    file = folder / "vendor.json"
    file.write_text(json.dumps(public(SIGNING)), encoding="utf-8")
    return (StatementIssuer(ISSUER, file, ("ES256",), audience),)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Served]:
    """One that trusts an issuer."""
    with served(tmp_path, software_statements=believed(tmp_path)) as running:
        yield running


def test_contract_13_claims_come_before_the_body(app: Served) -> None:
    """And the statement comes back unmodified."""
    text = statement(CLAIMS)
    result = app.post({**NATIVE, "software_statement": text})
    assert result.status_code == 201
    assert (result.json["client_name"], result.json["software_id"]) == ("vendor's agent", "4NRB1")
    assert result.json["software_statement"] == text
    assert app.decision(result)["facts"]["software_statement"]["verified"] is True


def test_contract_13_a_bad_statement(app: Served) -> None:
    """400 invalid_software_statement; no part of it is echoed."""
    for text in (statement(CLAIMS, STRANGER), statement({**CLAIMS, "exp": 1}), "a.b.c", "\u2713"):
        result = app.post({**NATIVE, "software_statement": text})
        assert text not in assert_oauth_shaped(result, 400, "invalid_software_statement")


def test_contract_13_an_issuer_that_is_not_trusted(app: Served) -> None:
    """400 unapproved_software_statement."""
    result = app.post({**NATIVE, "software_statement": statement({**CLAIMS, "iss": "https://other.example"})})
    assert_oauth_shaped(result, 400, "unapproved_software_statement")


def test_contract_13_an_audience_that_is_configured(tmp_path: Path) -> None:
    """Another one is bad, and so is none."""
    with served(tmp_path, software_statements=believed(tmp_path, "https://as.example")) as app:
        for claims, status in (({}, 400), ({"aud": "https://other.example"}, 400), ({"aud": ["https://as.example"]}, 201)):
            assert app.post({**NATIVE, "software_statement": statement({**CLAIMS, **claims})}).status_code == status


def test_contract_13_updates_are_held_to_it_too(app: Served) -> None:
    """A PUT with a forged statement changes nothing; with a good one the claims come first."""
    client = app.post().json
    path = client["registration_client_uri"].removeprefix("https://as.example")
    headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
    body = {**NATIVE, "client_id": client["client_id"]}
    bad = {**body, "software_statement": statement(CLAIMS, STRANGER)}
    assert_oauth_shaped(app.client.simulate_put(path, json=bad, headers=headers), 400, "invalid_software_statement")
    good = {**body, "software_statement": statement(CLAIMS)}
    assert app.client.simulate_put(path, json=good, headers=headers).json["client_name"] == "vendor's agent"


def test_keys_are_read_again_with_the_policies(tmp_path: Path) -> None:
    """Whoever has the policy tree looked at has the keys looked at; broken ones replace nothing."""
    chosen = settings(tmp_path, software_statements=believed(tmp_path))
    store = open_store(chosen)
    policies = open_policies(chosen, store)
    client = testing.TestClient(create_public_app(chosen, policies=policies, store=store))
    other, file = key_for("ES256"), tmp_path / "vendor.json"

    def status(key: object) -> int:
        body = {**NATIVE, "software_statement": statement(CLAIMS, key, kid=None)}
        return int(client.simulate_post("/register", json=body).status_code)

    try:
        file.write_text("{", encoding="utf-8")
        policies.refresh()
        assert (status(SIGNING), status(other)) == (201, 400)
        file.write_text(json.dumps(public(other)), encoding="utf-8")
        policies.reload()
        assert (status(SIGNING), status(other)) == (400, 201)
    finally:
        store.close()


def test_without_keys_nothing_is_served(tmp_path: Path) -> None:
    """And no database is made."""
    issuers = (StatementIssuer(ISSUER, tmp_path / "nowhere.json", ("ES256",)),)
    chosen = settings(tmp_path, software_statements=issuers)
    with pytest.raises(LoadError, match="is no file"):
        create_public_app(chosen)
    assert not chosen.state_dir.exists()
