"""What an authorization server asks about the clients that it serves."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from falcon import testing

from tests.http.private_app import SECRET, Private, digest, private
from tests.store.samples import allowed, client

HTTPS_ID = "https://app.example/oauth/client/seen"


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Iterator[Private]:
    with private(tmp_path) as running:
        yield running


def ask(app: Private, method: str, client_id: str, question: str = "", **options: object) -> testing.Result:
    path = f"/as/v1/clients/{quote(client_id, safe='')}{question and '/'}{question}"
    return app.ask("authorization_server", method, path, **options)


def test_a_client_is_told_whole_and_without_hashes(app: Private) -> None:
    """Effective metadata, status, profile, times."""
    registered = app.register()
    answer = ask(app, "GET", registered["client_id"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    credentials = {"client_id", "client_id_issued_at", "client_secret", "client_secret_expires_at"}
    management = {"registration_client_uri", "registration_access_token"}
    assert answer.json == {
        "client_id": registered["client_id"],
        "status": "active",
        "profile": "native",
        "metadata": {name: value for name, value in registered.items() if name not in credentials | management},
        "issued_at": registered["client_id_issued_at"],
        "expires_at": 0,
        "last_seen_at": 0,
        "client_secret_expires_at": 0,
    }


def test_a_public_client_has_no_secret_that_expires(app: Private) -> None:
    """RFC 7591 §3.2.1: the time comes with a secret only."""
    registered = app.register(token_endpoint_auth_method="none")
    assert "client_secret_expires_at" not in ask(app, "GET", registered["client_id"]).json


@pytest.mark.parametrize(
    "client_id",
    ["", "nobody", "x" * 10_240, "a\0b", "a\nb", "\x7f", "é", "\ud83d\ude00", "%", "..", "a/../b", "a//b", "/", "a b", "*"],
)
def test_an_id_that_nobody_has_is_404(app: Private, client_id: str) -> None:
    """Also one that nobody can have: too long, control characters, other letters."""
    path = quote(client_id.encode("utf-8", "surrogatepass"), safe="")
    answer = app.ask("authorization_server", "GET", f"/as/v1/clients/{path}")
    assert (answer.status_code, answer.json["error"]) == (404, "unknown_client")
    seen = app.ask("authorization_server", "POST", f"/as/v1/clients/{path}/seen")
    assert (seen.status_code, seen.json["error"]) == (404, "unknown_client")
    asked = app.ask("authorization_server", "POST", f"/as/v1/clients/{path}/authenticate", json={"client_secret": SECRET})
    assert (asked.status_code, asked.json) == (200, {"authenticated": False})


def test_an_id_that_is_a_url_is_one_segment(app: Private) -> None:
    """It comes percent-encoded, and may end as a question does."""
    found = replace(client(1, client_id=HTTPS_ID, secret_hash=digest(SECRET)), expires_at=0, unused=0)
    app.store.add(found, replace(allowed(1), client_id=HTTPS_ID))
    assert ask(app, "GET", HTTPS_ID).json["client_id"] == HTTPS_ID
    assert ask(app, "POST", HTTPS_ID, "authenticate", json={"client_secret": SECRET}).json == {"authenticated": True}
    assert ask(app, "POST", HTTPS_ID, "seen").status_code == 204
    assert ask(app, "POST", HTTPS_ID).status_code == 404  # "seen" of another client


def test_a_secret_is_the_clients_or_not(app: Private) -> None:
    """True for its own, false for another's, for none, and for a client that has none."""
    registered, other = app.register(), app.register(client_name="other")
    public = app.register(token_endpoint_auth_method="none")
    secret = registered["client_secret"]
    for client_id, tried, right in (
        (registered["client_id"], secret, True),
        (registered["client_id"], other["client_secret"], False),
        (registered["client_id"], secret + " ", False),
        (registered["client_id"], "", False),
        (registered["client_id"], "\0é\U0001f600", False),
        (public["client_id"], "", False),
        (public["client_id"], secret, False),
    ):
        answer = ask(app, "POST", client_id, "authenticate", json={"client_secret": tried})
        assert (answer.status_code, answer.json) == (200, {"authenticated": right})


@pytest.mark.parametrize(
    ("uri", "own"),
    [
        ("http://127.0.0.1:33418/callback", True),
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:1/other?x=1", True),
        ("http://127.0.0.1:1/other", False),
        ("http://127.0.0.1:33418/callback/", False),
        ("http://localhost:33418/callback", False),
        ("https://127.0.0.1:33418/callback", False),
        ("", False),
    ],
)
def test_contract_22_a_redirect_uri_is_the_clients_or_not(app: Private, uri: str, own: bool) -> None:
    """The same string, but for the port on loopback."""
    answer = ask(app, "POST", app.register()["client_id"], "redirect", json={"redirect_uri": uri})
    assert (answer.status_code, answer.json) == (200, {"allowed": own})


def test_a_disabled_client_is_there_and_may_nothing(app: Private) -> None:
    """Until it is enabled."""
    registered = app.register()
    client_id, secret = registered["client_id"], registered["client_secret"]
    for action, status, may in (("disable", "disabled", False), ("enable", "active", True)):
        assert app.ask("admin", "POST", f"/admin/v1/clients/{client_id}/{action}").status_code == 204
        assert ask(app, "GET", client_id).json["status"] == status
        assert ask(app, "POST", client_id, "authenticate", json={"client_secret": secret}).json == {"authenticated": may}
        uri = "http://127.0.0.1:1/callback"
        assert ask(app, "POST", client_id, "redirect", json={"redirect_uri": uri}).json == {"allowed": may}


def test_a_deleted_client_is_gone(app: Private) -> None:
    """410, which tells it from one that never was."""
    registered = app.register()
    client_id = registered["client_id"]
    assert app.ask("admin", "DELETE", f"/admin/v1/clients/{client_id}").status_code == 204
    for answer in (ask(app, "GET", client_id), ask(app, "POST", client_id, "seen")):
        assert (answer.status_code, answer.json["error"]) == (410, "client_gone")
    tried = ask(app, "POST", client_id, "authenticate", json={"client_secret": registered["client_secret"]})
    assert tried.json == {"authenticated": False}


def test_seen_is_noted(app: Private) -> None:
    """In seconds."""
    client_id = app.register()["client_id"]
    answer = ask(app, "POST", client_id, "seen")
    assert (answer.status_code, answer.content) == (204, b"")
    assert ask(app, "GET", client_id).json["last_seen_at"] == int(app.clock().timestamp())


@pytest.mark.parametrize("question", ["authenticate", "redirect"])
@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {}}, 400),
        ({"json": {"client_secret": "x", "redirect_uri": "x"}}, 400),
        ({"json": {"client_secret": 1}}, 400),
        ({"json": {"client_secret": None, "redirect_uri": None}}, 400),
        ({"json": []}, 400),
        ({"body": b'{"client_secret":"a","client_secret":"b"}', "content_type": "application/json"}, 400),
        ({"body": b'{"client_secret":"\\ud800"}', "content_type": "application/json"}, 400),
        ({"body": b"client_secret=x", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({}, 415),
        ({"json": {"client_secret": "x" * 9_000}}, 413),
    ],
)
def test_bodies_are_strict(app: Private, question: str, options: dict[str, object], status: int) -> None:
    """One member, a string, and nothing else."""
    assert ask(app, "POST", "x", question, **options).status_code == status


@pytest.mark.parametrize("question", ["", "Seen", "seen/", "authenticate/x", "disable"])
def test_there_are_no_other_questions(app: Private, question: str) -> None:
    """404."""
    answer = app.ask("authorization_server", "POST", f"/as/v1/clients/x/{question}")
    assert (answer.status_code, answer.json["error"]) == (404, "invalid_request")


def test_other_methods_are_405(app: Private) -> None:
    """With Allow."""
    for method in ("PUT", "DELETE", "PATCH"):
        answer = ask(app, method, "x")
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
