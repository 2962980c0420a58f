"""`registrar sweep`: what a server does by itself, from cron."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import registrar
from registrar.store import Store
from tests.cli import server
from tests.cli.databases import fresh, run

NATIVE = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh(request.param, tmp_path) as url:
        yield url


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    """A policy whose clients last a second, but for those with a contact."""
    tree = tmp_path / "tree"
    (tree / "profiles").mkdir(parents=True)
    head = "apiVersion: registrar/v1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n"
    (tree / "policyset.yaml").write_text(head.format("PolicySet", "t") + "  profiles: [lasting, passing]\n", encoding="utf-8")
    (tree / "profiles/lasting.yaml").write_text(
        head.format("Profile", "lasting") + "  matchConditions: [{name: contact, expression: 'size(client.contacts) > 0'}]\n",
        encoding="utf-8",
    )
    (tree / "profiles/passing.yaml").write_text(
        head.format("Profile", "passing") + "  lifetimes: {client: 1s}\n", encoding="utf-8"
    )
    return tree


def test_what_is_over_expires(url: str, tree: Path) -> None:
    """And the rest stays; a second sweep has nothing to do."""
    with registrar.open({"database_url": url, "policies": tree}) as opened:
        clients = [opened.register({**NATIVE, "client_name": f"cli {number}"}).client_id for number in range(3)]
        lasting = opened.register({**NATIVE, "contacts": ["a@b.example"]}).client_id
        issued = opened.get_client(lasting)
    assert issued is not None
    while datetime.now(UTC).timestamp() < issued.issued_at + 1:
        pass
    told = [run(url, "sweep") for _ in range(2)]
    assert [(done.exit_code, done.output) for done in told] == [(0, "3 clients expired\n"), (0, "0 clients expired\n")]
    store = Store.open_to_read(url)
    statuses = [found.status for client_id in (*clients, lasting) if (found := store.client(client_id))]
    store.close()
    assert statuses == ["expired", "expired", "expired", "active"]


def test_it_leaves_a_sweep_to_the_node_that_is_at_it(url: str) -> None:
    """Which has the lease."""
    store = Store.open(url)
    now = int(datetime.now(UTC).timestamp())
    assert store.lease("sweep", "another node", now, 60)
    done = run(url, "sweep")
    assert (done.exit_code, done.output) == (0, "0 clients expired\n")
    assert not store.lease("sweep", "a third", now, 60)
    store.close()


def test_a_database_that_cannot_be_used(tmp_path: Path) -> None:
    """Exit code 1, so that cron tells."""
    failed = run(f"sqlite:///{tmp_path}/none/registrar.db", "sweep")
    assert (failed.exit_code, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)


def test_beside_a_running_server(tmp_path: Path) -> None:
    """On its database, whose server does not sweep by itself."""
    with server.serving(tmp_path, REGISTRAR_SWEEP_INTERVAL="0") as served:
        client_id = server.register(served, NATIVE).json()["client_id"]
        with sqlite3.connect(tmp_path / ".local/state/registrar/registrar.db", timeout=20) as database:
            database.execute("UPDATE client SET due_at = 1, expires_at = 1")
        database.close()
        swept = server.run(tmp_path, "sweep")
        assert (swept.returncode, swept.stdout) == (0, "1 client expired\n")
        assert '"status": "expired"' in server.run(tmp_path, "client", "show", client_id, "--format", "json").stdout
