"""The schema, version by version.

Each migration runs in a transaction of its own that also records it, so that one which is interrupted leaves no trace and
runs again at the next start. Whoever migrates holds a lock: processes that start together migrate once. A migration that was
released is never edited.

Peewee has a runner for migration scripts (`playhouse.migrations`). It is not used because it has no lock, knows no schema
that is too new, and finds its scripts by listing a directory.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import peewee

from registrar.store.failures import SchemaTooNew
from registrar.store.migrations import m0001_initial, m0002_lifecycle
from registrar.store.migrations.dialect import POSTGRESQL, SQLITE, Dialect
from registrar.store.statements import execute, fetch


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `statements` gives its SQL in a dialect."""

    version: int
    name: str
    statements: Callable[[Dialect], Iterable[str]]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "initial", m0001_initial.statements),
    Migration(2, "lifecycle", m0002_lifecycle.statements),
)
NEWEST = len(MIGRATIONS)


def applied(database: peewee.Database) -> int:
    """The version that `database` is at; 0 for an empty one."""
    if not database.table_exists("schema_version"):
        return 0
    ((version,),) = fetch(database, "SELECT COALESCE(MAX(version), 0) FROM schema_version")
    return int(version)


def migrate(database: peewee.Database, migrations: Sequence[Migration] = MIGRATIONS) -> tuple[int, ...]:
    """Bring `database` to the newest version; the versions that this call applied.

    Raises SchemaTooNew, and what the database raises. Writes nothing, and needs no lock, when there is nothing to do.
    """
    done: list[int] = []
    while (current := _supported(applied(database), migrations)) < len(migrations):
        _make_version_table(database)
        if _apply_after(database, current, migrations):
            done.append(current + 1)
    return tuple(done)


def _supported(version: int, migrations: Sequence[Migration]) -> int:
    if version > len(migrations):
        raise SchemaTooNew(f"the database has schema version {version}; this release knows {len(migrations)}: upgrade registrar")
    return version


def _make_version_table(database: peewee.Database) -> None:
    """One row for each version, and one for version 0, which is what migrating processes lock."""
    try:
        execute(
            database,
            "CREATE TABLE IF NOT EXISTS schema_version "
            "(version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)",
        )
    except peewee.DatabaseError:
        # PostgreSQL: two that create a table at the same moment may collide, in spite of IF NOT EXISTS.
        if not database.table_exists("schema_version"):
            raise
    _note(database, 0, "empty", " ON CONFLICT DO NOTHING")


def _apply_after(database: peewee.Database, current: int, migrations: Sequence[Migration]) -> bool:
    """Apply the migration that follows `current`, unless another process did so first."""
    _lock(database)
    try:
        first = applied(database) == current
        if first:
            _run(database, migrations[current])
        execute(database, "COMMIT")
    except BaseException:
        with suppress(peewee.PeeweeException):  # when the connection is lost, the server rolls back by itself
            execute(database, "ROLLBACK")
        raise
    return first


def _lock(database: peewee.Database) -> None:
    if isinstance(database, peewee.SqliteDatabase):
        execute(database, "BEGIN IMMEDIATE")
        return
    execute(database, "BEGIN")
    # Not an advisory lock: CockroachDB has none.
    fetch(database, "SELECT version FROM schema_version WHERE version = 0 FOR UPDATE")


def _run(database: peewee.Database, migration: Migration) -> None:
    dialect = SQLITE if isinstance(database, peewee.SqliteDatabase) else POSTGRESQL
    for statement in migration.statements(dialect):
        execute(database, statement)
    _note(database, migration.version, migration.name)


def _note(database: peewee.Database, version: int, name: str, otherwise: str = "") -> None:
    sql = "INSERT INTO schema_version VALUES (?, ?, ?)".replace("?", database.param) + otherwise
    execute(database, sql, (version, name, int(time.time())))
