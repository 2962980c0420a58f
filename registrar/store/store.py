"""The store: one method per verb, one transaction per method, whatever database is behind it."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import peewee

from registrar.store import migrations
from registrar.store.failures import (
    DatabaseURLError,
    DuplicateError,
    OutcomeUnknown,
    SchemaTooNew,
    SchemaTooOld,
    StoreUnavailable,
)
from registrar.store.journal import ChainBreak, Entry, Head, Link, canonical, walk
from registrar.store.records import OUTCOMES, RESULTS, STATUSES, Activation, Client, DecisionRecord, Result, Status
from registrar.store.sqlite import SqliteBackend
from registrar.store.statements import CLIENT_COLUMNS, DECISION_COLUMNS, Statements, fetch
from registrar.store.transaction import Transaction, Unit

PATIENCE = 5.0
"""Seconds that a verb waits for the database before it answers StoreUnavailable."""

_CHUNK = 500  # links read at once while a journal is verified: no long read transaction, bounded memory
_PAIRS = 100  # decisions read at once with their clients, of which each may hold two large documents
_NEWEST: Final = (2**63 - 1, "")
_METADATA = CLIENT_COLUMNS.index("metadata")
_client_values = attrgetter(*CLIENT_COLUMNS)

T = TypeVar("T")
U = TypeVar("U")


class Backend(Protocol):
    """What the verbs need of a database."""

    statements: Statements

    def schema(self, *, create: bool) -> AbstractContextManager[peewee.Database]:
        """A connection for the migrations; `create`: to a database that is made when there is none."""

    def write(self, unit: Unit) -> None:
        """Store a unit of work durably, or raise."""

    def read(self, query: Callable[[peewee.Database], T]) -> T:
        """Answer a query."""

    def close(self) -> None:
        """Finish, and release every connection."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a walk over the journals found: records that chain, the heads reached, the first break of each broken journal."""

    records: int
    heads: tuple[Head, ...]
    breaks: tuple[ChainBreak, ...]


class Store:
    """Clients, decisions and policy revisions in one database. Safe to share between threads; not across a fork.

    Every verb raises StoreUnavailable when the database cannot serve within the store's patience.
    """

    def __init__(self, backend: Backend) -> None:
        """Use `Store.open`; this takes a backend whose schema is current."""
        self._backend = backend
        self._sql = backend.statements

    @classmethod
    def open(cls, url: str, *, patience: float = PATIENCE) -> "Store":
        """Open, and migrate when it is empty or older, the database at `url`.

        `sqlite:////absolute/path.db`, `sqlite:///relative.db` or `postgresql://…`. Raises DatabaseURLError, SchemaTooNew,
        StoreUnavailable.
        """
        backend = _backend(url, patience)
        try:
            with backend.schema(create=True) as database:
                migrations.migrate(database)
        except BaseException:
            backend.close()
            raise
        return cls(backend)

    @classmethod
    def open_to_read(cls, url: str, *, patience: float = PATIENCE) -> "Store":
        """Open the database at `url`, which a server may be writing to, for the verbs that read.

        Makes, migrates and writes nothing; verbs that write raise StoreUnavailable. Raises DatabaseURLError, StoreUnavailable
        (no such database, too), and SchemaTooNew or SchemaTooOld for one that another release migrated.
        """
        backend = _backend(url, patience, read_only=True)
        try:
            with backend.schema(create=False) as database:
                _require_newest(migrations.applied(database))
        except BaseException:
            backend.close()
            raise
        return cls(backend)

    def add(self, client: Client, decision: DecisionRecord) -> None:
        """Store a client and the decision that admitted it, both or neither, durably.

        Raises DuplicateError when either id exists; ValueError when the two do not name each other; ValueError or TypeError
        for a value that no column holds.
        """
        if (client.client_id, client.decision_id) != (decision.client_id, decision.decision_id):
            raise ValueError("the decision is about another client")
        entry = Entry.of(decision)
        values = _row(client)

        def unit(transaction: Transaction) -> None:
            transaction.append(entry)
            transaction.execute(self._sql.insert_client, values)

        self._append(unit, entry)

    def record(self, decision: DecisionRecord) -> None:
        """Store a decision that made no client, durably. Raises as `add`."""
        entry = Entry.of(decision)
        self._append(lambda transaction: transaction.append(entry), entry)

    def client(self, client_id: str) -> Client | None:
        """The client, in whatever status; None when there never was one."""
        row = self._one(self._sql.select_client, (client_id,))
        return _client(row) if row else None

    def decision(self, decision_id: str) -> DecisionRecord | None:
        """The decision as it was recorded."""
        row = self._one(self._sql.select_decision, (decision_id,))
        return _decision(row) if row else None

    def decisions(
        self, *, since: int = 0, results: Collection[Result] = OUTCOMES
    ) -> Iterator[tuple[DecisionRecord, Client | None]]:
        """The decisions of these `results` from `since` (epoch seconds) on, newest first, each with the client that it admitted.

        That is None for a refusal, and when the client names another decision by now. Chunk by chunk: memory is bounded, no
        transaction lasts, and what is decided meanwhile does not come.
        """
        kinds = _padded(results, RESULTS)
        before = _NEWEST
        while rows := self._all(self._sql.select_decisions, (*before, since, *kinds, _PAIRS)):
            pairs = [_pair(_decision, _client, row, len(DECISION_COLUMNS)) for row in rows]
            yield from pairs
            last, _ = pairs[-1]
            before = (last.at, last.decision_id)

    def clients(
        self, *, since: int = 0, statuses: Collection[Status] = STATUSES
    ) -> Iterator[tuple[Client, DecisionRecord | None]]:
        """The clients of these `statuses` issued at `since` (epoch seconds) or later, each with the decision that admitted it.

        That is None when it is not kept. In the order of their ids, so oldest first where ids are time-ordered; chunk by chunk,
        as `decisions`.
        """
        kinds = _padded(statuses, STATUSES)
        after = ""
        while rows := self._all(self._sql.select_clients, (after, since, *kinds, _PAIRS)):
            pairs = [_pair(_client, _decision, row, len(CLIENT_COLUMNS)) for row in rows]
            yield from pairs
            after = pairs[-1][0].client_id

    def activate(self, revision: str, files: Mapping[str, bytes], *, at: int, commit: str = "", dirty: bool = False) -> None:
        """Note that `revision` came into force at `at` (epoch seconds), and keep its files if they are not kept yet.

        Nothing is noted when the newest activation is of this revision, commit and state already: workers and restarts
        repeat it.
        """
        sql = self._sql

        def unit(transaction: Transaction) -> None:
            transaction.execute(sql.insert_revision, (revision,))
            for path, content in sorted(files.items()):
                transaction.execute(sql.insert_revision_file, (revision, path, content))
            newest = [_activation(row) for row in transaction.fetch(sql.select_last_activation, (1,))]
            if [(known.revision, known.commit, known.dirty) for known in newest] != [(revision, commit, dirty)]:
                transaction.execute(sql.insert_activation, (revision, at, commit, dirty))

        self._backend.write(unit)

    def revision(self, revision: str) -> dict[str, bytes] | None:
        """The files of a revision that was once in force, by path; None for any other."""
        if self._one(self._sql.select_revision, (revision,)) is None:
            return None
        return {path: bytes(content) for path, content in self._all(self._sql.select_revision_files, (revision,))}

    def activations(self) -> tuple[Activation, ...]:
        """Which revision came into force when, oldest first."""
        return tuple(map(_activation, self._all(self._sql.select_activations)))

    def verify(self, journal: str | None = None) -> Verification:
        """Recompute the hash chain of `journal`, or of every journal."""
        names = [journal] if journal is not None else [row[0] for row in self._all(self._sql.select_journals)]
        found = [walk(Head(name), self._links(name)) for name in names]
        heads = tuple(head for head, _ in found)
        return Verification(sum(head.seq for head in heads), heads, tuple(flaw for _, flaw in found if flaw))

    def check(self) -> None:
        """Write, durably and as a registration would, what is of no meaning. Raises StoreUnavailable."""
        self._backend.write(lambda transaction: transaction.execute(self._sql.probe, (1,)))

    def close(self) -> None:
        """Finish the writes that wait, refuse new ones, and release the database."""
        self._backend.close()

    def _append(self, unit: Unit, entry: Entry) -> None:
        try:
            self._backend.write(unit)
        except OutcomeUnknown as unknown:
            self._settle(unit, entry, unknown)

    def _settle(self, unit: Unit, entry: Entry, unknown: OutcomeUnknown) -> None:
        """Find out how a lost commit ended: writing again stores it, or collides with the first attempt."""
        try:
            try:
                self._backend.write(unit)
            except DuplicateError:
                if self.decision(entry.decision_id) is None:
                    raise
        except StoreUnavailable:
            raise unknown from None

    def _links(self, journal: str) -> Iterator[Link]:
        after = -(2**63)  # also before 1: a record smuggled in there must show
        while rows := self._all(self._sql.select_links, (journal, after, _CHUNK)):
            links = [Link(*row) for row in rows]
            yield from links
            after = links[-1].seq

    def _one(self, sql: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        rows = self._all(sql, values)
        return rows[0] if rows else None

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        return self._backend.read(lambda database: fetch(database, sql, values))


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The schema version that a database has, the newest that this release knows, and what `migrate` would apply."""

    version: int
    newest: int
    pending: tuple[str, ...]


def status(url: str, *, patience: float = PATIENCE) -> SchemaStatus:
    """Look at the schema of the database at `url` without changing it. Raises DatabaseURLError, StoreUnavailable."""
    with closing(_backend(url, patience)) as backend, backend.schema(create=False) as database:
        version = migrations.applied(database)
    return SchemaStatus(version, migrations.NEWEST, _names(version, migrations.NEWEST))


def migrate(url: str, *, patience: float = PATIENCE) -> tuple[str, ...]:
    """Bring the database at `url` to the newest schema; the migrations that this call applied. Raises as `Store.open`."""
    with closing(_backend(url, patience)) as backend, backend.schema(create=True) as database:
        return tuple(_names(version - 1, version)[0] for version in migrations.migrate(database))


def _require_newest(version: int) -> None:
    if version > migrations.NEWEST:
        raise SchemaTooNew(f"the database has schema version {version}; this release knows {migrations.NEWEST}: upgrade it")
    if version == 0:
        raise StoreUnavailable("the database is empty: no registrar has used it")
    if version < migrations.NEWEST:
        raise SchemaTooOld(f"the database has schema version {version}, this release reads {migrations.NEWEST}: migrate it")


def _names(after: int, until: int) -> tuple[str, ...]:
    return tuple(f"{step.version:04d} {step.name}" for step in migrations.MIGRATIONS[after:until])


def shown(url: str) -> str:
    """A database URL as people and logs may see it: without user, password and options."""
    parts = urlsplit(url)
    return url if parts.scheme == "sqlite" else f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _backend(url: str, patience: float, *, read_only: bool = False) -> Backend:
    if url.startswith("sqlite:///"):
        path = unquote(url.removeprefix("sqlite:///"))
        if not path or path == ":memory:":
            raise DatabaseURLError("a sqlite:/// URL must name a file")
        return SqliteBackend(Path(path), patience=patience, read_only=read_only)
    if url.startswith(("postgresql://", "postgres://")):
        return _postgresql(url, patience, read_only=read_only)
    raise DatabaseURLError("a database URL starts with sqlite:/// or postgresql://")


def _postgresql(url: str, patience: float, *, read_only: bool) -> Backend:
    try:
        from registrar.store.postgresql import PostgresqlBackend  # noqa: PLC0415  # its driver is an optional dependency
    except ImportError as error:
        raise DatabaseURLError(f"PostgreSQL needs the extra oauth-registrar[postgres]: {error}") from error
    return PostgresqlBackend(url, patience=patience, read_only=read_only)


def _row(client: Client) -> list[object]:
    values = list(_client_values(client))
    values[_METADATA] = canonical(client.metadata)
    for name, value in zip(CLIENT_COLUMNS, values, strict=True):
        if isinstance(value, str) and "\0" in value:  # SQLite would take it, PostgreSQL cannot
            raise ValueError(f"{name} has a NUL character, which no text column holds")
    return values


def _client(row: tuple[Any, ...]) -> Client:
    values = dict(zip(CLIENT_COLUMNS, row, strict=True))
    values["metadata"] = json.loads(values["metadata"])
    values["provisioned"] = bool(values["provisioned"])  # SQLite has no booleans
    return Client(**values)


def _padded(wanted: Collection[T], every: Collection[T]) -> list[T]:
    """`wanted`, of which there is one at least, made as long as `every`: the statement has a place for each."""
    chosen = list(dict.fromkeys(wanted))
    return chosen + chosen[:1] * (len(every) - len(chosen))


def _decision(row: tuple[Any, ...]) -> DecisionRecord:
    return Link(*row).entry.decision


def _pair(
    one: Callable[[tuple[Any, ...]], T], other: Callable[[tuple[Any, ...]], U], row: tuple[Any, ...], width: int
) -> tuple[T, U | None]:
    """A row of an outer join, of which the first `width` columns make `one`; the columns of what is not there are all NULL."""
    try:
        return one(row[:width]), None if row[width] is None else other(row[width:])
    except ValueError as error:
        raise StoreUnavailable(f"a document in the database is corrupt: {error}") from error


def _activation(row: tuple[Any, ...]) -> Activation:
    _, revision, activated_at, commit, dirty = row
    return Activation(revision=revision, activated_at=activated_at, commit=commit, dirty=bool(dirty))
