"""Schema versions: migrating, refusing, being interrupted, racing."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
import psycopg
import pytest

from registrar.store import SchemaTooNew, Store, StoreUnavailable, migrate, status
from registrar.store.migrations import MIGRATIONS, NEWEST, Migration, applied
from registrar.store.migrations import migrate as apply
from registrar.store.migrations.dialect import Dialect
from registrar.store.models import MODELS
from registrar.store.statements import columns, execute
from tests.store.samples import add, client, rows

CASES = Path(__file__).parent.parent / "cases" / "store"


@contextmanager
def connected(store_url: str) -> Iterator[peewee.Database]:
    """A bare connection, without a store around it."""
    database: peewee.Database
    if store_url.startswith("sqlite"):
        database = peewee.SqliteDatabase(store_url.removeprefix("sqlite:///"))
    else:
        database = peewee.PostgresqlDatabase(store_url, prefer_psycopg3=True)
    database.connect()
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(name="database")
def _database(store_url: str) -> Iterator[peewee.Database]:
    with connected(store_url) as database:
        yield database


def _more(dialect: Dialect) -> Iterator[str]:
    yield f"ALTER TABLE client ADD COLUMN proof {dialect.binary}"
    yield "UPDATE client SET profile = 'renamed'"


def _broken(_: Dialect) -> Iterator[str]:
    yield "ALTER TABLE client ADD COLUMN half TEXT"
    yield "ALTER TABLE no_such_table ADD COLUMN half TEXT"


NEXT = (*MIGRATIONS, Migration(NEWEST + 1, "more", _more))


def test_an_empty_database_gets_the_newest_schema(store_url: str) -> None:
    """With what each migration was called and when, told before and after."""
    before = status(store_url) if not store_url.startswith("sqlite") else None
    names = migrate(store_url)
    after = status(store_url)
    assert (after.version, after.newest, after.pending) == (NEWEST, NEWEST, ())
    assert names == tuple(f"{step.version:04d} {step.name}" for step in MIGRATIONS)
    assert before is None or (before.version, before.pending) == (0, names)
    assert migrate(store_url) == ()


def test_versions_count_from_one() -> None:
    """Without a gap: the number of migrations is the newest version."""
    assert [step.version for step in MIGRATIONS] == list(range(1, NEWEST + 1))


def test_status_makes_no_file(sqlite_path: Path, sqlite_url: str) -> None:
    """Looking at a database that is not there is an error, not a new database."""
    with pytest.raises(StoreUnavailable, match="is not there"):
        status(sqlite_url)
    assert not sqlite_path.exists()


def test_the_models_agree_with_the_migrated_schema(store_url: str, database: peewee.Database) -> None:
    """The same tables, the same columns in the same order, the same nullability."""
    migrate(store_url)
    tables = set(database.get_tables()) - {"schema_version", "sqlite_sequence"}
    assert tables == {model._meta.table_name for model in MODELS}
    for model in MODELS:
        found = database.get_columns(model._meta.table_name)
        assert tuple(column.name for column in found) == columns(model)
        expected = [field.null for field in model._meta.sorted_fields]
        keys = {column.name for column in found if column.primary_key}
        # SQLite calls an INTEGER PRIMARY KEY nullable, though it is not.
        assert [column.null and column.name not in keys for column in found] == expected
        primary: Any = model._meta.primary_key
        assert keys == set(primary.field_names if isinstance(primary, peewee.CompositeKey) else [primary.name])


def frozen(database: peewee.Database, version: int) -> dict[str, Any]:
    """Make `database` what a release of that version left behind; what has to be found in it later."""
    case = json.loads((CASES / f"version_{version:04d}.json").read_text(encoding="utf-8"))
    apply(database, MIGRATIONS[:version])
    for table, records in case["tables"].items():
        for record in records:
            values = [bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in record.values()]
            marks = ", ".join([database.param] * len(values))
            execute(database, f"INSERT INTO {table} ({', '.join(record)}) VALUES ({marks})", values)
    expected: dict[str, Any] = case["expect"]
    return expected


def _hold_and_continue(store_url: str, expected: dict[str, Any]) -> None:
    """Open the store: everything is there, verified, and another client can be added."""
    store = Store.open(store_url)
    assert [store.client(name) is not None for name in expected["clients"]] == [True] * len(expected["clients"])
    assert [store.decision(name) is not None for name in expected["decisions"]] == [True] * len(expected["decisions"])
    assert [store.revision(name) is not None for name in expected["revisions"]] == [True] * len(expected["revisions"])
    add(store, 1)
    verification = store.verify()
    assert (verification.records, verification.breaks) == (len(expected["decisions"]) + 1, ())
    store.close()


def test_ids_have_one_order_whatever_the_locale(postgresql_url: str) -> None:
    """Some have aa behind z; Python does not."""
    migrate(postgresql_url)
    found = rows(
        postgresql_url,
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND collation_name = 'C'",
    )
    assert set(found) == {(table, column) for table in ("client", "decision") for column in ("client_id", "decision_id")}


@pytest.mark.parametrize("version", range(1, NEWEST + 1))
def test_data_of_every_version_is_there_after_migrating(store_url: str, database: peewee.Database, version: int) -> None:
    """Rows as a release of that version wrote them: read, verified, and continued."""
    _hold_and_continue(store_url, frozen(database, version))


def test_clients_of_release_0_1_get_their_due_time(store_url: str, database: peewee.Database) -> None:
    """The one that lives by its lifetimes; the tombstone by no time, and without the credentials that it had."""
    frozen(database, 1)
    store = Store.open(store_url)
    living, ended = store.client("c101"), store.client("c102")
    store.close()
    assert living is not None
    assert ended is not None
    assert (living.due_at, living.ended_at, living.provisioned, living.reuse_key) == (1_790_086_400, 0, False, None)
    assert (ended.due_at, ended.ended_at) == (0, ended.issued_at)
    assert (ended.secret_hash, ended.management_token_hash) == (None, None)


@pytest.mark.parametrize(
    ("expires_at", "unused", "due_at"), [(0, 0, 0), (500, 0, 500), (0, 60, 160), (500, 60, 160), (120, 60, 120)]
)
def test_the_due_time_is_the_sooner_lifetime(
    store_url: str, database: peewee.Database, expires_at: int, unused: int, due_at: int
) -> None:
    """0 being none."""
    frozen(database, 1)
    execute(database, f"UPDATE client SET issued_at = 100, expires_at = {expires_at}, unused = {unused}")
    migrate(store_url)
    assert rows(store_url, "SELECT due_at FROM client WHERE client_id = 'c101'") == [(due_at,)]


def test_a_migration_keeps_the_data(store_url: str, database: peewee.Database) -> None:
    """A later version changes what it says and nothing else."""
    store = Store.open(store_url)
    add(store, 1)
    store.close()
    assert apply(database, NEXT) == (NEWEST + 1,)
    assert rows(store_url, "SELECT client_id, profile, proof FROM client") == [("c1", "renamed", None)]


def test_a_schema_that_is_too_new_is_refused(store_url: str, database: peewee.Database) -> None:
    """By opening and by migrating; looking is allowed."""
    apply(database, NEXT)
    for refused in (Store.open, migrate):
        with pytest.raises(SchemaTooNew, match=f"version {NEWEST + 1}"):
            refused(store_url)
    assert status(store_url).version == NEWEST + 1


def test_a_migration_that_fails_leaves_no_trace(store_url: str, database: peewee.Database) -> None:
    """Its first half is undone, and the right one can follow."""
    migrate(store_url)
    with pytest.raises(peewee.DatabaseError, match="no_such_table"):
        apply(database, (*MIGRATIONS, Migration(NEWEST + 1, "broken", _broken)))
    assert applied(database) == NEWEST
    assert "half" not in [column.name for column in database.get_columns("client")]
    assert apply(database, NEXT) == (NEWEST + 1,)


INTERRUPTED = """
import sys, time, peewee
from registrar.store import migrations

def statements(dialect):
    yield "ALTER TABLE client ADD COLUMN half TEXT"
    print("in the middle", flush=True)
    time.sleep(60)

url = sys.argv[1]
sqlite = url.startswith("sqlite")
database = peewee.SqliteDatabase(url[10:]) if sqlite else peewee.PostgresqlDatabase(url, prefer_psycopg3=True)
database.connect()
migrations.migrate(database, (*migrations.MIGRATIONS, migrations.Migration(migrations.NEWEST + 1, "half", statements)))
"""


def test_a_migration_that_is_killed_leaves_no_trace(store_url: str, database: peewee.Database) -> None:
    """kill -9 in the middle: the data is there, the half is not, and the next start migrates."""
    store = Store.open(store_url)
    add(store, 1)
    store.close()
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED, store_url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.send_signal(signal.SIGKILL)
    assert apply(database, NEXT) == (NEWEST + 1,)
    assert "half" not in [column.name for column in database.get_columns("client")]
    assert rows(store_url, "SELECT client_id FROM client") == [("c1",)]


HALTED = """
import sys, time, peewee
from registrar.store import migrations

def halting(step):
    def statements(dialect):
        for number, statement in enumerate(step.statements(dialect)):
            if number == int(sys.argv[2]):
                print("in the middle", flush=True)
                time.sleep(60)
            yield statement
    return migrations.Migration(step.version, step.name, statements)

url = sys.argv[1]
sqlite = url.startswith("sqlite")
database = peewee.SqliteDatabase(url[10:]) if sqlite else peewee.PostgresqlDatabase(url, prefer_psycopg3=True)
database.connect()
migrations.migrate(database, [halting(step) if step.version > 1 else step for step in migrations.MIGRATIONS])
"""


@pytest.mark.parametrize("statements", [1, 8, 14, 19])
def test_the_migration_from_release_0_1_is_killed(store_url: str, database: peewee.Database, statements: int) -> None:
    """kill -9 after so many of its statements: the database is release 0.1's still, and the next start brings it up."""
    expected = frozen(database, 1)
    before = rows(store_url, "SELECT * FROM client ORDER BY client_id")
    command = [sys.executable, "-c", HALTED, store_url, str(statements)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.send_signal(signal.SIGKILL)
    assert status(store_url).version == 1
    assert rows(store_url, "SELECT * FROM client ORDER BY client_id") == before
    _hold_and_continue(store_url, expected)


def test_processes_that_start_together_migrate_once(store_url: str) -> None:
    """Eight openers of an empty database: all serve, each migration ran once."""
    barrier = threading.Barrier(8)
    failures: list[Exception] = []

    def start(number: int) -> None:
        barrier.wait()
        try:
            store = Store.open(store_url)
            add(store, number)
            store.close()
        except Exception as error:  # noqa: BLE001  # the test looks at it
            failures.append(error)

    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    versions = rows(store_url, "SELECT version FROM schema_version ORDER BY version")
    assert versions == [(version,) for version in range(NEWEST + 1)]
    store = Store.open(store_url)
    assert [store.client(f"c{number}") for number in range(8)] == [client(number) for number in range(8)]
    store.close()


def test_a_migration_waits_for_the_one_that_runs(postgresql_url: str) -> None:
    """A second process goes on when the first has let go of the lock."""
    migrate(postgresql_url)
    done: list[tuple[int, ...]] = []

    def upgrade() -> None:
        database = peewee.PostgresqlDatabase(postgresql_url, prefer_psycopg3=True)
        done.append(apply(database, NEXT))
        database.close()

    with psycopg.connect(postgresql_url) as holder:
        holder.execute("SELECT version FROM schema_version WHERE version = 0 FOR UPDATE")
        upgrader = threading.Thread(target=upgrade)
        upgrader.start()
        upgrader.join(0.3)
        assert not done
        holder.commit()
        upgrader.join(10)
    assert done == [(NEWEST + 1,)]


def test_a_version_table_that_cannot_be_made(postgresql_url: str) -> None:
    """Is an outage with its reason."""
    with pytest.raises(StoreUnavailable, match="no schema has been selected"):
        Store.open(re.sub("search_path%3D[a-z0-9_]+", "search_path%3Dno_such_schema", postgresql_url))
