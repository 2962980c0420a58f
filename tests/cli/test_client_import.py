"""`registrar client import`: static clients, from a file that an operator keeps."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import registrar
from registrar.app import create_clients, create_sweeper
from registrar.embedded import RegistrationRefusedError
from registrar.service import Clients
from registrar.service.provisioning import Plan, Provisioned, Provisioning
from registrar.store import Client, Store, StoreUnavailable, status
from tests.cli.databases import fresh, run
from tests.store.samples import rows
from tests.store.test_migrations import connected, frozen

HEAD = "apiVersion: registrar/v1\nkind: StaticClients\nclients:\n"
BATCH = """\
  - client_id: billing-batch
    metadata:
      client_name: Billing
      redirect_uris: ["http://127.0.0.1:33418/callback"]
      token_endpoint_auth_method: client_secret_post
"""
DESK = """\
  - metadata: {client_name: Desk, redirect_uris: ["http://127.0.0.1:33418/callback"]}
"""
BRAND = """\
  - client_id: impostor
    metadata:
      client_name: Claude
      redirect_uris: ["https://evil.example/callback"]
"""
SECRET = "s" * 43
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()
TREE = {
    "policyset.yaml": "apiVersion: registrar/v1\nkind: PolicySet\nmetadata: {name: t}\nspec: {profiles: [all]}\n",
    "profiles/all.yaml": (
        "apiVersion: registrar/v1\nkind: Profile\nmetadata: {name: all}\nspec:\n"
        "  client: {token_endpoint_auth_method: {default: none}}\n"
        "  lifetimes: {client: 1h, unused: 1m, client_secret: 1h}\n"
        "  reuseIdentical: true\n"
    ),
    "limits/few.yaml": (
        "apiVersion: registrar/v1\nkind: Limits\nmetadata: {name: few}\nspec:\n"
        "  limits: [{id: everyone, key: '\"all\"', maxTotal: 1}]\n"
    ),
}


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh(request.param, tmp_path) as url:
        yield url


@pytest.fixture(name="sqlite")
def _sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/registrar.db"


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "clients.yaml"


def bring(url: str, file: Path, *entries: str) -> list[dict[str, str]]:
    """What an import of these entries did."""
    file.write_text(HEAD + "".join(entries), encoding="utf-8")
    done = run(url, "client", "import", file, "--format", "json")
    assert done.exit_code == 0, done.output
    clients: list[dict[str, str]] = json.loads(done.stdout)["clients"]
    return clients


def refused(url: str, file: Path, *entries: str, head: str = HEAD) -> list[str]:
    """What is wrong with these entries, line by line; the last line says that nothing was done."""
    file.write_text(head + "".join(entries), encoding="utf-8")
    done = run(url, "client", "import", file)
    assert done.exit_code == 2, done.output
    lines = (done.stdout + done.stderr).splitlines()
    return [line.removeprefix(f"{file}:") for line in lines if not line.startswith("registrar: by the policy tree ")]


@contextmanager
def opened(url: str) -> Iterator[tuple[Store, Clients]]:
    """What a server on the same database sees."""
    store = Store.open(url)
    try:
        yield store, create_clients(store)
    finally:
        store.close()


def stored(url: str, client_id: str) -> Client:
    with opened(url) as (store, _):
        client = store.client(client_id)
    assert client is not None
    return client


def authenticates(url: str, client_id: str, secret: str) -> bool:
    with opened(url) as (_, clients):
        return clients.authenticate(client_id, secret)


def write_tree(folder: Path) -> Path:
    for name, text in TREE.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "tree"


def test_clients_are_brought_as_the_policy_makes_them(url: str, file: Path) -> None:
    """With the id that is given, or one that is made; a secret is told once."""
    batch, desk = bring(url, file, BATCH, DESK)
    assert batch == {
        "client_id": "billing-batch",
        "change": "created",
        "profile": "native-with-secret",
        "client_secret": batch["client_secret"],
    }
    assert authenticates(url, "billing-batch", batch["client_secret"])
    assert (desk["change"], desk["profile"], "client_secret" in desk) == ("created", "native-public", False)
    client = stored(url, desk["client_id"])
    assert (client.provisioned, client.metadata["token_endpoint_auth_method"]) == (True, "none")


def test_the_same_file_again_changes_nothing(url: str, file: Path) -> None:
    """Not even a record is written, and no secret made."""
    first = bring(url, file, BATCH, DESK)
    before = stored(url, "billing-batch")
    again = bring(url, file, DESK, BATCH)
    assert [one["change"] for one in again] == ["unchanged", "unchanged"]
    assert {one["client_id"] for one in again} == {one["client_id"] for one in first}
    assert not any("client_secret" in one for one in again)
    assert stored(url, "billing-batch") == before
    with opened(url) as (store, _):
        assert store.verify().records == 2


def test_a_changed_entry_changes_its_client_and_nothing_else(url: str, file: Path) -> None:
    """Which stays what it was otherwise: since when, its secret, and that it is disabled."""
    [first] = bring(url, file, BATCH)
    assert run(url, "client", "disable", "billing-batch").exit_code == 0
    [second] = bring(url, file, BATCH.replace("Billing", "Billing batch"))
    assert second == {"client_id": "billing-batch", "change": "updated", "profile": "native-with-secret"}
    client = stored(url, "billing-batch")
    assert (client.metadata["client_name"], client.status) == ("Billing batch", "disabled")
    assert run(url, "client", "enable", "billing-batch").exit_code == 0
    assert authenticates(url, "billing-batch", first["client_secret"])


def test_an_entry_without_an_id_is_known_by_its_metadata(url: str, file: Path) -> None:
    """So that another name is another client, and the first one stays."""
    [first] = bring(url, file, DESK)
    [second] = bring(url, file, DESK.replace("Desk", "Desk 2"))
    assert (second["change"], second["client_id"] != first["client_id"]) == ("created", True)
    assert stored(url, first["client_id"]).status == "active"


def test_a_digest_says_which_secret(url: str, file: Path) -> None:
    """The secret itself is nobody's business here, and none is told."""
    known = BATCH + f"    client_secret_sha256: {DIGEST}\n"
    [one] = bring(url, file, known)
    assert "client_secret" not in one
    assert authenticates(url, "billing-batch", SECRET)
    assert bring(url, file, known)[0]["change"] == "unchanged"
    other = known.replace(DIGEST, hashlib.sha256(b"another").hexdigest())
    assert bring(url, file, other)[0]["change"] == "updated"
    assert (authenticates(url, "billing-batch", SECRET), authenticates(url, "billing-batch", "another")) == (False, True)
    assert bring(url, file, BATCH)[0]["change"] == "unchanged"
    assert authenticates(url, "billing-batch", "another")


def test_a_secret_comes_and_goes_with_the_method(url: str, file: Path) -> None:
    [first] = bring(url, file, BATCH)
    public = BATCH.replace("client_secret_post", "none")
    assert bring(url, file, public)[0]["change"] == "updated"
    assert stored(url, "billing-batch").secret_hash is None
    assert not authenticates(url, "billing-batch", first["client_secret"])
    [third] = bring(url, file, BATCH)
    assert authenticates(url, "billing-batch", third["client_secret"])


def test_only_an_operator_ends_a_static_client(url: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lifetimes its profile has, for it and for its secret, and however long nobody uses it."""
    monkeypatch.setenv("REGISTRAR_POLICIES", str(write_tree(tmp_path)))
    [one] = bring(url, file, BATCH)
    later = datetime.now(UTC) + timedelta(days=3650)
    with opened(url) as (store, _):
        assert create_sweeper(store, clock=lambda: later).run_once() == 0
        assert create_clients(store, clock=lambda: later).authenticate("billing-batch", one["client_secret"])


def test_no_registration_shares_a_static_client(url: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even an identical one; and a static client uses up no limit."""
    tree = write_tree(tmp_path)
    monkeypatch.setenv("REGISTRAR_POLICIES", str(tree))
    brought = bring(url, file, DESK, DESK.replace("Desk", "Desk 2"), DESK.replace("Desk", "Desk 3"))
    with registrar.open({"database_url": url, "policies": tree}) as program:
        document = {"client_name": "Desk", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
        made = program.register(document)
        assert made.client_id not in {one["client_id"] for one in brought}
        with pytest.raises(RegistrationRefusedError, match="too_many_requests"):
            program.register({**document, "client_name": "one too many"})


def test_one_mistake_and_nothing_is_stored(url: str, file: Path) -> None:
    """Every mistake of every entry is told at once, with its place and the rule that says so."""
    lines = refused(url, file, BATCH, BRAND, DESK.replace("redirect_uris", "redirect_uri"))
    assert lines[0].startswith("11:20: error: clients[1].metadata.client_name: client_name is the name of a known client")
    assert lines[0].endswith("[identity/brand-on-its-own-host]")
    assert "(guardrails/identity.yaml:" in lines[0]
    assert lines[1].startswith(
        '13:35: error: clients[2].metadata.redirect_uri: is no member of client metadata (did you mean "redirect'
    )
    assert lines[-1].endswith("mistakes: nothing is stored")
    with opened(url) as (store, _):
        assert store.page() == ()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param("  - {client_id: a}\n", "4:5: error: clients[0]: metadata is required", id="no_metadata"),
        pytest.param("  []\n", "4:3: error: clients: must", id="no_entry"),
        pytest.param(
            BATCH.replace("billing-batch", "a/b"), "4:16: error: clients[0].client_id: must be at most", id="id_with_a_slash"
        ),
        pytest.param(
            BATCH.replace("billing-batch", "https://a"),
            "4:16: error: clients[0].client_id: must be at most",
            id="id_that_is_a_url",
        ),
        pytest.param(BATCH + "    secret: x\n", '9:5: error: clients[0].secret: unknown key "secret"', id="unknown_key"),
        pytest.param(
            BATCH + "    client_secret_sha256: abc\n",
            "9:27: error: clients[0].client_secret_sha256: must be a SHA-256",
            id="digest",
        ),
        pytest.param(
            DESK + f"    client_secret_sha256: {DIGEST}\n",
            "5:27: error: clients[0].client_secret_sha256: is of no use: the client authenticates with none",
            id="digest_of_a_public_client",
        ),
        pytest.param(BATCH + BATCH, "9:16: error: clients[1].client_id: is the id of entry 1 too", id="id_twice"),
        pytest.param(
            DESK + DESK, "5:5: error: clients[1]: is the same client as entry 1: give each a client_id", id="client_twice"
        ),
        pytest.param(
            DESK.replace("http://127.0.0.1:33418/callback", "javascript:alert(1)"),
            "4:50: error: clients[0].metadata.redirect_uris: redirect_uris[0] must not use a scheme",
            id="redirect_uri_that_is_none",
        ),
        pytest.param(
            DESK.replace("Desk", "[Desk]"), "4:29: error: clients[0].metadata.client_name: must be a string", id="wrong_type"
        ),
        pytest.param("  - {metadata: {}}\n  - {metadata: {}\n", "6:1: error: did not find", id="no_yaml"),
    ],
)
def test_mistakes_have_their_place(sqlite: str, file: Path, entries: str, message: str) -> None:
    lines = refused(sqlite, file, entries)
    assert any(line.startswith(message) for line in lines), lines
    assert lines[-1].endswith("nothing is stored")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (HEAD.replace("StaticClients", "Clients"), "2:7: error: kind: must be StaticClients"),
        (HEAD.replace("/v1", "/v2"), "1:13: error: apiVersion: must be registrar/v1"),
        ("- not\n- this\n", "1:1: error: must be an object"),
    ],
)
def test_a_file_of_another_kind(sqlite: str, file: Path, head: str, message: str) -> None:
    lines = refused(sqlite, file, "" if "not" in head else DESK, head=head)
    assert any(line.startswith(message) for line in lines), lines


def test_ids_of_others_and_of_the_dead_are_not_taken(url: str, file: Path) -> None:
    with registrar.open({"database_url": url}) as program:
        own = program.register({"client_name": "own", "redirect_uris": ["http://127.0.0.1:33418/callback"]})
    lines = refused(url, file, BATCH.replace("billing-batch", own.client_id))
    assert lines[0] == "4:16: error: clients[0].client_id: is the id of a client that registered itself [static-client]"
    bring(url, file, BATCH, DESK)
    assert run(url, "client", "delete", "billing-batch").exit_code == 0
    lines = refused(url, file, BATCH, DESK)
    assert lines == [
        "4:16: error: clients[0].client_id: is the id of a client that was deleted: no id is given twice [static-client]",
        "1 mistake: nothing is stored",
    ]


def test_a_dry_run_says_what_would_be_done(url: str, file: Path) -> None:
    """And writes nothing: no client, no tree that no server has."""
    file.write_text(HEAD + BATCH, encoding="utf-8")
    Store.open(url).close()
    done = run(url, "client", "import", file, "--dry-run")
    assert (done.exit_code, done.stdout) == (0, "would create  billing-batch  native-with-secret\n")
    told = json.loads(run(url, "client", "import", file, "--dry-run", "--format", "json").stdout)
    assert (told["dry_run"], [one["change"] for one in told["clients"]]) == (True, ["created"])
    assert [rows(url, f"SELECT COUNT(*) FROM {table}") for table in ("client", "activation", "revision")] == [[(0,)]] * 3
    bring(url, file, BATCH)
    assert run(url, "client", "import", file, "--dry-run").stdout == "unchanged     billing-batch  native-with-secret\n"
    file.write_text(HEAD + BATCH.replace("Billing", "Billing batch"), encoding="utf-8")
    assert run(url, "client", "import", file, "--dry-run").stdout == "would update  billing-batch  native-with-secret\n"


def test_a_dry_run_makes_and_migrates_no_database(url: str, file: Path, tmp_path: Path) -> None:
    """Exit 1: there is no way back."""
    file.write_text(HEAD + BATCH, encoding="utf-8")
    missing = run(f"sqlite:///{tmp_path}/none.db", "client", "import", file, "--dry-run")
    assert (missing.exit_code, "none.db is not there" in missing.stderr, file.with_name("none.db").exists()) == (1, True, False)
    with connected(url) as database:
        frozen(database, 1)
    for options in (["--dry-run"], []):
        old = run(url, "client", "import", file, *options)
        assert (old.exit_code, "registrar db migrate" in old.stderr) == (1, True)
    assert status(url).version == 1


def test_the_tree_of_an_import_is_kept_and_was_not_in_force(url: str, file: Path, tmp_path: Path) -> None:
    """So its decisions can be verified, and auditors see no tree that no server had."""
    tree = write_tree(tmp_path)
    file.write_text(HEAD + DESK, encoding="utf-8")
    with registrar.open({"database_url": url}) as program:
        program.register({"client_name": "own", "redirect_uris": ["http://127.0.0.1:33418/callback"]})
    done = run(url, "client", "import", file, "--policies", tree)
    assert done.exit_code == 0, done.output
    with opened(url) as (store, _):
        (served,) = [one.revision for one in store.activations()]
        (client,) = [one for one in store.page() if one.provisioned]
        assert client.policy_revision != served
        assert store.revision(client.policy_revision) is not None
    assert run(url, "policy", "replay", "--verify").exit_code == 0


def test_the_tree_that_judges_is_told(url: str, file: Path, tmp_path: Path) -> None:
    """With a warning where servers have another one in force."""
    tree = write_tree(tmp_path)
    file.write_text(HEAD + DESK, encoding="utf-8")
    with registrar.open({"database_url": url, "policies": tree}) as program:
        program.register({"client_name": "own", "redirect_uris": ["http://127.0.0.1:33418/callback"]})
    same = run(url, "client", "import", file, "--dry-run", "--policies", tree)
    assert same.stderr.startswith(f"registrar: by the policy tree {tree}, revision sha256:")
    assert "another tree" not in same.stderr
    assert "registrar: warning: another tree is in force since 20" in run(url, "client", "import", file, "--dry-run").stderr


def test_people_see_the_secret_where_they_look(sqlite: str, file: Path) -> None:
    file.write_text(HEAD + BATCH, encoding="utf-8")
    line = run(sqlite, "client", "import", file).stdout
    assert line.startswith("created    billing-batch  native-with-secret  client_secret ")
    assert authenticates(sqlite, "billing-batch", line.split()[-1])


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("a defect"), StoreUnavailable("gone")])
def test_what_was_stored_before_it_broke_off_is_told(
    sqlite: str, file: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """Its secret is nowhere else."""
    carry_out = Provisioning.carry_out

    def interrupted(provisioning: Provisioning, plan: Plan) -> Provisioned:
        if plan.entry.client_id != "billing-batch":
            raise failure
        return carry_out(provisioning, plan)

    monkeypatch.setattr(Provisioning, "carry_out", interrupted)
    file.write_text(HEAD + BATCH + DESK, encoding="utf-8")
    with opened(sqlite):  # there is a database
        done = run(sqlite, "client", "import", file)
    assert done.exit_code != 0
    assert authenticates(sqlite, "billing-batch", done.stdout.splitlines()[0].split()[-1])


def test_programs_see_mistakes_in_their_format(sqlite: str, file: Path) -> None:
    file.write_text(HEAD + BRAND, encoding="utf-8")
    done = run(sqlite, "client", "import", file, "--format", "github")
    assert done.exit_code == 2
    assert done.stdout.startswith(f"::error file={file},line=6,col=20,title=identity/brand-on-its-own-host::client_name is")
    report: dict[str, Any] = json.loads(run(sqlite, "client", "import", file, "--format", "json").stdout)
    assert (report["passed"], report["clients"]) == (False, [])
    assert [(finding["rule"], finding["line"]) for finding in report["findings"]] == [("identity/brand-on-its-own-host", 6)]


def test_files_and_trees_that_cannot_be_read(sqlite: str, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2 for the file, 3 for the tree, and no database is made."""
    missing = run(sqlite, "client", "import", file)
    assert (missing.exit_code, missing.stderr) == (2, f"registrar: {file} cannot be read: No such file or directory\n")
    file.write_bytes(b"\xff")
    assert run(sqlite, "client", "import", file).stderr == f"registrar: {file} is not UTF-8\n"
    file.write_text(HEAD + DESK, encoding="utf-8")
    monkeypatch.setenv("REGISTRAR_POLICIES", str(tmp_path / "nowhere"))
    assert run(sqlite, "client", "import", file).exit_code == 3
    assert list(tmp_path.iterdir()) == [file]
