"""A database that cannot serve: the caller hears why, nothing is stored, and service resumes by itself."""

import os
import re
import resource
import shutil
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import peewee
import psycopg
import pytest

from registrar.store import DatabaseURLError, DuplicateError, Store, StoreUnavailable, status
from registrar.store.journal import Entry
from registrar.store.postgresql import PostgresqlBackend
from registrar.store.sqlite import SqliteBackend
from registrar.store.statements import fetch
from registrar.store.transaction import Transaction, Unit
from tests.store.proxy import Proxy
from tests.store.samples import METADATA, add, allowed, client, rows, stored

NOBODY = 65_534


@pytest.fixture(name="sqlite_store")
def _sqlite_store(sqlite_url: str) -> Iterator[Store]:
    store = Store.open(sqlite_url, patience=0.5)
    yield store
    store.close()


@contextmanager
def unprivileged(*owned: Path) -> Iterator[None]:
    """Run without root's power to write anywhere; `owned` belongs to whom we are then."""
    if os.geteuid() != 0:
        yield
        return
    for path in owned:
        for part in (path, *path.glob("*")):
            os.chown(part, NOBODY, NOBODY)
        for parent in path.parents:
            if parent.name.startswith(("pytest-", "popen-", "test_")):  # pytest's own folders, which only their owner may enter
                parent.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process may grow past `size` bytes: what a full disk looks like, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refuses(store: Store, match: str) -> None:
    """Every write says why it fails; so does the readiness check."""
    with pytest.raises(StoreUnavailable, match=match):
        add(store, 99)
    with pytest.raises(StoreUnavailable, match=match):
        store.check()


def test_a_full_disk(sqlite_store: Store, sqlite_url: str) -> None:
    """Refuses what has no room, whole; reads go on; room makes it serve again."""
    add(sqlite_store, 1)
    with file_size_limit(4096):
        refuses(sqlite_store, "disk")
        assert sqlite_store.client("c1") == client(1)
    add(sqlite_store, 2)
    assert stored(sqlite_url) == ({"c1", "c2"}, {"c1", "c2"})
    assert sqlite_store.verify().breaks == ()


def test_a_disk_that_fills_in_the_middle_of_a_transaction(sqlite_store: Store, sqlite_url: str, sqlite_path: Path) -> None:
    """A registration larger than the room that is left leaves no part of itself."""
    add(sqlite_store, 1)
    large = client(2, metadata={**METADATA, "jwks": {"keys": ["k" * 500_000] * 20}})
    room = Path(f"{sqlite_path}-wal").stat().st_size + 1_000_000
    with file_size_limit(room), pytest.raises(StoreUnavailable, match="disk"):
        sqlite_store.add(large, allowed(2))
    assert stored(sqlite_url) == ({"c1"}, {"c1"})
    sqlite_store.add(large, allowed(2))
    assert sqlite_store.client("c2") == large


def test_a_lock_that_another_process_keeps(sqlite_store: Store, sqlite_url: str, sqlite_path: Path) -> None:
    """Refuses within its patience; reads go on; the lock's end makes it serve again."""
    add(sqlite_store, 1)
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refuses(sqlite_store, "locked by another process")
        assert sqlite_store.client("c1") == client(1)
        other.execute("ROLLBACK")
    add(sqlite_store, 2)
    assert stored(sqlite_url) == ({"c1", "c2"}, {"c1", "c2"})


def test_a_lock_on_a_file_that_is_not_yet_a_store(sqlite_url: str, sqlite_path: Path) -> None:
    """Somebody writes into the file while it is opened for the first time: that is waited for, within the patience."""
    with closing(sqlite3.connect(sqlite_path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE notes (line TEXT)")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked by another process"):
            Store.open(sqlite_url, patience=0.1)
        release = threading.Timer(0.2, other.execute, ["COMMIT"])
        release.start()
        store = Store.open(sqlite_url, patience=10)
        release.join()
    add(store, 1)
    store.close()


def test_a_read_only_file(sqlite_url: str, sqlite_path: Path) -> None:
    """Opens, for whoever wants to read; refuses to write; serves again once it may."""
    store = Store.open(sqlite_url)
    add(store, 1)
    store.close()
    with unprivileged(sqlite_path.parent):
        sqlite_path.chmod(0o400)
        store = Store.open(sqlite_url)
        refuses(store, "registrar.db is read-only")
        assert store.client("c1") == client(1)
        sqlite_path.chmod(0o600)
        refuses(store, "registrar.db-(wal|shm) is read-only")
        for path in sqlite_path.parent.iterdir():
            path.chmod(0o600)
        add(store, 2)
        assert store.client("c2") == client(2)
        store.close()


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """No new database in it, and the reason."""
    folder = tmp_path / "state"
    folder.mkdir()
    with unprivileged(folder):
        folder.chmod(0o500)
        with pytest.raises(StoreUnavailable, match="cannot be created: permission denied"):
            Store.open(f"sqlite:///{folder / 'registrar.db'}")
        folder.chmod(0o700)


def test_a_folder_that_may_not_be_entered(sqlite_url: str, sqlite_path: Path) -> None:
    """The file may be there or not: it cannot be opened, neither at the start nor later; access heals it."""
    folder = sqlite_path.parent
    store = Store.open(sqlite_url)
    add(store, 1)
    with unprivileged(folder):
        folder.chmod(0o000)
        try:
            with pytest.raises(StoreUnavailable, match="cannot be opened"):
                Store.open(sqlite_url)
            refuses(store, "cannot be opened")
            with pytest.raises(StoreUnavailable, match="cannot be opened"):
                store.client("c1")
        finally:
            folder.chmod(0o700)
        add(store, 2)
        assert store.client("c1") == client(1)
        store.close()


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """Is not made: the operator's typing error should show."""
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        Store.open(f"sqlite:///{tmp_path / 'missing' / 'registrar.db'}")


def test_a_deleted_folder(tmp_path: Path) -> None:
    """Nothing is acknowledged into a file that no name leads to; putting the folder back makes it serve again."""
    folder, backup = tmp_path / "state", tmp_path / "backup"
    folder.mkdir()
    url = f"sqlite:///{folder / 'registrar.db'}"
    store = Store.open(url)
    add(store, 1)
    assert store.client("c1") == client(1)
    shutil.copytree(folder, backup)
    shutil.rmtree(folder)
    refuses(store, "is not there")
    with pytest.raises(StoreUnavailable, match="is not there"):
        store.client("c1")
    folder.mkdir()
    refuses(store, "is not there")
    assert list(folder.iterdir()) == []
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    add(store, 2)
    assert (store.client("c1"), store.client("c2")) == (client(1), client(2))
    assert stored(url) == ({"c1", "c2"}, {"c1", "c2"})
    store.close()


def test_a_file_that_is_replaced(sqlite_store: Store, sqlite_path: Path, tmp_path: Path) -> None:
    """A restored backup is picked up; an empty file is not mistaken for one."""
    add(sqlite_store, 1)
    sqlite_store.client("c1")
    other = Store.open(f"sqlite:///{tmp_path / 'other.db'}")
    add(other, 7)
    other.close()
    (tmp_path / "empty").touch()
    shutil.move(tmp_path / "empty", sqlite_path)
    refuses(sqlite_store, "schema version 0, not")
    for leftover in ("-wal", "-shm"):
        Path(f"{sqlite_path}{leftover}").unlink(missing_ok=True)
    shutil.move(tmp_path / "other.db", sqlite_path)
    add(sqlite_store, 8)
    assert [sqlite_store.client(f"c{number}") for number in (1, 7, 8)] == [None, client(7), client(8)]


def test_a_corrupt_file(sqlite_url: str, sqlite_path: Path) -> None:
    """Neither read nor written, and the reason; the repaired file is served."""
    Store.open(sqlite_url).close()
    sound = sqlite_path.stat().st_size  # an empty database: the pages by which it opens
    store = Store.open(sqlite_url)
    for number in range(60):
        add(store, number)
    store.close()
    good = sqlite_path.read_bytes()
    sqlite_path.write_bytes(good[:sound] + b"\xa5" * (len(good) - sound))
    store = Store.open(sqlite_url)
    refuses(store, "corrupt")
    with pytest.raises(StoreUnavailable, match="corrupt"):
        store.verify()
    sqlite_path.write_bytes(good)
    add(store, 1000)
    assert store.client("c1") == client(1)
    store.close()


def test_a_file_that_is_no_database(sqlite_url: str, sqlite_path: Path) -> None:
    """Is not overwritten."""
    sqlite_path.write_text("client_id,secret\n" * 500)
    before = sqlite_path.read_bytes()
    with pytest.raises(StoreUnavailable, match="is no SQLite database"):
        Store.open(sqlite_url)
    assert sqlite_path.read_bytes() == before


def test_a_file_that_is_corrupt_from_its_first_page_on(sqlite_store: Store, sqlite_path: Path) -> None:
    """Found while it is opened anew, and healed by a good copy."""
    sqlite_store.close()
    store = Store.open(f"sqlite:///{sqlite_path}")
    good = sqlite_path.read_bytes()
    sqlite_path.write_bytes(good[:4096] + b"\xa5" * (len(good) - 4096))
    refuses(store, "corrupt")
    with pytest.raises(StoreUnavailable, match="corrupt"):
        store.client("c1")
    with pytest.raises(StoreUnavailable, match="corrupt"):
        Store.open(f"sqlite:///{sqlite_path}")
    sqlite_path.write_bytes(good)
    add(store, 1)
    store.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_goes_while_it_is_written(sqlite_url: str, sqlite_path: Path, tmp_path: Path, replaced: bool) -> None:
    """The commit succeeds, into a file without a name: that is no acknowledgement."""
    Store.open(f"sqlite:///{tmp_path / 'other.db'}").close()
    Store.open(sqlite_url).close()
    backend = SqliteBackend(sqlite_path, patience=1)

    def lose(transaction: Transaction) -> None:
        transaction.execute("UPDATE probe SET writes = 7")
        sqlite_path.unlink()
        if replaced:
            (tmp_path / "other.db").rename(sqlite_path)

    with pytest.raises(StoreUnavailable, match="was replaced" if replaced else "is not there"):
        backend.write(Unit(lose))
    backend.close()


def test_closing_while_somebody_reads(sqlite_url: str, sqlite_path: Path) -> None:
    """The read ends well, and its connection is closed after it: SQLite removes its log with the last one."""
    store = Store.open(sqlite_url)
    add(store, 1)
    store.close()
    backend = SqliteBackend(sqlite_path, patience=1)

    def read(database: peewee.Database) -> list[tuple[object, ...]]:
        backend.close()
        return fetch(database, "SELECT client_id FROM client")

    assert backend.read(read) == [("c1",)]
    assert [path.name for path in sqlite_path.parent.iterdir()] == [sqlite_path.name]
    with pytest.raises(StoreUnavailable, match="closed"):
        backend.read(read)


def test_a_reference_to_nothing_is_the_callers_mistake(store: Store, store_url: str) -> None:
    """Foreign keys hold on both databases; what breaks one is no outage and no duplicate."""
    backend = (
        PostgresqlBackend(store_url, patience=5)
        if "postgresql" in store_url
        else SqliteBackend(Path(store_url.removeprefix("sqlite:///")), patience=5)
    )
    sql = backend.statements.insert_revision_file
    with pytest.raises(peewee.IntegrityError):
        backend.write(Unit(lambda transaction: transaction.execute(sql, ("sha256:none", "a", b""))))
    backend.close()
    assert rows(store_url, "SELECT COUNT(*) FROM revision_file") == [(0,)]


def _terminate_connections(url: str) -> None:
    """Cut every other connection of this test, as a restarting server would."""
    name = re.search("search_path%3D(registrar_[0-9a-f]+)", url)
    assert name
    with psycopg.connect(url, application_name="terminator") as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name[1],))


@pytest.fixture(name="named_url")
def _named_url(postgresql_url: str) -> str:
    """A URL whose connections can be told from those of other tests."""
    name = re.search("search_path%3D(registrar_[0-9a-f]+)", postgresql_url)
    assert name
    return f"{postgresql_url}&application_name={name[1]}"


def test_connections_that_were_cut_while_idle(named_url: str) -> None:
    """Nobody notices: the first write and the first read each get another connection."""
    store = Store.open(named_url)
    threads = [threading.Thread(target=add, args=(store, number)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _terminate_connections(named_url)
    add(store, 100)
    _terminate_connections(named_url)
    assert store.client("c100") == client(100)
    assert stored(named_url)[0] == {f"c{number}" for number in (*range(20), 100)}
    store.close()


@pytest.fixture(name="proxy")
def _proxy(postgresql_url: str) -> Iterator[Proxy]:
    proxy = Proxy(postgresql_url)
    yield proxy
    proxy.close()


def test_a_server_that_is_down(proxy: Proxy) -> None:
    """Refuses within its patience, and serves again once the server does, without a restart."""
    store = Store.open(proxy.url, patience=1)
    add(store, 1)
    proxy.cut()
    refuses(store, "PostgreSQL")
    with pytest.raises(StoreUnavailable, match="PostgreSQL"):
        store.client("c1")
    proxy.mend()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            store.check()
            break
        except StoreUnavailable:
            continue
    add(store, 2)
    assert stored(proxy.url) == ({"c1", "c2"}, {"c1", "c2"})
    store.close()


@pytest.mark.slow
def test_a_long_outage_ends_when_the_server_is_back(proxy: Proxy) -> None:
    """However long it was, service resumes within seconds."""
    store = Store.open(proxy.url, patience=1)
    proxy.cut()
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        with pytest.raises(StoreUnavailable):
            add(store, 1)
    proxy.mend()
    back = time.monotonic()
    while time.monotonic() < back + 3:
        try:
            add(store, 1)
            break
        except StoreUnavailable:
            continue
    assert store.client("c1") == client(1)
    store.close()


def test_a_commit_that_the_server_refuses(postgresql_url: str) -> None:
    """What it finds wrong only at the end undoes all of it, and the journal goes on where it was."""
    store = Store.open(postgresql_url)
    backend = PostgresqlBackend(postgresql_url, patience=5)

    def late(transaction: Transaction) -> None:
        transaction.append(Entry.of(allowed(1)))
        transaction.execute("CREATE TABLE late (n INT UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        transaction.execute("INSERT INTO late VALUES (1), (1)")

    with pytest.raises(DuplicateError):
        backend.write(Unit(late))
    assert store.decision("d1") is None
    backend.write(Unit(lambda transaction: transaction.append(Entry.of(allowed(1)))))
    verification = store.verify()
    assert (verification.records, verification.breaks) == (1, ())
    backend.close()
    store.close()


def test_retries_are_bounded(postgresql_url: str) -> None:
    """What fails to serialize every time is an outage in the end."""
    Store.open(postgresql_url).close()
    backend = PostgresqlBackend(postgresql_url, patience=5)
    attempts = 0

    def collide(transaction: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        transaction.execute("DO $$ BEGIN RAISE EXCEPTION 'collision' USING ERRCODE = '40001'; END $$")

    with pytest.raises(StoreUnavailable, match="failed 8 times, at last: collision"):
        backend.write(Unit(collide))
    assert attempts == 8
    backend.close()


def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names the extra that brings it."""
    monkeypatch.delitem(sys.modules, "registrar.store.postgresql", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseURLError, match=r"oauth-registrar\[postgres\]"):
        Store.open("postgresql://localhost/registrar")


def test_a_server_that_is_not_there_at_start(postgresql_url: str) -> None:
    """Is told with its reason and without the password."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(StoreUnavailable, match="refused") as caught:
        Store.open(f"postgresql://user:sesame@127.0.0.1:{port}/test", patience=1)
    assert "sesame" not in str(caught.value)
    del postgresql_url


def test_a_schema_that_was_dropped(postgresql_url: str) -> None:
    """Tables that are gone are an outage, not a caller's mistake."""
    store = Store.open(postgresql_url)
    rows(postgresql_url, "DROP TABLE client")
    with pytest.raises(StoreUnavailable, match='"client" does not exist'):
        add(store, 1)
    with pytest.raises(StoreUnavailable, match='"client" does not exist'):
        store.client("c1")
    store.close()


def test_a_url_that_says_not_to_wait_for_the_disk(postgresql_url: str) -> None:
    """`synchronous_commit=off` does not make an acknowledgement a guess."""
    url = postgresql_url.replace("-csearch_path", "-csynchronous_commit%3Doff%20-csearch_path")
    backend = PostgresqlBackend(url, patience=5)
    assert backend.read(lambda database: fetch(database, "SHOW synchronous_commit")) == [("on",)]
    backend.close()


def test_status_of_a_database_that_is_away(tmp_path: Path) -> None:
    """Named like any other outage."""
    with pytest.raises(StoreUnavailable, match="is not there"):
        status(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(DatabaseURLError):
        status("mysql://host/name")
