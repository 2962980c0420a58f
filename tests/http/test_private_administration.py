"""What administrators see of the clients and do with them, and what auditors read; on both databases."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from falcon import testing

from registrar.store import Status, TokenKind
from tests.http.private_app import Private, private
from tests.http.served import HOSTED
from tests.policy.test_tree import write
from tests.postgresql import fresh_schema

READERS: list[tuple[TokenKind, str]] = [("admin", "/admin/v1"), ("admin", "/audit/v1"), ("auditor", "/audit/v1")]
LIMITS = """\
apiVersion: registrar/v1
kind: Limits
metadata: {name: registration}
spec:
  limits:
    - {id: everyone, key: '"all"', rate: 1200/hour, maxActive: 100}
    - {id: per-name, key: client.client_name, rate: 3/hour}
"""


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/state/registrar.db"
    else:
        with fresh_schema() as url:
            yield url


@pytest.fixture(name="app")
def _app(tmp_path: Path, url: str) -> Iterator[Private]:
    with private(tmp_path, database_url=url) as running:
        yield running


def pages(app: Private, role: TokenKind, path: str, **query: str) -> Iterator[list[dict[str, object]]]:
    """Every page of a list, as `next` leads from one to the other."""
    after: dict[str, str] = {}
    while True:
        answer = app.ask(role, "GET", path, params={**query, **after})
        assert answer.status_code == 200, answer.text
        (records,) = [value for name, value in answer.json.items() if name != "next"]
        yield records
        if "next" not in answer.json:
            return
        after = {"after": answer.json["next"]}


def do(app: Private, client_id: str, deed: str, role: TokenKind = "admin") -> testing.Result:
    return app.ask(role, "POST", f"/admin/v1/clients/{quote(client_id, safe='')}/{deed}")


@pytest.mark.parametrize(("role", "root"), READERS)
def test_lists_go_from_new_to_old_page_by_page(app: Private, role: TokenKind, root: str) -> None:
    """Each client once, whatever the size of the page."""
    ids = []
    for number in range(7):
        app.clock.forward(number % 2)  # some in the same second
        ids.append(app.register(client_name=f"cli {number}")["client_id"])
    for limit in ("1", "3", "7", "500"):
        found = list(pages(app, role, f"{root}/clients", limit=limit))
        assert [record["client_id"] for page in found for record in page] == sorted(ids, reverse=True)
        assert all(len(page) <= int(limit) for page in found)


def test_lists_are_filtered(app: Private) -> None:
    """By status, profile and time of registration, and by all of them."""
    old = app.register(client_name="old")["client_id"]
    app.clock.forward(100)
    since = str(int(app.clock().timestamp()))
    new, hosted = app.register(client_name="new")["client_id"], app.register(HOSTED)["client_id"]
    assert do(app, new, "disable").status_code == 204

    def ids(**query: str) -> set[object]:
        return {record["client_id"] for page in pages(app, "admin", "/admin/v1/clients", **query) for record in page}

    assert ids() == {old, new, hosted}
    assert ids(status="disabled") == {new}
    assert ids(status="active", limit="1") == {old, hosted}
    assert ids(profile="hosted") == {hosted}
    assert ids(profile="hosted", status="disabled") == set()
    assert ids(profile="nobody") == set()
    assert ids(since=since) == {new, hosted}
    assert ids(since=since, profile="native", status="disabled") == {new}
    assert ids(after="nobody") == set()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=x",
        "limit=1e2",
        "limit=%D9%A1",
        "limit=1&limit=2",
        "limit=" + "9" * 5000,
        "since=-1",
        "since=1790000000000",
        "status=gone",
        "status=Active",
        "status=active&status=active",
        "profile=%00",
        "profile=a%0Ab",
        "profile=" + "x" * 3000,
        "after=%00",
        "order=asc",
        "limi=1",
        "client_id=x",
    ],
)
def test_a_query_with_a_mistake_is_400(app: Private, query: str) -> None:
    """Unknown parameters too: a filter that is misspelt would be none. Nothing of it is echoed."""
    answer = app.ask("admin", "GET", "/admin/v1/clients", query_string=query)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert "order" not in answer.json["error_description"]


@pytest.mark.parametrize(("role", "root"), READERS)
def test_a_client_is_shown_with_what_made_it(app: Private, role: TokenKind, root: str) -> None:
    """Its decision and policy revision, its times, whose it is; no digest of anything."""
    registered = app.register()
    answer = app.ask(role, "GET", f"{root}/clients/{registered['client_id']}")
    shown = answer.json
    assert shown["policy_revision"] == app.policies.current().revision
    assert shown["decision"]["decision_id"] == shown["decision_id"]
    assert shown["decision"]["result"] == "allow"
    assert shown["decision"]["record"]["revision"] == shown["policy_revision"]
    assert (shown["status"], shown["ended_at"], shown["provisioned"], shown["shared"]) == ("active", 0, False, False)
    assert not [name for name in shown if "hash" in name or "fingerprint" in name or name in {"client_secret", "reuse_key"}]
    assert registered["client_secret"] not in answer.text


def test_a_tombstone_is_shown_to_administrators_and_auditors(app: Private) -> None:
    """With when it ended, and by whom in its events."""
    client_id = app.register()["client_id"]
    app.clock.forward(60)
    assert app.ask("admin", "DELETE", f"/admin/v1/clients/{client_id}").status_code == 204
    for role, root in READERS:
        shown = app.ask(role, "GET", f"{root}/clients/{client_id}").json
        assert (shown["status"], shown["ended_at"]) == ("deleted", int(app.clock().timestamp()))
        assert "client_secret_expires_at" not in shown
    event = app.store.decisions_of(client_id)[0]
    assert event.record["event"] == "deleted"
    assert str(event.record["by"]).startswith("admin:")


@pytest.mark.parametrize("deed", ["disable", "enable"])
def test_a_deed_that_was_done_already_is_done(app: Private, deed: str) -> None:
    """204 again, and one event at most."""
    client_id = app.register()["client_id"]
    assert [do(app, client_id, deed).status_code for _ in range(3)] == [204] * 3
    events = [one for one in app.store.decisions_of(client_id) if one.result == "event"]
    assert len(events) == (deed == "disable")


def test_a_new_secret_is_told_once_and_takes_the_place_of_the_old(app: Private) -> None:
    """At once: it may have leaked."""
    registered = app.register()
    client_id = registered["client_id"]
    answer = do(app, client_id, "rotate-secret")
    assert set(answer.json) == {"client_id", "client_secret", "client_secret_expires_at"}
    for secret, right in ((answer.json["client_secret"], True), (registered["client_secret"], False)):
        asked = app.ask(
            "authorization_server", "POST", f"/as/v1/clients/{client_id}/authenticate", json={"client_secret": secret}
        )
        assert asked.json == {"authenticated": right}
    assert do(app, app.register(token_endpoint_auth_method="none")["client_id"], "rotate-secret").status_code == 409


@pytest.mark.parametrize("client_id", ["nobody", "x" * 10_240, "a\0b", "a\nb", "", "%", "é"])
def test_nobody_is_404_for_every_deed(app: Private, client_id: str) -> None:
    """Whatever the id looks like."""
    path = f"/admin/v1/clients/{quote(client_id, safe='')}"
    for method, below in (("POST", "/disable"), ("POST", "/enable"), ("POST", "/rotate-secret"), ("DELETE", ""), ("GET", "")):
        answer = app.ask("admin", method, path + below)
        assert (answer.status_code, answer.json["error"]) == (404, "unknown_client")


def test_whoever_is_gone_is_410_for_every_deed(app: Private) -> None:
    """It cannot come back."""
    client_id = app.register()["client_id"]
    path = f"/admin/v1/clients/{client_id}"
    assert app.ask("admin", "DELETE", path).status_code == 204
    for method, below in (("POST", "/disable"), ("POST", "/enable"), ("POST", "/rotate-secret"), ("DELETE", "")):
        answer = app.ask("admin", method, path + below)
        assert (answer.status_code, answer.json["error"]) == (410, "client_gone")


def test_decisions_are_read_page_by_page(app: Private) -> None:
    """Refusals and events too, newest first, and about one client alone."""
    client_id = app.register()["client_id"]
    app.clock.forward(1)
    refused = app.public.simulate_post("/register", json={**HOSTED, "client_name": "acme"}).headers["registrar-decision-id"]
    app.clock.forward(1)
    assert do(app, client_id, "disable").status_code == 204
    for limit in ("1", "2", "500"):
        found = [one for page in pages(app, "auditor", "/audit/v1/decisions", limit=limit) for one in page]
        assert [one["result"] for one in found] == ["event", "deny", "allow"]
        assert found[1]["decision_id"] == refused
        about = [one for page in pages(app, "auditor", "/audit/v1/decisions", limit=limit, client_id=client_id) for one in page]
        assert [one["result"] for one in about] == ["event", "allow"]
        one = app.ask("auditor", "GET", f"/audit/v1/decisions/{refused}").json
        assert one == found[1]
        assert one["record"]["violations"]


@pytest.mark.parametrize("unknown", ["nothing", "a%00b", "%C3%A9", "x" * 10_240])
@pytest.mark.parametrize("list_of", ["decisions", "revisions"])
def test_what_is_not_recorded_is_404(app: Private, list_of: str, unknown: str) -> None:
    """Whatever the id looks like."""
    answer = app.ask("auditor", "GET", f"/audit/v1/{list_of}/{unknown}")
    assert answer.status_code == 404
    assert answer.json == {"error": "invalid_request", "error_description": f"there is no such {list_of.removesuffix('s')}"}


def test_a_policy_is_read_as_it_was_in_force(app: Private) -> None:
    """Each file, byte for byte."""
    (activation,) = app.ask("auditor", "GET", "/audit/v1/revisions").json["activations"]
    policies = app.policies.current()
    assert activation["revision"] == policies.revision
    answer = app.ask("auditor", "GET", f"/audit/v1/revisions/{activation['revision']}").json
    assert {path: text.encode() for path, text in answer["files"].items()} == dict(policies.files)


def test_limits_tell_who_uses_what(tmp_path: Path, url: str) -> None:
    """Page by page; a key is what a client sent, also an odd one."""
    tree = write(tmp_path / "tree", {"limits/registration.yaml": LIMITS})
    names = ["one", "two words", 'a"b', "naïve \U0001f916", "x" * 500]
    with private(tmp_path, policies=tree, database_url=url) as app:
        for name in names:
            app.register(client_name=name, token_endpoint_auth_method="none")
        for limit in ("1", "2", "500"):
            found = [one for page in pages(app, "admin", "/admin/v1/limits", limit=limit) for one in page]
            everyone = [one for one in found if one["limit"] == "registration/everyone"]
            measures = {usage["measure"]: usage for usage in everyone[0]["usage"]}  # type: ignore[attr-defined]
            assert (measures["rate"]["used"], measures["rate"]["of"]) == (5, 1200)
            assert (measures["active"]["used"], measures["active"]["of"]) == (5, 100)
            named = [one for one in found if one["limit"] == "registration/per-name"]
            assert len(named) == 5
            assert {"one", "two words", 'a"b'} <= {one["key"] for one in named}
        (only,) = pages(app, "admin", "/admin/v1/limits", name="registration/everyone")
        assert [one["key"] for one in only] == ["all"]
        (nothing,) = pages(app, "admin", "/admin/v1/limits", name="registration/nothing")
        assert nothing == []
        for after in ("x", "W10=", "WzEsMl0=", "e30=", "bnVsbA==", "%00", "WyJhIiwiXHUwMDAwIl0="):
            answer = app.ask("admin", "GET", "/admin/v1/limits", query_string=f"after={after}")
            assert answer.status_code == 400


@pytest.mark.parametrize("status", ["active", "disabled", "expired", "deleted"])
def test_every_status_can_be_asked_for(app: Private, status: Status) -> None:
    """They are those of the store."""
    assert list(pages(app, "admin", "/admin/v1/clients", status=status)) == [[]]
