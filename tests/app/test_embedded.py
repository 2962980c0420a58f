"""`registrar.open`: the registrar as a part of a Python program."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

import registrar
from registrar.app import create_clients
from registrar.embedded import Embedded, RegistrationRefusedError
from registrar.errors import LoadError
from registrar.policy import Source
from registrar.settings import Settings, SettingsError
from registrar.store import Store, StoreUnavailable
from tests.cli.databases import fresh

DOORS = Path(__file__).parent.parent / "cases/policies/doors"
LOOPBACK = "http://127.0.0.1:33418/callback"
NATIVE = {"client_name": "my cli", "redirect_uris": [LOOPBACK]}
SECRETIVE = {**NATIVE, "client_name": "my tool", "token_endpoint_auth_method": "client_secret_post"}
BRAND = {"client_name": "Claude", "redirect_uris": ["https://evil.example/callback"]}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Each kind of database."""
    with fresh(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def embedded(url: str) -> Iterator[Embedded]:
    """Under the shipped policies."""
    with registrar.open({"database_url": url}) as opened:
        yield opened


@pytest.fixture
def store(url: str, embedded: Embedded) -> Iterator[Store]:
    """Another program on the same database."""
    other = Store.open(url)
    yield other
    other.close()


def test_a_client_is_registered_and_looked_up(embedded: Embedded) -> None:
    """The answer is for the client; what is looked up has no credentials."""
    made = embedded.register(NATIVE)
    assert made.answer["client_id"] == made.client_id
    assert made.secret == ""
    client = embedded.get_client(made.client_id)
    assert client is not None
    assert (client.client_id, client.name, client.redirect_uris) == (made.client_id, "my cli", (LOOPBACK,))
    assert (client.auth_method, client.grant_types) == ("none", ("authorization_code", "refresh_token"))
    assert client.response_types == ("code",)
    assert client.scopes == tuple(str(made.answer["scope"]).split())
    assert client.policy_revision.startswith("sha256:")
    assert client.issued_at == made.answer["client_id_issued_at"]
    with pytest.raises(FrozenInstanceError):
        client.profile = "other"  # type: ignore[misc]


def test_a_secret_authenticates_its_client_and_no_other(embedded: Embedded) -> None:
    """It is in the answer, and shown by no repr."""
    made, other = embedded.register(SECRETIVE), embedded.register(SECRETIVE)
    assert made.secret
    assert made.secret == made.answer["client_secret"]
    assert made.secret not in repr(made)
    assert embedded.authenticate(made.client_id, made.secret)
    assert not embedded.authenticate(made.client_id, other.secret)
    assert not embedded.authenticate(made.client_id, "")
    public = embedded.register(NATIVE)
    assert not embedded.authenticate(public.client_id, "")


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        (LOOPBACK, True),
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1:33418/callback/", False),
        ("http://localhost:33418/callback", False),
        ("https://evil.example/callback", False),
        ("", False),
    ],
)
def test_redirect_uris_are_compared_as_the_contract_says(embedded: Embedded, uri: str, *, allowed: bool) -> None:
    """Contract 22: exactly, but for the port on loopback."""
    made = embedded.register(NATIVE)
    assert embedded.allows_redirect(made.client_id, uri) is allowed


@pytest.mark.parametrize("client_id", ["", "nobody", "x" * 10_000, "a\x00b", "../x", "\ud800"])
def test_an_id_of_nobody_is_no_client(embedded: Embedded, client_id: str) -> None:
    """Whatever it looks like."""
    assert embedded.get_client(client_id) is None
    assert not embedded.authenticate(client_id, "secret")
    assert not embedded.allows_redirect(client_id, LOOPBACK)
    embedded.seen(client_id)


def test_a_disabled_or_deleted_client_is_none(embedded: Embedded, store: Store) -> None:
    """From the moment that anybody on the database says so."""
    made = embedded.register(SECRETIVE)
    clients = create_clients(store)
    clients.disable(made.client_id, by="a test")
    assert embedded.get_client(made.client_id) is None
    assert not embedded.authenticate(made.client_id, made.secret)
    clients.enable(made.client_id, by="a test")
    assert embedded.get_client(made.client_id) is not None
    clients.delete(made.client_id, by="a test")
    assert embedded.get_client(made.client_id) is None
    assert not embedded.allows_redirect(made.client_id, LOOPBACK)


def test_a_use_is_noted(embedded: Embedded, store: Store) -> None:
    made = embedded.register(NATIVE)
    embedded.seen(made.client_id)
    client = store.client(made.client_id)
    assert client is not None
    assert client.last_seen_at >= client.issued_at


def test_a_refusal_has_the_code_and_the_decision(embedded: Embedded, store: Store) -> None:
    """What an answer to the client needs, and what an auditor looks up."""
    with pytest.raises(RegistrationRefusedError, match="known client") as caught:
        embedded.register(BRAND, source="192.0.2.7")
    assert caught.value.code == "invalid_client_metadata"
    assert caught.value.retry_after == 0
    record = store.decision(caught.value.decision_id)
    assert record is not None
    facts: Any = record.record["facts"]
    assert facts["source"]["ip"] == "192.0.2.7"


def test_a_document_that_is_none_is_refused_before_a_decision(embedded: Embedded) -> None:
    with pytest.raises(RegistrationRefusedError) as caught:
        embedded.register({"redirect_uris": "javascript:alert(1)"})
    assert (caught.value.code, caught.value.decision_id) == ("invalid_redirect_uri", "")


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth):
        document = {"unknown": document}
    return {**NATIVE, **document}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{", "is not acceptable JSON: is not JSON: line 1, column 2"),
        (b"[]", "must be a JSON object"),
        (b'{"redirect_uris": [], "redirect_uris": []}', "is not acceptable JSON: has the same key twice in one object"),
        ({"client_name": float("nan")}, "is not acceptable JSON: must not have NaN or Infinity"),
        ({"client_name": "\ud800"}, "is not acceptable JSON: has a lone surrogate"),
        ({"client_name": 10**30}, "is not acceptable JSON: has an integer of more than 64 bits"),
        ({"unknown": "x" * 70_000}, "is larger than 65536 bytes"),
        (nested(17), "is not acceptable JSON: is nested deeper than 16"),
        (nested(100_000), "is nested deeper than 16"),
    ],
    ids=["half", "list", "key_twice", "nan", "surrogate", "integer", "large", "deep", "very_deep"],
)
def test_a_document_is_read_as_strictly_as_over_http(tmp_path: Path, document: Any, reason: str) -> None:
    """Whatever the program that calls took it for."""
    with registrar.open({"state_dir": tmp_path}) as opened:
        with pytest.raises(RegistrationRefusedError) as caught:
            opened.register(document)
        assert (caught.value.code, caught.value.description) == ("invalid_client_metadata", f"the document {reason}")
        assert opened.register(json.dumps(NATIVE).encode()).client_id


def test_what_json_cannot_say_is_refused_as_a_document(embedded: Embedded) -> None:
    """A ValueError is for a source that is no address."""
    within: dict[str, object] = {**NATIVE}
    within["itself"] = within
    for document in (within, {**NATIVE, "number": 10**5_000}):
        with pytest.raises(RegistrationRefusedError) as caught:
            embedded.register(document)
        assert (caught.value.code, caught.value.description) == (
            "invalid_client_metadata",
            "the document cannot be written as JSON",
        )


def test_a_token_that_is_none_is_refused(embedded: Embedded) -> None:
    with pytest.raises(RegistrationRefusedError) as caught:
        embedded.register(NATIVE, token="guessed")
    assert caught.value.code == "invalid_token"


def test_a_source_is_an_address_or_says_more(embedded: Embedded, store: Store) -> None:
    made = embedded.register(NATIVE, source="2001:db8::1")
    client = store.client(made.client_id)
    assert client is not None
    assert client.source == "2001:db8::/64"
    assert embedded.register(NATIVE, source=Source(ip="192.0.2.7", prefix="192.0.2.7", user_agent="cli/1")).client_id
    with pytest.raises(ValueError, match="no IP address"):
        embedded.register(NATIVE, source="localhost")


def test_threads_share_it(embedded: Embedded) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: embedded.register({**NATIVE, "client_name": f"cli {number}"}), range(40)))
        assert all(pool.map(lambda one: embedded.get_client(one.client_id) is not None, made))


def test_settings_come_as_a_file_a_mapping_or_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them the same database; a file's name may come from the environment."""
    file = tmp_path / "registrar.yaml"
    file.write_text(json.dumps({"state_dir": str(tmp_path)}), encoding="utf-8")
    with registrar.open(file) as opened:
        client_id = opened.register(NATIVE).client_id
    monkeypatch.setenv("REGISTRAR_CONFIG", str(file))
    ways: list[Any] = [str(file), {"state_dir": tmp_path}, Settings.of({"state_dir": tmp_path}, {}), None]
    for settings in ways:
        with registrar.open(settings) as opened:
            assert opened.get_client(client_id) is not None


def test_a_changed_tree_is_in_force_after_a_reload(tmp_path: Path) -> None:
    """One that does not load replaces nothing."""
    tree = tmp_path / "tree"
    shutil.copytree(DOORS, tree)
    with registrar.open({"policies": tree, "state_dir": tmp_path / "state"}) as opened:
        before = opened.get_client(opened.register(NATIVE).client_id)
        head = tree / "policyset.yaml"
        head.write_text(head.read_text(encoding="utf-8") + "# another revision\n", encoding="utf-8")
        assert opened.reload()
        after = opened.get_client(opened.register(NATIVE).client_id)
        head.write_text("no tree", encoding="utf-8")
        assert not opened.reload()
        last = opened.get_client(opened.register(NATIVE).client_id)
    assert before is not None
    assert after is not None
    assert last is not None
    assert before.policy_revision != after.policy_revision == last.policy_revision


def test_who_only_looks_brings_no_policy_into_force(tmp_path: Path) -> None:
    """A server beside it may have another tree; who registers, has his own on record first."""
    tree = Path(shutil.copytree(DOORS, tmp_path / "tree"))
    url = f"sqlite:///{tmp_path}/registrar.db"
    with registrar.open({"database_url": url}) as serving:
        made = serving.register(NATIVE)
    with registrar.open({"database_url": url, "policies": tree}) as opened, closing(Store.open_to_read(url)) as store:
        (served,) = [one.revision for one in store.activations()]
        assert opened.get_client(made.client_id) is not None
        (tree / "policyset.yaml").write_text((tree / "policyset.yaml").read_text() + "# edited\n", encoding="utf-8")
        assert opened.reload()
        assert [one.revision for one in store.activations()] == [served]
        clients = [opened.get_client(opened.register({**NATIVE, "client_name": f"cli {one}"}).client_id) for one in range(2)]
        (revision,) = {client.policy_revision for client in clients if client is not None}
        assert [one.revision for one in store.activations()] == [served, revision]
        assert store.revision(revision) is not None


def test_a_first_registration_waits_for_the_database(tmp_path: Path) -> None:
    """Nothing is decided before it is on record by which policy."""
    with registrar.open({"database_url": f"sqlite:///{tmp_path}/registrar.db"}) as opened:
        with closing(sqlite3.connect(tmp_path / "registrar.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RegistrationRefusedError) as caught:
                opened.register(NATIVE)
        assert (caught.value.code, caught.value.retry_after, caught.value.decision_id) == ("temporarily_unavailable", 5, "")
        opened.register(NATIVE)


def test_what_is_wrong_is_said_before_anything_is_made(tmp_path: Path) -> None:
    """Settings, a tree, a database: each by the error that it has everywhere."""
    with pytest.raises(SettingsError, match="bindd"):
        registrar.open({"bindd": "127.0.0.1:1"})
    broken = tmp_path / "tree"
    broken.mkdir()
    with pytest.raises(LoadError):
        registrar.open({"policies": broken, "state_dir": tmp_path / "state"})
    assert not (tmp_path / "state").exists()
    with pytest.raises(StoreUnavailable):
        registrar.open({"database_url": f"sqlite:///{broken}"})


def test_after_close_it_answers_nothing(tmp_path: Path) -> None:
    with registrar.open({"state_dir": tmp_path}) as opened:
        client_id = opened.register(NATIVE).client_id
    with pytest.raises(RegistrationRefusedError) as caught:
        opened.register(NATIVE)
    assert (caught.value.code, caught.value.retry_after > 0) == ("temporarily_unavailable", True)
    with pytest.raises(RegistrationRefusedError) as caught:
        opened.register(NATIVE, token="rgt_abc")  # asked for before anything is decided
    assert (caught.value.code, caught.value.retry_after > 0) == ("temporarily_unavailable", True)
    with pytest.raises(StoreUnavailable):
        opened.get_client(client_id)


def test_it_needs_no_server_library() -> None:
    """What serves HTTP from a command line is not loaded."""
    script = "import sys, registrar.embedded; print('granian' in sys.modules, 'click' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
