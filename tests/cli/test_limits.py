"""`registrar limits show`: how much of the policy's limits is used, and by whom."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import registrar
from registrar.embedded import RegistrationRefusedError
from registrar.store import Store
from tests.cli.databases import fresh, run

NATIVE = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
LIMITS = """\
apiVersion: registrar/v1
kind: Limits
metadata: {name: registration}
spec:
  limits:
    - {id: everyone, key: '"all"', maxActive: 50}
    - {id: per-source, key: source.prefix, rate: 3/hour, burst: 2}
    - {id: per-token, when: token.present, key: token.id, maxTotal: 10}
"""


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh(request.param, tmp_path) as url:
        yield url


@pytest.fixture(name="tree")
def _tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with the three limits, which the command finds in its settings."""
    tree = tmp_path / "tree"
    files = {
        "policyset.yaml": "apiVersion: registrar/v1\nkind: PolicySet\nmetadata: {name: t}\nspec: {profiles: [all]}\n",
        "profiles/all.yaml": "apiVersion: registrar/v1\nkind: Profile\nmetadata: {name: all}\nspec: {lifetimes: {}}\n",
        "limits/registration.yaml": LIMITS,
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("REGISTRAR_POLICIES", str(tree))
    return tree


def register(url: str, tree: Path, *sources: str) -> int:
    """Register once from each of `sources`; how many of them were refused."""
    refused = 0
    with registrar.open({"database_url": url, "policies": tree}) as opened:
        for source in sources:
            try:
                opened.register(NATIVE, source=source)
            except RegistrationRefusedError:
                refused += 1
    return refused


def shown(url: str, *arguments: str) -> dict[str, Any]:
    found = run(url, "limits", "show", "--format", "json", *arguments)
    assert found.exit_code == 0, found.output
    return {limit["limit"]: limit for limit in json.loads(found.stdout)["limits"]}


def used(limit: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    return [(key["key"], usage["measure"], usage["used"], usage["of"]) for key in limit["keys"] for usage in key["usage"]]


def test_every_limit_is_shown_with_who_uses_most_of_it(url: str, tree: Path) -> None:
    assert register(url, tree, "192.0.2.1", "192.0.2.1", "2001:db8::1") == 0
    limits = shown(url)
    assert used(limits["registration/everyone"]) == [("all", "active", 3, 50)]
    assert used(limits["registration/per-source"]) == [
        ("192.0.2.1", "rate", 2, 3),
        ("192.0.2.1", "burst", 2, 2),
        ("2001:db8::/64", "rate", 1, 3),
        ("2001:db8::/64", "burst", 1, 2),
    ]
    assert limits["registration/per-token"]["keys"] == []
    assert limits["registration/per-source"]["allows"]["period"] == 3600
    assert all(0 < usage["resets_in"] <= 3600 + 61 for usage in limits["registration/per-source"]["keys"][0]["usage"])


def test_one_limit_and_one_key_of_it(url: str, tree: Path) -> None:
    register(url, tree, "192.0.2.1", "192.0.2.1", "192.0.2.2")
    limits = shown(url, "registration/per-source", "--top", "1")
    assert list(limits) == ["registration/per-source"]
    assert {key for key, *_ in used(limits["registration/per-source"])} == {"192.0.2.1"}


def test_what_a_deletion_gives_back_is_free_again(url: str, tree: Path) -> None:
    register(url, tree, "192.0.2.1")
    [client] = json.loads(run(url, "client", "list", "--format", "json").stdout)["clients"]
    assert run(url, "client", "delete", client["client_id"]).exit_code == 0
    assert used(shown(url)["registration/everyone"]) in ([], [("all", "active", 0, 50)])


def test_people_see_when_there_is_room_again(url: str, tree: Path) -> None:
    """Of what is full, and only of that."""
    assert register(url, tree, "192.0.2.1", "192.0.2.1", "192.0.2.1") == 1
    lines = run(url, "limits", "show").stdout.splitlines()
    assert lines[0].split("  ")[0] == "LIMIT"
    rows = {tuple(line.split()[:3]): line.split()[3:] for line in lines[1:]}
    assert rows[("registration/everyone", "all", "active")] == ["2", "50"]
    assert rows[("registration/per-source", "192.0.2.1", "rate")] == ["2", "3"]
    *numbers, seconds, unit = rows[("registration/per-source", "192.0.2.1", "burst")]
    assert (numbers, unit) == (["2", "2"], "s")
    assert 0 < int(seconds) <= 1200
    assert lines[-1].split() == ["registration/per-token", "0"]


def test_a_limit_that_the_policy_lost_is_still_counted(url: str, tree: Path) -> None:
    register(url, tree, "192.0.2.1")
    text = LIMITS.replace("per-source", "per-network")
    (tree / "limits/registration.yaml").write_text(text, encoding="utf-8")
    limits = shown(url)
    assert limits["registration/per-source"]["allows"] is None
    assert [key["key"] for key in limits["registration/per-source"]["keys"]] == ["192.0.2.1"]
    assert "not in the policy" in run(url, "limits", "show").stdout


def test_the_limits_are_those_of_the_tree_that_is_named(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the flags that the server was started with; whoever leaves one out is warned."""
    monkeypatch.delenv("REGISTRAR_POLICIES")
    state = tmp_path / "state"
    with registrar.open({"state_dir": state, "policies": tree}) as opened:
        opened.register(NATIVE, source="192.0.2.1")
    found = run(None, "limits", "show", "--policies", tree, "--state-dir", state, "--format", "json")
    assert found.exit_code == 0, found.output
    assert {limit["limit"] for limit in json.loads(found.stdout)["limits"]} == {
        "registration/everyone",
        "registration/per-source",
        "registration/per-token",
    }
    (told,) = found.stderr.splitlines()
    assert told.startswith(f"registrar: by the policy tree {tree}, revision sha256:")
    shipped = run(None, "limits", "show", "--state-dir", state)
    told, warning, hint = shipped.stderr.splitlines()
    assert told.startswith("registrar: by the policy tree ")
    assert warning.startswith("registrar: warning: another tree is in force since 20")
    assert "--policies" in hint


def test_what_is_asked_wrongly(tmp_path: Path, tree: Path) -> None:
    """2 for a limit that nobody knows, 1 without a database, 3 without a policy."""
    url = f"sqlite:///{tmp_path}/registrar.db"
    assert run(url, "limits", "show").exit_code == 1
    Store.open(url).close()
    unknown = run(url, "limits", "show", "registration/per-sauce")
    assert unknown.exit_code == 2
    assert unknown.stderr == 'registrar: there is no limit "registration/per-sauce" (did you mean "registration/per-source"?)\n'
    (tree / "policyset.yaml").unlink()
    assert run(url, "limits", "show").exit_code == 3


def test_a_policy_without_limits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registrar.db"
    Store.open(url).close()
    found = run(url, "limits", "show")
    assert found.exit_code == 0
    assert "limit" in found.stdout.lower()
