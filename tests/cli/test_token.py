"""`registrar token`: created once, listed without their text, revoked."""

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registrar.app import create_tokens
from registrar.service import Refusal
from registrar.store import TOKEN_KINDS, Store, TokenKind
from tests.cli import server
from tests.cli.databases import fresh, run

TEXT = re.compile(r"rgt_[A-Za-z0-9_-]{43}")
DAY = 86_400  # seconds


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh(request.param, tmp_path) as url:
        yield url


@pytest.fixture(name="sqlite")
def _sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/registrar.db"


def create(url: str, *arguments: str) -> str:
    """The text of a new token, which is all that standard output has."""
    created = run(url, "token", "create", *arguments)
    assert created.exit_code == 0, created.output
    assert TEXT.fullmatch(created.stdout.removesuffix("\n"))
    return created.stdout.strip()


def listed(url: str, *arguments: str) -> list[dict[str, Any]]:
    found = run(url, "token", "list", "--format", "json", *arguments)
    assert found.exit_code == 0, found.output
    tokens: list[dict[str, Any]] = json.loads(found.stdout)["tokens"]
    return tokens


def alive(url: str, text: str, kind: TokenKind) -> bool:
    """Whether a server on this database takes the token."""
    store = Store.open(url)
    try:
        create_tokens(store).authenticate(text, {kind})
    except Refusal:
        return False
    finally:
        store.close()
    return True


@pytest.mark.parametrize("kind", TOKEN_KINDS)
def test_a_token_of_each_kind_is_good_for_that_kind(url: str, kind: TokenKind) -> None:
    """Under its name as the store has it, and with hyphens."""
    for written in (kind, kind.replace("_", "-")):
        text = create(url, written)
        assert alive(url, text, kind)
        assert not any(alive(url, text, other) for other in TOKEN_KINDS if other != kind)


def test_what_is_kept_of_a_token(url: str) -> None:
    """Everything but its text."""
    limits = ["--uses", "3", "--expires-in", "30d", "--scope", "a b", "--scope", "c", "--label", "team=web", "--label", "env="]
    text = create(url, "initial-access", "--name", "for CI", *limits)
    [token] = listed(url)
    assert (token["kind"], token["name"], token["state"], token["uses_left"]) == ("initial_access", "for CI", "valid", 3)
    assert (token["scopes"], token["labels"]) == (["a", "b", "c"], {"team": "web", "env": ""})
    assert token["expires_at"] == pytest.approx(token["issued_at"] + 30 * DAY, abs=2)
    everything = run(url, "token", "list", "--all").stdout + json.dumps(listed(url, "--all"))
    assert text not in everything
    assert text.removeprefix("rgt_") not in everything


def test_its_text_is_said_once_and_by_itself(sqlite: str) -> None:
    """The rest is on standard error, without the text."""
    created = run(sqlite, "token", "create", "admin")
    [token] = listed(sqlite)
    assert created.stderr == f"registrar: token {token['id']} (admin), expires: never; it is not shown again\n"


def test_people_read_a_table(sqlite: str) -> None:
    create(sqlite, "initial_access", "--uses", "2", "--label", "team=web", "--name", "ci")
    create(sqlite, "auditor", "--name", "somebody")
    lines = run(sqlite, "token", "list").stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["KIND", "initial_access", "auditor"]
    assert "valid  2  " in lines[1]
    assert lines[1].endswith("never            team=web")
    assert "somebody" in lines[2]


def test_an_empty_list_is_no_error(sqlite: str) -> None:
    Store.open(sqlite).close()
    found = run(sqlite, "token", "list")
    assert (found.exit_code, found.output) == (0, "")
    assert listed(sqlite) == []


def test_a_revoked_token_is_void(url: str) -> None:
    """For good; asking again changes nothing."""
    text, other = create(url, "admin"), create(url, "admin")
    first, _ = listed(url)
    revoked = run(url, "token", "revoke", first["id"])
    assert (revoked.exit_code, revoked.stdout) == (0, f"token {first['id']} is revoked\n")
    assert (alive(url, text, "admin"), alive(url, other, "admin")) == (False, True)
    again = run(url, "token", "revoke", first["id"])
    assert (again.exit_code, again.stdout) == (0, f"token {first['id']} was revoked already\n")
    assert len(listed(url)) == 1
    assert [token["state"] for token in listed(url, "--all")] == ["revoked", "valid"]


def test_states_are_told(tmp_path: Path, sqlite: str) -> None:
    """A token that is spent or expired is listed only when all are."""
    create(sqlite, "initial_access", "--uses", "1")
    create(sqlite, "initial_access", "--expires-in", "1d")
    yesterday = int((datetime.now(UTC) - timedelta(days=1)).timestamp())
    with sqlite3.connect(tmp_path / "registrar.db") as database:
        database.execute("UPDATE token SET uses_left = 0 WHERE uses_left = 1")
        database.execute("UPDATE token SET expires_at = ? WHERE expires_at > 0", (yesterday,))
    database.close()
    assert listed(sqlite) == []
    assert [token["state"] for token in listed(sqlite, "--all")] == ["spent", "expired"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["root"], "'root' is not one of"),
        (["admin", "--uses", "3"], "--uses, --scope and --label are for initial_access tokens"),
        (["auditor", "--label", "a=b"], "--uses, --scope and --label are for initial_access tokens"),
        (["initial_access", "--uses", "0"], "0 is not in the range x>=1"),
        (["initial_access", "--expires-in", "soon"], "must be a number of days, hours, minutes or seconds"),
        (["initial_access", "--expires-in", "30"], "must be a number of days, hours, minutes or seconds"),
        (["initial_access", "--expires-in", "0d"], "must be a number of days, hours, minutes or seconds"),
        (["initial_access", "--expires-in", "999999999d"], "is longer than there are dates"),
        (["initial_access", "--label", "team"], "must be NAME=VALUE"),
        (["initial_access", "--label", "a=1", "--label", "a=2"], "has a twice"),
        (["initial_access", "--scope", 'a"b'], "--scope"),
        (["initial_access", "--name", "a\nb"], "must be one line"),
        ([], "Missing argument"),
    ],
)
def test_what_is_asked_wrongly_makes_no_token(tmp_path: Path, sqlite: str, arguments: list[str], message: str) -> None:
    """Exit code 2, with what would be right; not even a database is made."""
    refused = run(sqlite, "token", "create", *arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert message in " ".join(refused.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_token_that_is_not_there_cannot_be_revoked(sqlite: str) -> None:
    create(sqlite, "admin")
    refused = run(sqlite, "token", "revoke", "nothing")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "registrar: there is no token of this id; registrar token list --all shows every one\n"


def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """Exit code 1, and no password."""
    for command in (("token", "list"), ("token", "create", "admin")):
        failed = run(f"sqlite:///{tmp_path}/none/registrar.db", *command)
        assert (failed.exit_code, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    failed = run("postgresql://somebody:secret@127.0.0.1:1/x", "token", "list")
    assert (failed.exit_code, "secret" in failed.output) == (1, False)


def test_settings_that_are_wrong_are_told(tmp_path: Path) -> None:
    failed = run("mysql://x", "token", "list")
    assert failed.exit_code == 2
    assert "must start with sqlite:/// or postgresql://" in failed.stderr


def test_the_database_is_its_owners_alone(tmp_path: Path) -> None:
    """Also when a command makes it, as a process of its own with the mask that most people have."""
    created = server.run(tmp_path, "token", "create", "admin")
    assert created.returncode == 0, created.stderr
    state = tmp_path / ".local/state/registrar"
    assert [path.stat().st_mode & 0o077 for path in (state, *state.iterdir())] == [0] * (1 + len(list(state.iterdir())))


def test_beside_a_running_server(tmp_path: Path) -> None:
    """What is created and revoked here counts there at once."""
    created = server.run(tmp_path, "token", "create", "initial_access", "--uses", "1")
    with server.serving(tmp_path) as served:
        headers = {"Authorization": f"Bearer {created.stdout.strip()}"}
        body = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
        answers = [server.register(served, body, headers).status_code for _ in range(2)]
        assert answers == [201, 401]
        again = server.run(tmp_path, "token", "create", "initial_access")
        [token] = json.loads(server.run(tmp_path, "token", "list", "--format", "json").stdout)["tokens"]
        headers = {"Authorization": f"Bearer {again.stdout.strip()}"}
        assert server.register(served, body, headers).status_code == 201
        assert server.run(tmp_path, "token", "revoke", token["id"]).returncode == 0
        assert server.register(served, body, headers).status_code == 401
