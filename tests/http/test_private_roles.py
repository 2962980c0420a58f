"""Who may ask the private app what: role tokens as RFC 6750 has them."""

import gc
from collections.abc import Iterator
from pathlib import Path

import falcon
import pytest
from falcon import testing

from registrar.store import TOKEN_KINDS, TokenKind
from tests.http.private_app import Private, private

LOOKUPS = [
    ("GET", "/as/v1/clients/x"),
    ("POST", "/as/v1/clients/x/authenticate"),
    ("POST", "/as/v1/clients/x/redirect"),
    ("POST", "/as/v1/clients/x/seen"),
]
DEEDS = [
    ("POST", "/admin/v1/clients/x/disable"),
    ("POST", "/admin/v1/clients/x/enable"),
    ("POST", "/admin/v1/clients/x/rotate-secret"),
    ("DELETE", "/admin/v1/clients/x"),
    ("GET", "/admin/v1/clients"),
    ("GET", "/admin/v1/clients/x"),
]
READING = [
    ("GET", "/audit/v1/clients"),
    ("GET", "/audit/v1/clients/x"),
    ("GET", "/audit/v1/decisions"),
    ("GET", "/audit/v1/decisions/x"),
    ("GET", "/audit/v1/revisions"),
    ("GET", "/audit/v1/revisions/x"),
]
MAY: dict[TokenKind, list[tuple[str, str]]] = {
    "authorization_server": LOOKUPS,
    "admin": [*DEEDS, *READING],
    "auditor": READING,
    "initial_access": [],
}
EVERYTHING = [*LOOKUPS, *DEEDS, *READING]


@pytest.fixture(name="app", scope="module")
def _app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    with private(tmp_path_factory.mktemp("private")) as running:
        yield running


def challenge(answer: testing.Result) -> tuple[int, str, str]:
    return answer.status_code, answer.json["error"], answer.headers["www-authenticate"]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
@pytest.mark.parametrize("kind", TOKEN_KINDS)
def test_a_role_may_do_its_own_and_no_more(app: Private, kind: TokenKind, method: str, path: str) -> None:
    """What a role may ask is answered, if only with 404; the rest is 403 insufficient_scope."""
    answer = app.ask(kind, method, path)
    if (method, path) in MAY[kind]:
        assert answer.status_code in {200, 400, 404, 415}
    else:
        assert challenge(answer) == (403, "insufficient_scope", 'Bearer error="insufficient_scope"')


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_without_a_token_there_is_no_answer(app: Private, method: str, path: str) -> None:
    """RFC 6750 §3.1: the challenge of a request that brings none names no error."""
    answer = app.ask(None, method, path)
    assert challenge(answer) == (401, "invalid_request", 'Bearer realm="registrar"')
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("text", ["", "rgt_", "rgt_" + "x" * 43, "rgt_" + "x" * 10_000, "x", 'rgt_"\x7f', "rgt_é"])
def test_a_token_that_was_never_issued_is_401(app: Private, text: str) -> None:
    """Whatever it looks like, in the same words."""
    answer = app.client.simulate_get("/audit/v1/revisions", headers={"Authorization": f"Bearer {text}"})
    assert challenge(answer) == (401, "invalid_token", 'Bearer error="invalid_token"')


def test_a_token_that_was_revoked_or_is_over_is_401(tmp_path: Path) -> None:
    """From that moment on."""
    with private(tmp_path) as app:
        over, _ = app.issue.create("auditor", expires_at=int(app.clock().timestamp()) + 10)
        revoked, record = app.issue.create("auditor")
        for text in (over, revoked):
            headers = {"Authorization": f"bearer {text}"}  # RFC 9110 §11.1: the scheme in any case
            assert app.client.simulate_get("/audit/v1/revisions", headers=headers).status_code == 200
        app.clock.forward(10)
        app.store.revoke_token(record.id, int(app.clock().timestamp()))
        for text in (over, revoked):
            answer = app.client.simulate_get("/audit/v1/revisions", headers={"Authorization": f"Bearer {text}"})
            assert challenge(answer) == (401, "invalid_token", 'Bearer error="invalid_token"')


@pytest.mark.parametrize("query", ["access_token={}", "limit=1&access_token={}", "%61ccess_token={}", "access_token="])
@pytest.mark.parametrize("beside", [True, False])
def test_a_token_in_the_url_is_refused(app: Private, query: str, beside: bool) -> None:
    """It was written into logs already: also a right one, also beside one in the header."""
    path = f"/audit/v1/decisions?{query.format(app.tokens['auditor'])}"
    answer = app.ask("auditor" if beside else None, "GET", path)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_no_script_of_a_page_reads_the_answers(app: Private) -> None:
    """No CORS here: neither on answers nor on a preflight."""
    for answer in (
        app.ask("auditor", "GET", "/audit/v1/revisions", headers={"Origin": "https://a.example"}),
        app.ask(
            None,
            "OPTIONS",
            "/audit/v1/revisions",
            headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"},
        ),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_whoever_lives_and_is_ready_says_so_without_a_token(app: Private) -> None:
    """For supervisors."""
    assert app.ask(None, "GET", "/healthz").status_code == 200
    assert app.ask(None, "GET", "/readyz").status_code == 200
    assert app.ask(None, "POST", "/register").status_code == 404


@pytest.mark.parametrize("kind", [None, "authorization_server"])
def test_a_refused_request_leaves_nothing_in_memory(app: Private, kind: TokenKind | None) -> None:
    """An exception that is raised again keeps the frames of every time before, and with them their requests."""

    def requests_kept() -> int:
        gc.collect()
        return sum(isinstance(kept, falcon.Request) for kept in gc.get_objects())

    before = requests_kept()
    for _ in range(20):
        assert app.ask(kind, "GET", "/admin/v1/clients").status_code in (401, 403)
    assert requests_kept() <= before + 2
