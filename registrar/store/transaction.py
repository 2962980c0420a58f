"""What a unit of work sees of the database while it runs."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import peewee

from registrar.store.counterrows import CounterRows
from registrar.store.journal import Entry, Head, chain
from registrar.store.statements import Statements, change, execute, fetch


class Transaction:
    """An open write transaction: statements, and the journal that its decisions go into."""

    __slots__ = ("_database", "counters", "head", "statements")

    def __init__(self, database: peewee.Database, statements: Statements, head: Head) -> None:
        self._database = database
        self.statements = statements
        self.head = head
        self.counters = CounterRows(database, statements.counters)

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """Run a statement that answers no rows."""
        execute(self._database, sql, values)

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement that changes rows: how many."""
        return change(self._database, sql, values)

    def fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return fetch(self._database, sql, values)

    def insert(self, sql: str, values: Sequence[object]) -> None:
        """Insert a row, perhaps not before the next statement of another kind, or the commit: that raises what is wrong then."""
        self.execute(sql, values)

    def append(self, entry: Entry) -> None:
        """Chain `entry` to the journal."""
        link = chain(self.head, entry)
        self.insert(self.statements.insert_decision, link)
        self.head = link.head


Unit: TypeAlias = Callable[[Transaction], None]
"""A unit of work: stored whole or not at all. It may run more than once (a retry), so it does nothing but write rows."""
