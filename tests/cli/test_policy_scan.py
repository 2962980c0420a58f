"""`registrar policy scan`: registered clients that another tree would refuse or change."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from registrar.cli import main
from registrar.store import Store
from tests.cli import server
from tests.policy.test_tree import write
from tests.policy.trees import compiled, guardrail, profile
from tests.postgresql import fresh_schema
from tests.service.past import Past, cli
from tests.store.samples import rows

OLD = compiled()
FILES = {
    "profiles/native.yaml": profile(
        """
        client:
          redirect_uris: {allow: [{loopback: true}]}
          scope: {allow: [a], onExcess: strip}
        lifetimes: {client: 90d}
        """
    ),
    "guardrails/rules.yaml": guardrail(
        """
        validations:
          - {id: short, expression: 'size(client.client_name) < 6', message: m}
          - {id: contact, expression: 'client.client_name != "reach" || client.contacts[0] != ""', message: m}
        """
    ),
}
NEW = compiled(FILES)


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/registrar.db"
    else:
        with fresh_schema() as url:
            yield url


@pytest.fixture(name="sqlite")
def _sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/registrar.db"


@pytest.fixture(name="new")
def _new(tmp_path: Path) -> Path:
    return write(tmp_path / "new", FILES)


def past(url: str, *bodies: dict[str, object]) -> None:
    """Register at the database `url` under the old tree; it is closed again. The clients are id-002, id-004, ..."""
    with closing(Store.open(url)) as store:
        Past(store).register(OLD, *bodies)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["policy", "scan", *map(str, arguments)], env={"NO_COLOR": "1"})


def document(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--format", "json").stdout)
    return found


def test_people_read_each_client_and_the_counts(url: str, new: Path) -> None:
    past(url, cli("a long name"), cli("one", scope="a b"), cli("reach"), {"redirect_uris": ["https://a.example/"]})
    result = run(new, "--database-url", url)
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if not line.startswith("database")] == [
        f"policies  {new} (t, {NEW.revision})",
        'refused  id-002  "a long name"  native  rules/short',
        'changed  id-004  "one"  native  scope "a b" -> "a"; lifetimes.client for ever -> 90d',
        'refused  id-006  "reach"  native  rules/contact (error)',
        "clients   3: 0 unchanged, 3 changed",
        "",
        "allow -> deny, by the rule that refuses: 2",
        "        1  rules/contact  error",
        "        1  rules/short",
        "",
        "other values, by member: 1",
        '        1  scope  such as "a b" -> "a"',
        "",
        "other lifetimes: 1",
        "        1  lifetimes.client  for ever -> 90d",
    ]


def test_programs_read_the_same(url: str, new: Path) -> None:
    past(url, cli("a long name"), cli("one", scope="a b"))
    found = document(new, "--database-url", url)
    assert (found["command"], found["total"], found["unchanged"], found["changed"]) == ("policy scan", 2, 0, 2)
    assert found["clients"] == [
        {
            "client_id": "id-002",
            "client_name": "a long name",
            "profile": "native",
            "result": "deny",
            "rules": ["rules/short"],
            "differences": [{"kind": "refused", "name": "rules/short", "old": "allow", "new": "deny"}],
        },
        {
            "client_id": "id-004",
            "client_name": "one",
            "profile": "native",
            "result": "allow",
            "rules": [],
            "differences": [
                {"kind": "values", "name": "scope", "old": "", "new": "", "old_value": "a b", "new_value": "a"},
                {"kind": "lifetimes", "name": "lifetimes.client", "old": "for ever", "new": "90d"},
            ],
        },
    ]
    assert list(found["changes"]) == ["refused", "values", "lifetimes"]


def test_nobody_affected_is_an_empty_list(sqlite: str, tmp_path: Path) -> None:
    past(sqlite, cli("one"))
    old = write(tmp_path / "old")
    assert document(old, "--database-url", sqlite)["clients"] == []
    assert run(old, "--database-url", sqlite).stdout.splitlines()[2:] == ["clients   1: 1 unchanged, 0 changed"]


def test_a_name_does_not_write_to_the_terminal(sqlite: str, new: Path) -> None:
    """Control characters, line ends and marks that turn text around, in names and in ids; and none is endless."""
    past(sqlite, cli("placeholder"), cli("x" * 500))
    evil = "\\u001b]0;owned\\u0007\\u001b[2J\\n\\u202eadmin\\u009b31m"
    rows(sqlite, f"UPDATE client SET metadata = replace(metadata, 'placeholder', '{evil}') WHERE client_id = 'id-002'")
    rows(sqlite, "UPDATE client SET profile = 'na' || char(27) || '[1mtive' WHERE client_id = 'id-002'")
    result = run(new, "--database-url", sqlite)
    assert all(line.isprintable() for line in result.stdout.splitlines())
    line = result.stdout.splitlines()[2]
    assert line == r'refused  id-002  "\u001b]0;owned\u0007\u001b[2J\n\u202eadmin\u009b31m"  na\u001b[1mtive  rules/short'
    assert f'"{"x" * 56}...' in result.stdout
    name = document(new, "--database-url", sqlite)["clients"][0]["client_name"]
    assert name == json.loads(f'"{evil}"')


@pytest.mark.parametrize(
    ("name", "scope", "fail_on", "code"),
    [
        ("a long name", "a", "deny", 4),
        ("a long name", "a", "any", 4),
        ("one", "a b", "deny", 0),
        ("one", "a b", "any", 4),
    ],
)
def test_it_fails_on_what_it_is_told_to(sqlite: str, new: Path, name: str, scope: str, *, fail_on: str, code: int) -> None:
    past(sqlite, cli(name, scope=scope))
    assert run(new, "--database-url", sqlite, "--fail-on", fail_on).exit_code == code
    assert run(new, "--database-url", sqlite).exit_code == 0


def test_a_client_that_cannot_be_decided_again_fails_any(sqlite: str, new: Path) -> None:
    past(sqlite, cli("one"))
    rows(sqlite, "DELETE FROM decision")
    result = run(new, "--database-url", sqlite, "--fail-on", "any")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        4,
        "skipped   1: the decision that admitted the client is not kept (id-002)",
    )
    assert document(new, "--database-url", sqlite)["skipped"][0]["examples"] == [{"client_id": "id-002"}]


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ((), ["id-002", "id-004", "id-006"]),
        (("--since", "2026-10-01T12:01:00Z"), ["id-004", "id-006"]),
        (("--limit", "2"), ["id-002", "id-004"]),
    ],
)
def test_which_clients_are_looked_at(sqlite: str, new: Path, arguments: tuple[str, ...], ids: list[str]) -> None:
    past(sqlite, *[cli("a long name")] * 3)
    found = document(new, "--database-url", sqlite, *arguments)
    assert [client["client_id"] for client in found["clients"]] == ids


def test_usage_trees_and_databases_that_are_wrong(sqlite: str, new: Path, tmp_path: Path) -> None:
    """2, 3 and 1, with one line for a database."""
    assert run().exit_code == 2
    assert run(new, "--fail-on", "allow", "--database-url", sqlite).exit_code == 2
    missing = run(new, "--database-url", sqlite)
    assert (missing.exit_code, missing.stdout, missing.stderr.count("\n")) == (1, "", 1)
    (new / "profiles/native.yaml").unlink()
    assert run(new, "--database-url", sqlite).exit_code == 3


def test_beside_a_running_server(tmp_path: Path, new: Path) -> None:
    """On its own database; the clients stay as they are."""
    with server.serving(tmp_path) as served:
        body = {"client_name": "a long name", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
        client = server.register(served, body).json()
        scanned = server.run(tmp_path, "policy", "scan", str(new), "--format", "json", "--fail-on", "deny")
        assert (scanned.returncode, scanned.stderr) == (4, "")
        assert [found["client_id"] for found in json.loads(scanned.stdout)["clients"]] == [client["client_id"]]
        assert server.register(served, body).status_code == 201
