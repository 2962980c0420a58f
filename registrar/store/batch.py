"""The transaction of a batch, which has the database for itself: what its units add is held back, and written together.

A statement lets go of the interpreter while the database works, and on a busy server waits to get it back: that costs many times
what the statement does. So the rows of a batch go into each table by a few statements, and a counter that many units use is read
once and written once.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

import peewee

from registrar.limits import Counter
from registrar.store.counterrows import CounterRows, counter_values
from registrar.store.counterstatements import CounterStatements
from registrar.store.journal import Head
from registrar.store.statements import Statements, execute
from registrar.store.transaction import Transaction

_MOST_ROWS: Final = 16  # in one statement: SQLite takes 999 values at least, and keeps statements of few lengths prepared


class Batch(Transaction):
    """An open write transaction that nobody else changes anything beside.

    MUST: every statement sees what came before it, whatever is held back; only the order of insertions is another.
    """

    __slots__ = ("_held", "_kept")

    def __init__(self, database: peewee.Database, statements: Statements, head: Head) -> None:
        super().__init__(database, statements, head)
        self._held: dict[str, list[Sequence[object]]] = {}
        self.counters = self._kept = _KeptCounters(database, statements.counters)

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """As every transaction's."""
        self.write()
        super().execute(sql, values)

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """As every transaction's."""
        self.write()
        return super().change(sql, values)

    def fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """As every transaction's."""
        self.write()
        return super().fetch(sql, values)

    def insert(self, sql: str, values: Sequence[object]) -> None:
        """Hold a row back."""
        self._held.setdefault(sql, []).append(values)

    def write(self) -> None:
        """Write what is held back. Raises what is wrong with any of it."""
        held, self._held = self._held, {}
        for sql, rows in held.items():
            for part in _parts(rows):
                execute(self._database, _of_rows(sql, len(part)), list(chain.from_iterable(part)))
        self._kept.write()

    def forget(self) -> None:
        """Drop what is held back."""
        self._held.clear()
        self._kept.forget()


class _KeptCounters(CounterRows):
    """Counters that are kept in memory once they are read, until a statement comes that may want them, or change them."""

    def __init__(self, database: peewee.Database, statements: CounterStatements) -> None:
        super().__init__(database, statements)
        self._found: dict[tuple[str, str], list[Counter]] = {}
        self._changed: dict[tuple[str, str, int], Counter] = {}

    def lock(self, limit: str, key: str) -> list[Counter]:
        found = self._found.get((limit, key))
        if found is None:
            found = self._found[limit, key] = super().lock(limit, key)
        return list(found)

    def create(self, limit: str, key: str, counter: Counter) -> bool:
        self._found[limit, key] = [counter]
        self._changed[limit, key, 0] = counter
        return True

    def update(self, limit: str, key: str, shard: int, counter: Counter) -> None:
        self._found[limit, key][shard] = counter
        self._changed[limit, key, shard] = counter

    def write(self) -> None:
        changed = [(*row, *counter_values(counter)) for row, counter in self._changed.items()]
        self.forget()
        for part in _parts(changed):
            execute(self._database, self._sql.replace(len(part)), list(chain.from_iterable(part)))

    def forget(self) -> None:
        self._found.clear()
        self._changed.clear()


def _parts(rows: Sequence[Sequence[object]]) -> Iterator[Sequence[Sequence[object]]]:
    """`rows` in parts whose lengths are powers of two."""
    done = 0
    while rest := len(rows) - done:
        size = min(_MOST_ROWS, 1 << rest.bit_length() - 1)
        yield rows[done : done + size]
        done += size


@cache
def _of_rows(insert: str, rows: int) -> str:
    """The statement that inserts so many rows, from the one that inserts one."""
    _, _, places = insert.rpartition(" VALUES ")
    return insert + f", {places}" * (rows - 1)
