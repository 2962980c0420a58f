"""How every verb reaches the database: queries, units of work, and what becomes of a commit that was lost."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol, TypeVar

import peewee

from registrar.store.failures import DuplicateError, OutcomeUnknown, StoreUnavailable
from registrar.store.health import Health
from registrar.store.journal import Entry
from registrar.store.statements import Statements, fetch
from registrar.store.transaction import Claims, Transaction, Unit

T = TypeVar("T")


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


class Access:
    """A database, and the SQL of its verbs."""

    def __init__(self, backend: Backend) -> None:
        """`backend`: its schema is current."""
        self._backend = backend
        self._sql = backend.statements
        self._health = Health(lambda: backend.write(Unit(lambda transaction: transaction.execute(self._sql.probe, (1,)))))

    def _write(self, work: Callable[[Transaction], T]) -> T:
        """Store what `work` writes, durably; its answer. It may run more than once."""
        answers: list[T] = []

        def run(transaction: Transaction) -> None:
            answers[:] = [work(transaction)]

        self._store(Unit(run))
        return answers[0]

    def _append(self, entry: Entry, work: Callable[[Transaction], T], claims: Claims | None = None) -> T:
        """Store `entry` in the journal with what `work` writes, both or neither, durably; the answer of `work`.

        `claims`: as those of a Unit.
        """
        answers: list[T] = []

        def run(transaction: Transaction, *, again: bool = False) -> None:
            transaction.append(entry)
            if again:
                transaction.write()  # at once, so that a unit that is stored already collides before it does anything else
            answers[:] = [work(transaction)]

        try:
            self._store(Unit(run, claims))
        except OutcomeUnknown as unknown:
            self._settle(Unit(partial(run, again=True)), entry, unknown)
        return answers[0]  # also of a first attempt that was stored after all: it ran to its end

    def _settle(self, unit: Unit, entry: Entry, unknown: OutcomeUnknown) -> None:
        """Find out how a lost commit ended: writing again stores it, or collides with the first attempt."""
        try:
            try:
                self._store(unit)
            except DuplicateError:
                if not self._all(self._sql.select_decision, (entry.decision_id,)):
                    raise
        except StoreUnavailable:
            raise unknown from None

    def _store(self, unit: Unit) -> None:
        try:
            self._backend.write(unit)
        except StoreUnavailable as failure:
            self._health.note(str(failure))
            raise
        self._health.note("")

    def _one(self, sql: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        rows = self._all(sql, values)
        return rows[0] if rows else None

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        return self._backend.read(lambda database: fetch(database, sql, values))
