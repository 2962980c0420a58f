"""What /readyz and discovery say while the policy tree changes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from falcon import testing

from registrar.app import create_public_app, load_policies, open_policies, open_store
from registrar.service import Outcome, Policies
from tests.http.served import DOORS, METADATA, NATIVE, NOW, settings


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of its own."""
    return Path(shutil.copytree(DOORS, tmp_path / "secret-folder"))


@contextmanager
def changing(folder: Path, tree: Path) -> Iterator[tuple[testing.TestClient, Policies]]:
    """The app, and the policies that a test has read again."""
    chosen = settings(folder, policies=tree, metadata=METADATA)
    store = open_store(chosen)
    try:
        policies = open_policies(chosen, store, clock=lambda: NOW)
        yield testing.TestClient(create_public_app(chosen, policies=policies, store=store, clock=lambda: NOW)), policies
    finally:
        store.close()


def rewrite(file: Path, old: str, new: str) -> None:
    """Replace `old` in a file."""
    before = file.read_text(encoding="utf-8")
    assert old in before
    file.write_text(before.replace(old, new), encoding="utf-8")


def test_a_rejected_tree_shows_by_when_and_how_much(tmp_path: Path, tree: Path) -> None:
    """The server is ready: it serves what was good. Anybody can ask, so that no mistake, name or path is told."""
    with changing(tmp_path, tree) as (client, policies):
        ready = client.simulate_get("/readyz").json
        rewrite(tree / "guardrails/names.yaml", "lowerAscii", "lowerASCII")
        assert policies.refresh() is Outcome.REJECTED
        rejected = policies.in_force.rejected
        assert rejected is not None
        answer = client.simulate_get("/readyz")
        assert answer.status_code == 200
        told = {"at": int(NOW.timestamp()), "revision": rejected.seen.revision, "problems": 2}
        assert answer.json == {**ready, "policy": {**ready["policy"], "rejected": told}}
        assert client.simulate_post("/register", json=NATIVE).status_code == 201

        rewrite(tree / "guardrails/names.yaml", "lowerASCII", "lowerAscii")
        assert policies.refresh() is Outcome.UNCHANGED
        assert client.simulate_get("/readyz").json == ready


def test_a_tree_that_cannot_be_read_has_no_revision(tmp_path: Path, tree: Path) -> None:
    """It is null."""
    with changing(tmp_path, tree) as (client, policies):
        shutil.rmtree(tree)
        assert policies.refresh() is Outcome.REJECTED
        answer = client.simulate_get("/readyz").json
        assert answer["policy"]["rejected"] == {"at": int(NOW.timestamp()), "revision": None, "problems": 1}


def test_discovery_and_decisions_follow_the_policy(tmp_path: Path, tree: Path) -> None:
    """What is announced is what the revision in force offers."""
    with changing(tmp_path, tree) as (client, policies):
        before = client.simulate_get("/.well-known/oauth-authorization-server").json
        rewrite(tree / "policyset.yaml", "mcp:tools, offline_access", "mcp:tools, mcp:more")
        rewrite(tree / "profiles/native.yaml", "allow: [none, client_secret_post]", "allow: [none]")
        assert policies.refresh() is Outcome.ACTIVATED
        after = client.simulate_get("/.well-known/oauth-authorization-server").json
        ready = client.simulate_get("/readyz").json
    assert before["scopes_supported"] == ["mcp:read", "mcp:tools", "offline_access"]
    assert {name for name in after if after[name] != before[name]} == {"scopes_supported"}
    assert after["scopes_supported"] == ["mcp:read", "mcp:tools", "mcp:more"]
    assert ready["policy"]["revision"] == load_policies(settings(tmp_path, policies=tree)).revision
