"""`registrar policy replay`: what recorded requests would come to under another tree."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from registrar.cli import main
from registrar.policy import PolicySet
from registrar.store import Store
from tests.cli import server
from tests.policy.test_tree import write
from tests.policy.trees import compiled, guardrail, head, profile
from tests.postgresql import fresh_schema
from tests.service.past import Past, cli
from tests.store.samples import rows

OLD = compiled()
RULES = guardrail("validations: [{id: short, expression: 'size(client.client_name) < 6', message: m}]")
STRICT = compiled({"guardrails/rules.yaml": RULES})


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


@pytest.fixture(name="strict")
def _strict(tmp_path: Path) -> Path:
    """A tree that refuses long names."""
    return write(tmp_path / "strict", {"guardrails/rules.yaml": RULES})


def past(url: str, policies: PolicySet, *bodies: dict[str, object]) -> list[str]:
    """Register at the database `url`, which is closed again: the ids of the decisions."""
    with closing(Store.open(url)) as store:
        return Past(store).register(policies, *bodies)


def run(*arguments: str | Path, **environ: str) -> Result:
    return CliRunner().invoke(main, ["policy", "replay", *map(str, arguments)], env={"NO_COLOR": "1", **environ})


def document(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--format", "json").stdout)
    return found


def test_people_read_what_changes_by_rule(url: str, strict: Path) -> None:
    past(url, OLD, cli("one"), cli("a long name"), cli("another name", client_secret="s"), cli("two"))
    result = run(strict, "--database-url", url)
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if not line.startswith("database")] == [
        f"policies  {strict} (t, {STRICT.revision})",
        "decisions 4: 2 unchanged, 2 changed",
        'redacted  "client_secret" 1: records do not have these values, and rules that read them may have said otherwise',
        "",
        "allow -> deny, by the rule that refuses: 2",
        "        2  rules/short  id-005, id-003",
    ]


def test_programs_read_the_same(url: str, strict: Path) -> None:
    past(url, OLD, cli("one"), cli("a long name"))
    found = document(strict, "--database-url", url, "--since", "2026-10-01T00:00:00Z")
    assert "@" not in found.pop("database")
    assert found == {
        "command": "policy replay",
        "policies": {"tree": str(strict), "name": "t", "revision": STRICT.revision},
        "since": "2026-10-01T00:00:00Z",
        "total": 2,
        "unchanged": 1,
        "changed": 1,
        "skipped": [],
        "redacted": {},
        "changes": {
            "refused": {
                "count": 1,
                "by": [
                    {
                        "name": "rules/short",
                        "old": "allow",
                        "new": "deny",
                        "count": 1,
                        "examples": [{"decision_id": "id-003"}],
                    }
                ],
            }
        },
    }


def test_values_are_shown_member_by_member(sqlite: str, tmp_path: Path) -> None:
    """In characters that a terminal does not obey, and not endless."""
    past(sqlite, OLD, cli("evil\u202ename \u2066", scope="a " + "b" * 200))
    spec = "client: {redirect_uris: {allow: [{loopback: true}]}, client_name: {remove: true}, scope: {set: [c]}}"
    tree = write(tmp_path / "new", {"profiles/native.yaml": profile(f"{spec}\nlifetimes: {{unused: 12h}}")})
    result = run(tree, "--database-url", sqlite)
    assert result.stdout.splitlines()[3:] == [
        "",
        "other values, by member: 1",
        r'        1  client_name  such as "evil\u202ename \u2066" -> absent  id-001',
        f'        1  scope  such as "a {"b" * 54}... -> "c"  id-001',
        "",
        "other lifetimes: 1",
        "        1  lifetimes.unused  for ever -> 12h  id-001",
    ]
    values = document(tree, "--database-url", sqlite)["changes"]["values"]["by"]
    assert [(group["name"], group["examples"][0]["new_value"]) for group in values] == [("client_name", None), ("scope", "c")]


def test_other_profiles_reasons_and_warnings(sqlite: str, tmp_path: Path) -> None:
    past(sqlite, OLD, cli("one"), {"redirect_uris": ["https://a.example/"]})
    warn = "validations: [{id: w, mode: warn, expression: 'false', message: m}]"
    tree = write(
        tmp_path / "new",
        {
            "policyset.yaml": head("profiles: [other]"),
            "profiles/other.yaml": profile("client: {redirect_uris: {allow: [{loopback: true}]}}", "other"),
            "guardrails/rules.yaml": guardrail(warn),
        },
    )
    (tree / "profiles/native.yaml").unlink()
    assert run(tree, "--database-url", sqlite).stdout.splitlines()[3:] == [
        "",
        "refused by other rules: 1",
        "        1  native/client.redirect_uris  deny -> nothing  id-003",
        "        1  other/client.redirect_uris  nothing -> deny  id-003",
        "",
        "another profile: 1",
        "        1  native -> other  id-001",
        "",
        "other warnings: 1",
        "        1  rules/w  nothing -> warn  id-001",
    ]


def test_a_list_ends(sqlite: str, tmp_path: Path) -> None:
    """However many rules a tree has."""
    rules = "\n".join(f"  - {{id: r{number:02}, expression: 'false', message: m}}" for number in range(25))
    past(sqlite, OLD, *[cli("one")] * 5)
    result = run(
        write(tmp_path / "new", {"guardrails/rules.yaml": guardrail(f"validations:\n{rules}")}), "--database-url", sqlite
    )
    lines = result.stdout.splitlines()
    assert (len(lines), lines[-1], lines[-2]) == (
        26,
        "           and 5 more",
        "        5  rules/r19  id-009, id-007, id-005, ...",
    )


@pytest.mark.parametrize(
    ("recorded", "new", "fail_on", "code"),
    [
        ("old", "strict", "deny", 4),
        ("old", "strict", "any", 4),
        ("old", "strict", "allow", 0),
        ("strict", "old", "deny", 0),
        ("strict", "old", "allow", 4),
        ("strict", "strict", "any", 0),
    ],
)
def test_it_fails_on_what_it_is_told_to(
    sqlite: str, strict: Path, tmp_path: Path, *, recorded: str, new: str, fail_on: str, code: int
) -> None:
    trees = {"old": write(tmp_path / "old"), "strict": strict}
    past(sqlite, {"old": OLD, "strict": STRICT}[recorded], cli("a long name"))
    assert run(trees[new], "--database-url", sqlite, "--fail-on", fail_on).exit_code == code
    assert run(trees[new], "--database-url", sqlite).exit_code == 0


def test_records_that_cannot_be_decided_again_are_said_and_fail_any(sqlite: str, strict: Path) -> None:
    past(sqlite, OLD, cli("one"))
    rows(sqlite, "UPDATE decision SET record = '{}'")
    result = run(strict, "--database-url", sqlite, "--fail-on", "any")
    assert result.stdout.splitlines()[2:] == [
        "decisions 0: 0 unchanged, 0 changed",
        "skipped   1: the record is not of version 1, which this release reads (id-001)",
    ]
    assert result.exit_code == 4
    assert run(strict, "--database-url", sqlite, "--fail-on", "deny").exit_code == 0
    assert document(strict, "--database-url", sqlite)["skipped"][0]["examples"] == [{"decision_id": "id-001"}]


@pytest.mark.parametrize(
    ("arguments", "total"),
    [
        ((), 4),
        (("--since", "2026-10-01T12:02:00Z"), 2),
        (("--since", "2026-10-01T14:02:00.5+02:00"), 1),
        (("--since", "2026-10-01t12:02:00z"), 2),
        (("--limit", "3"), 3),
        (("--result", "deny"), 1),
        (("--result", "error"), 0),
        (("--since", "1s"), 0),
    ],
)
def test_which_records_are_looked_at(sqlite: str, strict: Path, arguments: tuple[str, ...], total: int) -> None:
    past(sqlite, STRICT, cli("one"), cli("two"), cli("a long name"), cli("three"))
    assert document(strict, "--database-url", sqlite, *arguments)["total"] == total


def test_people_read_from_when_on(sqlite: str, strict: Path) -> None:
    past(sqlite, OLD, cli("one"))
    lines = run(strict, "--database-url", sqlite, "--since", "2026-10-01T14:00:00+02:00").stdout.splitlines()
    assert lines[2:] == ["since     2026-10-01T12:00:00Z", "decisions 1: 1 unchanged, 0 changed"]


def test_since_may_be_how_long_ago(sqlite: str, strict: Path) -> None:
    past(sqlite, OLD, *[cli("one")] * 4)
    now = int(datetime.now(UTC).timestamp())
    for number, age in enumerate((10, 3 * 3600, 3 * 86_400, 90 * 86_400)):
        rows(sqlite, f"UPDATE decision SET at = {now - age} WHERE decision_id = 'id-00{2 * number + 1}'")
    counts = [document(strict, "--database-url", sqlite, "--since", ago)["total"] for ago in ("600s", "100m", "4h", "30d", "99d")]
    assert counts == [1, 1, 2, 3, 4]


class TestVerify:
    def test_every_record_under_its_own_revision(self, url: str) -> None:
        past(url, OLD, cli("one"), cli("a long name"))
        with closing(Store.open(url)) as store:
            store.activate(STRICT.revision, STRICT.files, at=1)
        result = run("--verify", "--database-url", url)
        assert result.exit_code == 0
        assert result.stdout.splitlines()[2:] == ["decisions 2: 2 unchanged, 0 changed"]

    def test_programs_read_that_no_tree_was_given(self, sqlite: str) -> None:
        past(sqlite, OLD, cli("one"))
        found = document("--verify", "--database-url", sqlite)
        assert (found["policies"], found["total"], found["changes"]) == (None, 1, {})

    def test_a_record_that_comes_out_otherwise(self, sqlite: str) -> None:
        past(sqlite, OLD, cli("one"), cli("two"))
        rows(sqlite, "UPDATE decision SET result = 'deny' WHERE decision_id = 'id-003'")
        result = run("--verify", "--database-url", sqlite)
        assert result.exit_code == 4
        assert result.stdout.splitlines()[2:] == [
            "decisions 2: 1 unchanged, 1 changed",
            "",
            "not as recorded, by part of the record: 1",
            "        1  result  id-003",
        ]

    def test_a_record_that_cannot_be_checked_is_not_verified(self, sqlite: str) -> None:
        """What nobody could look at is not well."""
        past(sqlite, OLD, cli("one"))
        rows(sqlite, "DELETE FROM revision_file")
        result = run("--verify", "--database-url", sqlite)
        assert result.exit_code == 4
        assert "does not load" in result.stdout


class TestMistakes:
    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("strict", "--verify"),
            ("--verify", "--fail-on", "any"),
            ("nowhere",),
            ("HEAD:nowhere",),
            ("strict", "--since", "yesterday"),
            ("strict", "--since", "2026-10-01T12:00:00"),
            ("strict", "--since", "999999999d"),
            ("strict", "--limit", "0"),
            ("strict", "--result", "maybe"),
            ("strict", "--database-url", "mysql://h/d"),
            ("strict", "--config", "nowhere.yaml"),
        ],
    )
    def test_usage(self, strict: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
        monkeypatch.chdir(strict.parent)
        result = run(*arguments, HOME=str(strict.parent))
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Traceback" not in result.stderr

    def test_a_tree_that_does_not_load(self, sqlite: str, strict: Path) -> None:
        (strict / "policyset.yaml").unlink()
        result = run(strict, "--database-url", sqlite)
        assert result.exit_code == 3
        assert f"{strict}/policyset.yaml:1:1" in result.stderr

    def test_a_database_that_is_not_there(self, sqlite: str, strict: Path, tmp_path: Path) -> None:
        result = run(strict, "--database-url", sqlite)
        assert (result.exit_code, result.stdout) == (1, "")
        file = tmp_path / "registrar.db"
        assert result.stderr.startswith(f"registrar: cannot read the database {sqlite}: {file} is not there")
        assert result.stderr.count("\n") == 1
        assert not file.exists()

    def test_a_server_that_does_not_answer(self, strict: Path) -> None:
        result = run(strict, "--database-url", "postgresql://user:secret@127.0.0.1:1/db")
        assert result.exit_code == 1
        assert "postgresql://127.0.0.1:1/db" in result.stderr
        assert "secret" not in result.stderr
        assert result.stderr.count("\n") == 1

    @pytest.mark.parametrize("damage", ["DROP TABLE decision", "UPDATE decision SET record = '{'"])
    def test_a_database_that_fails_on_the_way(self, sqlite: str, strict: Path, damage: str) -> None:
        past(sqlite, OLD, cli("one"))
        rows(sqlite, damage)
        result = run(strict, "--database-url", sqlite)
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1


def test_beside_a_running_server(tmp_path: Path, strict: Path) -> None:
    """On its own database, found as the server found it; nothing of the server's is touched."""
    with server.serving(tmp_path) as served:
        body = {"client_name": "a long name", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
        assert server.register(served, body).status_code == 201
        replayed = server.run(tmp_path, "policy", "replay", str(strict), "--format", "json")
        assert (replayed.returncode, replayed.stderr) == (0, "")
        assert json.loads(replayed.stdout)["changes"]["refused"]["count"] == 1
        verified = server.run(tmp_path, "policy", "replay", "--verify")
        assert (verified.returncode, verified.stderr) == (0, "")
        assert server.register(served, body).status_code == 201
    assert json.loads(server.run(tmp_path, "policy", "replay", str(strict), "--format", "json").stdout)["total"] == 2
