"""What units of work see of the database while they run, and how those of one transaction run together.

A statement lets go of the interpreter while the database works, and on a busy server waits to get it back: that costs many times
what the statement does. So rows that units add are held back, and go into each table by a few statements.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import peewee

from registrar.limits import Usage
from registrar.store.counters import Ask, Counters
from registrar.store.journal import Entry, Head, chain
from registrar.store.statements import CLIENT_COLUMNS, Statements, change, execute, fetch, flat, of_rows, parts

_CLIENT_ID = CLIENT_COLUMNS.index("client_id")
_DUE_AT = CLIENT_COLUMNS.index("due_at")
_REUSE_KEY = CLIENT_COLUMNS.index("reuse_key")


class Holder(NamedTuple):
    """The client that has a reuse key, and when it should end (epoch seconds; 0: never)."""

    client_id: str
    due_at: int


class Claims(NamedTuple):
    """Why a unit of work may have to wait for others."""

    asks: Sequence[Ask] = ()
    """What it counts."""
    client_id: str = ""
    """The client that has to stay as it is."""
    reuse_key: str | None = None
    """The key that is to be that of a new client."""


class Unit(NamedTuple):
    """A unit of work: stored whole or not at all."""

    run: Callable[["Transaction"], None]
    """It may run more than once (a retry), so it does nothing but write rows."""
    claims: Claims | None = None
    """What it waits for, if that is all, but for the keys of what it adds: then others of its kind may share its transaction."""


class Transaction:
    """An open write transaction: statements, counters, and the journal that its decisions go into.

    MUST: every statement sees what came before it, whatever is held back; only the order of insertions is another.
    """

    __slots__ = ("_database", "_held", "_holders", "_shared", "_statements_run", "counters", "head", "statements")

    def __init__(self, database: peewee.Database, statements: Statements, head: Head) -> None:
        self._database = database
        self._held: dict[str, list[Sequence[object]]] = {}
        self._shared: dict[str, list[tuple[Any, ...]]] = {}
        self._holders: dict[str, Holder | None] = {}
        self._statements_run = 0
        self.statements = statements
        self.head = head
        self.counters = Counters(database, statements.counters)

    def run(self, units: Sequence[Unit]) -> list[Exception | None]:
        """Run one after the other, and write what they held back: the error of each that failed and left nothing behind.

        Raises the error of one that did leave something, and what is wrong with anything that was held back.
        """
        claims = [unit.claims for unit in units if unit.claims is not None]
        self._share({claim.client_id for claim in claims if claim.client_id})
        self._look_for({claim.reuse_key for claim in claims if claim.reuse_key is not None})
        self.counters.reserve(ask for claim in claims for ask in claim.asks)
        errors = [self._run(unit) for unit in units]
        self.write()
        return errors

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """Run a statement that answers no rows."""
        self._write_and_forget()
        execute(self._database, sql, values)

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement that changes rows: how many."""
        self._write_and_forget()
        return change(self._database, sql, values)

    def fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        self.write()
        return fetch(self._database, sql, values)

    def shared(self, client_id: str) -> list[tuple[Any, ...]]:
        """The row of a client, if there is one, which nobody else changes until the transaction ends."""
        if client_id not in self._shared:
            self._share({client_id})
        return self._shared[client_id]

    def holder(self, reuse_key: str) -> Holder | None:
        """Who has a key already; somebody else may still write a client with this key at the same time."""
        if reuse_key not in self._holders:
            self._look_for({reuse_key})
        return self._holders[reuse_key]

    def insert(self, sql: str, values: Sequence[object]) -> None:
        """Insert a row, at the next statement or the commit: that raises what is wrong then."""
        self._held.setdefault(sql, []).append(values)

    def insert_client(self, row: Sequence[Any]) -> None:
        """Insert a client."""
        self.insert(self.statements.insert_client, row)
        if (key := row[_REUSE_KEY]) is not None:
            self._holders[key] = Holder(row[_CLIENT_ID], row[_DUE_AT])

    def append(self, entry: Entry) -> None:
        """Chain `entry` to the journal."""
        chained = chain(self.head, entry)
        self.insert(self.statements.insert_decision, chained)
        self.head = chained.head

    def consume(self, asks: Sequence[Ask], client_id: str) -> tuple[Usage, ...]:
        """Count client `client_id` under each of `asks`: how much is used then. Raises LimitReachedError, and counts nothing."""
        self.counters.reserve(asks)
        used = self.counters.count(asks)
        for ask in asks:
            if ask.use.max_active:
                hold = (client_id, *ask.row, self.counters.shard(ask))
                self.insert(self.statements.counters.insert_hold, hold)
        return used

    def give_back(self, client_id: str) -> None:
        """Count client `client_id` as active no more, under any limit. To be called once, under the lock of the client's row."""
        sql = self.statements.counters
        holds = self.fetch(sql.select_holds, (client_id,))
        for hold in sorted(holds):
            self.execute(sql.give_back, hold)
        if holds:
            self.execute(sql.delete_holds, (client_id,))

    def write(self) -> None:
        """Write what is held back. Raises what is wrong with any of it."""
        self._statements_run += 1
        held, self._held = self._held, {}
        for sql, rows in held.items():
            if sql == self.statements.insert_client:
                rows.sort(key=_reuse_key)  # nobody waits in a circle for those who store the same keys
            for part in parts(rows):
                execute(self._database, of_rows(sql, len(part)), flat(part))
        self.counters.write()

    def forget(self) -> None:
        """Drop what is held back."""
        self._held = {}
        self._holders = {}
        self.counters.forget()

    def _share(self, client_ids: Collection[str]) -> None:
        for part in parts(list(client_ids)):
            self._shared |= {client_id: [] for client_id in part}
            for row in fetch(self._database, self.statements.share_clients(len(part)), part):
                self._shared[row[_CLIENT_ID]].append(row)

    def _look_for(self, reuse_keys: Collection[str]) -> None:
        for part in parts(list(reuse_keys)):
            self._holders |= dict.fromkeys(part)
            for key, *holder in fetch(self._database, self.statements.select_holders(len(part)), part):
                self._holders[key] = Holder(*holder)

    def _write_and_forget(self) -> None:
        """Before a statement that may change anything."""
        self.write()
        self._shared = {}
        self._holders = {}

    def _run(self, unit: Unit) -> Exception | None:
        head, held = self.head, {sql: len(rows) for sql, rows in self._held.items()}
        written = self._written
        try:
            unit.run(self)
        except Exception as error:
            if self._written != written:
                raise
            self.head = head
            for sql, rows in self._held.items():
                del rows[held.get(sql, 0) :]
            return error
        return None

    @property
    def _written(self) -> tuple[int, int]:
        """Something else whenever anything was done that dropping rows does not undo."""
        return self._statements_run, self.counters.uses


def _reuse_key(row: Sequence[Any]) -> str:
    return row[_REUSE_KEY] or ""
