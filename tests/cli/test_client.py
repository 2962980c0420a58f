"""`registrar client`: what there is, what it is, and what an operator makes of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import registrar
from registrar.app import create_clients
from registrar.cli.tables import moment
from registrar.store import Store
from tests.cli import server
from tests.cli.databases import fresh, run
from tests.store.samples import rows

NATIVE = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
OTHER = {**NATIVE, "client_name": "another"}  # not shared with the first
SECRETIVE = {**NATIVE, "client_name": "my tool", "token_endpoint_auth_method": "client_secret_post"}

NEVER_EVER = 999_999_999 * 86_400


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh(request.param, tmp_path) as url:
        yield url


@pytest.fixture(name="sqlite")
def _sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/registrar.db"


def register(url: str, *documents: dict[str, Any]) -> list[str]:
    """The ids of these clients, registered in this order."""
    with registrar.open({"database_url": url}) as opened:
        return [opened.register(document, source="192.0.2.7").client_id for document in documents]


def listed(url: str, *arguments: str) -> dict[str, Any]:
    found = run(url, "client", "list", "--format", "json", *arguments)
    assert found.exit_code == 0, found.output
    page: dict[str, Any] = json.loads(found.stdout)
    return page


def ids(url: str, *arguments: str) -> list[str]:
    return [client["client_id"] for client in listed(url, *arguments)["clients"]]


def shown(url: str, client_id: str) -> dict[str, Any]:
    found = run(url, "client", "show", client_id, "--format", "json")
    assert found.exit_code == 0, found.output
    client: dict[str, Any] = json.loads(found.stdout)
    return client


def test_clients_are_listed_newest_first(url: str) -> None:
    clients = register(url, NATIVE, SECRETIVE, OTHER)
    assert ids(url) == clients[::-1]


def test_a_list_is_narrowed_and_goes_on(url: str) -> None:
    """By status, by profile, by time, page by page."""
    first, second, third = register(url, NATIVE, SECRETIVE, OTHER)
    assert run(url, "client", "disable", first).exit_code == 0
    assert run(url, "client", "delete", third).exit_code == 0
    assert ids(url, "--status", "active") == [second]
    assert ids(url, "--status", "disabled") == [first]
    assert ids(url, "--status", "deleted") == [third]
    assert ids(url, "--status", "expired") == []
    assert ids(url, "--profile", "native-with-secret") == [second]
    assert ids(url, "--since", "1h") == [third, second, first]
    assert ids(url, "--since", "2100-01-01T00:00:00Z") == []
    page = listed(url, "--limit", "2")
    assert ([client["client_id"] for client in page["clients"]], page["next"]) == ([third, second], second)
    assert ids(url, "--limit", "2", "--after", page["next"]) == [first]
    assert "next" not in listed(url, "--limit", "4")


def test_people_read_a_table(sqlite: str) -> None:
    """Names that are long, and characters that a terminal obeys, do not break it; where it goes on is said beside it."""
    clients = register(sqlite, NATIVE, {**NATIVE, "client_name": "x" * 60})
    found = run(sqlite, "client", "list", "--limit", "2")
    lines = found.stdout.splitlines()
    assert lines[0].split() == ["CLIENT", "ID", "STATUS", "PROFILE", "REGISTERED", "LAST", "USED", "NAME"]
    assert lines[1].startswith(f"{clients[1]}  active  native-public  ")
    assert lines[1].endswith(f"never      {'x' * 37}...")
    assert lines[2].endswith("never      my cli")
    assert found.stderr == f"there may be more: --after {clients[0]}\n"


def test_a_client_is_shown_with_what_decided_it(url: str) -> None:
    """Its decision with the policy revision, whole; and no credential of it, not even a digest."""
    with registrar.open({"database_url": url}) as opened:
        made = opened.register({**SECRETIVE, "scope": "mcp:read unknown"}, source="192.0.2.7")
    client = shown(url, made.client_id)
    assert client["status"] == "active"
    assert (client["profile"], client["source"]) == ("native-with-secret", "192.0.2.7")
    assert client["policy_revision"] == client["decision"]["record"]["revision"]
    assert client["decision"]["decision_id"] == client["decision_id"] == made.decision_id
    assert {"member": "scope", "action": "strip"} in client["decision"]["record"]["changes"]
    assert client["history"] == [client["decision"]]
    assert "hash" not in json.dumps(client)
    text = run(url, "client", "show", made.client_id).stdout
    assert client["policy_revision"] in text
    assert "strip scope" in text
    assert "secret      for ever" in text
    for told in (text, json.dumps(client)):
        assert made.secret not in told


def test_the_story_of_a_client_is_told(url: str) -> None:
    """What happened, when, and by whom, the newest first."""
    [client_id] = register(url, NATIVE)
    for deed in ("disable", "enable", "delete"):
        assert run(url, "client", deed, client_id).exit_code == 0
    client = shown(url, client_id)
    assert (client["status"], client["ended_at"] > 0) == ("deleted", True)
    events = [entry["record"].get("event", entry["result"]) for entry in client["history"]]
    assert sorted(events) == ["allow", "deleted", "disabled", "enabled"]
    assert all(entry["record"]["by"].startswith("command line (") for entry in client["history"] if entry["result"] == "event")
    text = run(url, "client", "show", client_id).stdout
    assert "status      deleted since " in text
    assert "  deleted by command line (" in text
    assert "allow create  " in text


def test_a_warning_is_shown_with_its_place(sqlite: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "profiles").mkdir(parents=True)
    (tree / "policyset.yaml").write_text(
        "apiVersion: registrar/v1\nkind: PolicySet\nmetadata: {name: t}\nspec: {profiles: [all]}\n", encoding="utf-8"
    )
    (tree / "profiles/all.yaml").write_text(
        "apiVersion: registrar/v1\nkind: Profile\nmetadata: {name: all}\nspec:\n"
        "  client: {redirect_uris: {allow: [{loopback: true}]}}\n"
        "  validations: [{id: doubt, expression: 'false', message: m, mode: warn}]\n",
        encoding="utf-8",
    )
    with registrar.open({"database_url": sqlite, "policies": tree}) as opened:
        made = opened.register(NATIVE)
    assert made.warnings == ("all/doubt: m",)
    assert "warnings    all/doubt (profiles/all.yaml:6:" in run(sqlite, "client", "show", made.client_id).stdout


def test_a_disabled_client_comes_back_and_a_deleted_one_does_not(url: str) -> None:
    """Every command says what it did, or that it was so already; an authorization server sees it at once."""
    [client_id] = register(url, NATIVE)
    store = Store.open(url)
    clients = create_clients(store)
    uri = NATIVE["redirect_uris"][0]
    told = []
    for deed in ("disable", "disable", "enable", "enable", "delete"):
        done = run(url, "client", deed, client_id)
        told.append((done.exit_code, done.output.replace(client_id, "ID"), clients.allows_redirect(client_id, uri)))
    store.close()
    assert told == [
        (0, "client ID is disabled\n", False),
        (0, "client ID was disabled already\n", False),
        (0, "client ID is enabled\n", True),
        (0, "client ID was enabled already\n", True),
        (0, "client ID is deleted\n", False),
    ]
    for deed in ("disable", "enable", "delete"):
        done = run(url, "client", deed, client_id)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == f"registrar: client {client_id} is deleted already\n"


def test_a_secret_is_rotated_and_told_by_itself(url: str) -> None:
    """The old one is void at once, or with the first use of the new one where that is asked for."""
    with registrar.open({"database_url": url}) as opened:
        made = opened.register(SECRETIVE)
        first = run(url, "client", "rotate-secret", made.client_id)
        assert (first.exit_code, len(first.stdout)) == (0, 44)
        assert first.stdout.strip() not in first.stderr
        assert not opened.authenticate(made.client_id, made.secret)
        second = run(url, "client", "rotate-secret", made.client_id, "--keep-previous")
        old, new = first.stdout.strip(), second.stdout.strip()
        assert [opened.authenticate(made.client_id, secret) for secret in (old, new, old)] == [True, True, False]
        public = opened.register(NATIVE)
    refused = run(url, "client", "rotate-secret", public.client_id)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "registrar: the client authenticates without a secret\n"


def test_a_lifetime_beyond_the_calendar_is_shown_as_a_number(sqlite: str) -> None:
    """As 999999999d, which a policy may say: whatever is told of a client, and with it a new secret, is told all the same."""
    with registrar.open({"database_url": sqlite}) as opened:
        made = opened.register(SECRETIVE)
    assert moment(NEVER_EVER) == str(NEVER_EVER)
    rows(sqlite, f"UPDATE client SET due_at = {NEVER_EVER}, secret_expires_at = {NEVER_EVER}")
    found = run(sqlite, "client", "show", made.client_id)
    assert found.exit_code == 0
    assert f"until {NEVER_EVER}" in found.stdout


@pytest.mark.parametrize("client_id", ["nobody", "", "x" * 10_000, "a\x1b[31mb", "\u202eb", "\x00"])
@pytest.mark.parametrize("deed", ["show", "disable", "enable", "delete", "rotate-secret"])
def test_a_client_that_never_was(sqlite: str, deed: str, client_id: str) -> None:
    """Exit code 2, and one line that a terminal can show."""
    Store.open(sqlite).close()
    done = run(sqlite, "client", deed, client_id)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("registrar: there never was a client")
    assert done.stderr.removesuffix("\n").isprintable()
    assert len(done.stderr) < 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--status", "gone"], "'gone' is not one of"),
        (["list", "--limit", "0"], "0 is not in the range"),
        (["list", "--since", "yesterday"], "must be a moment as in 2026-10-01T12:00:00Z"),
        (["list", "--since", "2026-10-01"], "has no time zone"),
        (["list", "--since", "999999999d"], "must be a moment"),
        (["show"], "Missing argument 'ID'"),
    ],
)
def test_what_is_asked_wrongly(sqlite: str, arguments: list[str], message: str) -> None:
    refused = run(sqlite, "client", *arguments)
    assert refused.exit_code == 2
    assert message in refused.stderr


def test_a_database_that_is_not_there_is_not_made_by_reading(tmp_path: Path, sqlite: str) -> None:
    for command in (("client", "list"), ("client", "show", "nobody")):
        failed = run(sqlite, *command)
        assert (failed.exit_code, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_beside_a_running_server(tmp_path: Path) -> None:
    """On its own database."""
    with server.serving(tmp_path) as served:
        client_id = server.register(served, NATIVE).json()["client_id"]
        found = server.run(tmp_path, "client", "list", "--format", "json")
        assert [client["client_id"] for client in json.loads(found.stdout)["clients"]] == [client_id]
        assert server.run(tmp_path, "client", "delete", client_id).returncode == 0
        assert server.register(served, NATIVE).status_code == 201
