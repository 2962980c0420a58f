"""Reading decisions and clients one after the other, beside whoever writes."""

from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import peewee
import pytest

from registrar.store import (
    RESULTS,
    DatabaseURLError,
    Result,
    SchemaTooNew,
    SchemaTooOld,
    Status,
    Store,
    StoreUnavailable,
    reading,
    shown,
)
from registrar.store.migrations import MIGRATIONS, NEWEST, Migration
from registrar.store.migrations import migrate as apply
from registrar.store.statements import execute
from tests.store.samples import add, allowed, client, denied, pair, rows


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows at once that every test here reads several times."""
    monkeypatch.setattr(reading, "_PAIRS", 2)


def test_decisions_come_newest_first_with_the_client_that_they_admitted(store: Store) -> None:
    for number in (1, 3, 5):
        add(store, number)
    for number in (4, 2):
        store.record(denied(number))
    assert list(store.decisions()) == [
        (allowed(5), client(5)),
        (denied(4), None),
        (allowed(3), client(3)),
        (denied(2), None),
        (allowed(1), client(1)),
    ]


def test_decisions_of_one_moment_come_once_each(store: Store) -> None:
    """Though the border between two reads is in the middle of them."""
    for number in range(9):
        store.record(replace(denied(number), at=7))
    assert [decision.decision_id for decision, _ in store.decisions()] == [f"d{number}" for number in reversed(range(9))]


def test_decisions_since_a_moment_and_of_a_result(store: Store) -> None:
    """The moment itself is in."""
    for number in range(1, 6):
        add(store, number)
    store.record(denied(6))
    store.record(replace(denied(7), result="error"))
    since = allowed(4).at
    assert [decision.decision_id for decision, _ in store.decisions(since=since)] == ["d7", "d6", "d5", "d4"]
    assert [decision.decision_id for decision, _ in store.decisions(results=["allow"])] == ["d5", "d4", "d3", "d2", "d1"]
    assert [decision.decision_id for decision, _ in store.decisions(results=["deny", "error"])] == ["d7", "d6"]
    assert [decision.decision_id for decision, _ in store.decisions(since=since, results=["error"])] == ["d7"]


def test_a_client_that_another_decision_changed_is_not_this_decisions(store: Store, store_url: str) -> None:
    """Its document is what the later one made."""
    add(store, 1)
    store.record(replace(allowed(2), client_id="c1"))
    rows(store_url, "UPDATE client SET decision_id = 'd2'")
    found = [(decision.decision_id, owner and owner.client_id) for decision, owner in store.decisions()]
    assert found == [("d2", "c1"), ("d1", None)]


def test_rare_results_come_among_the_common_ones(store: Store) -> None:
    """In one order, whichever index each was found by."""
    results: tuple[Result, ...] = ("allow", "error", "event", "deny", "error", "allow", "event", "event", "deny")
    for number, result in enumerate(results, start=1):
        store.record(replace(denied(number), result=result))
    found = [(decision.decision_id, decision.result) for decision, _ in store.decisions(results=RESULTS)]
    assert found == [(f"d{number}", results[number - 1]) for number in range(9, 0, -1)]
    assert [decision.decision_id for decision, _ in store.decisions(results=["deny", "event"], after="d8")] == ["d7", "d4", "d3"]


def test_what_is_decided_while_somebody_reads_does_not_come(store: Store) -> None:
    """Reading newest first has an end, however fast clients register."""
    for number in range(1, 5):
        add(store, number)
    reading = store.decisions()
    first = [decision.decision_id for decision, _ in islice(reading, 1)]
    add(store, 9)
    assert [*first, *(decision.decision_id for decision, _ in reading)] == ["d4", "d3", "d2", "d1"]


def test_clients_come_by_id_with_their_decision(store: Store, store_url: str) -> None:
    for number in (5, 1, 4):
        add(store, number)
    rows(store_url, "DELETE FROM decision WHERE decision_id = 'd4'")
    assert list(store.clients()) == [(client(1), allowed(1)), (client(4), None), (client(5), allowed(5))]


def test_clients_since_a_moment_and_of_a_status(store: Store) -> None:
    statuses: tuple[Status, ...] = ("active", "disabled", "expired", "active", "deleted")
    for number, status in enumerate(statuses):
        owner, decision = pair(number, number)
        store.add(replace(owner, status=status, issued_at=100 + number), decision)
    assert [owner.client_id for owner, _ in store.clients(statuses=["active"])] == ["c0", "c3"]
    assert [owner.client_id for owner, _ in store.clients(since=102)] == ["c2", "c3", "c4"]
    assert [owner.client_id for owner, _ in store.clients(since=101, statuses=["active", "deleted"])] == ["c3", "c4"]


@pytest.mark.parametrize("column", ["decision SET record", "client SET metadata"])
def test_a_document_that_is_no_json_is_corruption(store: Store, store_url: str, column: str) -> None:
    """Which this program never writes; the text has nothing of the document."""
    add(store, 1)
    rows(store_url, f"UPDATE {column} = '{{secret'")
    for read in (store.decisions, store.clients):
        with pytest.raises(StoreUnavailable, match="is corrupt") as caught:
            list(read())
        assert "secret" not in str(caught.value)


def test_an_empty_database_has_nothing_to_read(store: Store) -> None:
    assert (list(store.decisions()), list(store.clients())) == ([], [])


def test_a_reader_sees_what_a_server_writes_and_writes_nothing(store: Store, store_url: str) -> None:
    add(store, 1)
    with closing(Store.open_to_read(store_url)) as reader:
        assert reader.client("c1") == client(1)
        add(store, 2)
        assert [decision.decision_id for decision, _ in reader.decisions()] == ["d2", "d1"]
        with pytest.raises(StoreUnavailable, match=r"(?i)read-only"):
            add(reader, 3)
        with pytest.raises(StoreUnavailable, match=r"(?i)read-only"):
            reader.check()
    add(store, 3)
    assert store.verify().records == 3


def test_a_reader_makes_no_database(sqlite_path: Path, sqlite_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="is not there"):
        Store.open_to_read(sqlite_url)
    assert not sqlite_path.exists()


def test_a_reader_does_not_migrate(store_url: str) -> None:
    """Not even a database that is there and empty."""
    if store_url.startswith("sqlite"):
        Path(store_url.removeprefix("sqlite:///")).touch()
    with pytest.raises(StoreUnavailable, match="empty"):
        Store.open_to_read(store_url)


def test_a_schema_that_is_too_old_or_too_new_is_not_read(store_url: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either way the columns may mean something else."""
    monkeypatch.setattr("registrar.store.migrations.NEWEST", NEWEST + 1)
    with pytest.raises(SchemaTooOld, match=f"version {NEWEST}.*has {NEWEST + 1}: migrate it"):
        Store.open_to_read(store_url)
    monkeypatch.undo()
    database: peewee.Database
    if store_url.startswith("sqlite"):
        database = peewee.SqliteDatabase(store_url.removeprefix("sqlite:///"))
    else:
        database = peewee.PostgresqlDatabase(store_url, prefer_psycopg3=True)
    database.connect()
    apply(database, (*MIGRATIONS, Migration(NEWEST + 1, "more", lambda _: ())))
    database.close()
    with pytest.raises(SchemaTooNew, match=f"version {NEWEST + 1}"):
        Store.open_to_read(store_url)


def test_a_reader_takes_a_backup_without_a_log(sqlite_path: Path, sqlite_url: str, tmp_path: Path) -> None:
    """As `VACUUM INTO` makes one, in a folder where nothing can be written."""
    with closing(Store.open(sqlite_url)) as store:
        add(store, 1)
        folder = tmp_path / "kept"
        folder.mkdir()
        database = peewee.SqliteDatabase(str(sqlite_path))
        execute(database, f"VACUUM INTO '{folder / 'backup.db'}'")
        database.close()
    (folder / "backup.db").chmod(0o400)
    folder.chmod(0o500)
    with closing(Store.open_to_read(f"sqlite:///{folder / 'backup.db'}")) as reader:
        assert [owner.client_id for owner, _ in reader.clients()] == ["c1"]
    assert [path.name for path in folder.iterdir()] == ["backup.db"]


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite:///:memory:"])
def test_a_url_that_no_reader_can_use(url: str) -> None:
    with pytest.raises(DatabaseURLError):
        Store.open_to_read(url)


def test_a_url_is_shown_without_what_is_secret_in_it() -> None:
    assert shown("sqlite:////var/lib/registrar.db") == "sqlite:////var/lib/registrar.db"
    assert shown("postgresql://me:secret@db.example:5432/clients?password=secret") == "postgresql://db.example:5432/clients"
