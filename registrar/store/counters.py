"""Limits in the database: consumed in the transaction that stores the client, given back in the one that ends it.

A limit under a key is one row. A transaction reserves the rows that it needs, which locks them, counts in memory, and writes what
it counted together with everything else, so that registrations that share a transaction read and write a counter once.

PostgreSQL keeps the lock of a row until the commit is on the disk, so a limit that everybody shares would make all commits of a
cluster wait for each other. Where two meet in the row of a large limit it becomes SHARDS rows, of which each transaction takes
one that is free (see `registrar.limits.shards`).

Nobody blocks each other, because everybody waits for others in this order: rows of clients, of tokens, of limits; and last, to
write a client whose reuse key somebody else may be writing. Limits are locked, or get their first row, in the order of their
names and keys, the rows of one in the order of their numbers; who took any out of that order and needs one before it lets them
go first, by going back to a savepoint.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import peewee

from registrar.limits import SHARDS, Counter, LimitUse, Usage, admitted_alone, divisible, estimated, shared_out, whole, worst
from registrar.store.counterrows import counter_of, counter_values, milliseconds, stored_key
from registrar.store.counterstatements import CounterStatements
from registrar.store.failures import StoreUnavailable
from registrar.store.statements import change, execute, fetch, flat, parts

Row: TypeAlias = tuple[str, str]
"""Limit and stored key, in whose order everybody locks."""

_TRIES = 4  # to find a row that others create and forget at the same time


class Ask(NamedTuple):
    """A use of a limit, and where the database counts it."""

    limit: str
    key: str
    """As it is stored."""
    use: LimitUse
    at: int
    """Epoch milliseconds."""

    @property
    def row(self) -> Row:
        """Which rows it is counted in."""
        return self.limit, self.key


def asks(uses: Iterable[LimitUse], at: float, *, only_rate: bool = False) -> tuple[Ask, ...]:
    """What `uses` ask of the database at `at` (epoch seconds), in their order; nothing for one that counts nothing.

    `only_rate`: for a registration that makes no client.
    """
    if only_rate:
        uses = (replace(use, max_active=0, max_total=0) for use in uses)
    now = milliseconds(at)
    return tuple(Ask(use.limit, stored_key(use.key), use, now) for use in uses if use.rate or use.max_active or use.max_total)


class Counters:
    """The counters of an open transaction. Whoever reserves one has it for himself until the transaction ends."""

    def __init__(self, database: peewee.Database, statements: CounterStatements) -> None:
        self._database = database
        self._sql = statements
        self._shared = bool(statements.lock_free)  # with other transactions
        self._reserved: dict[Row, _Reserved] = {}
        self.uses = 0
        """How many uses were counted, ever."""

    def reserve(self, asked: Iterable[Ask]) -> None:
        """Read, and lock, what `asked` need and is not reserved yet. Raises StoreUnavailable.

        Together, in the order in which they will be counted: a transaction that reserves twice may meet another in a circle.
        """
        missing: dict[Row, list[Ask]] = {}
        for ask in asked:
            if (row := ask.row) not in self._reserved:
                missing.setdefault(row, []).append(ask)
        together: list[Row] = []
        for row in sorted(missing):
            if self._shared and all(divisible(ask.use) for ask in missing[row]):
                self._lock(together)
                together = []
                self._take_one(row, missing[row])
            else:
                together.append(row)
        self._lock(together)

    def count(self, asked: Sequence[Ask]) -> tuple[Usage, ...]:
        """Count `asked`, which are reserved, or none of them: how much is used of each then.

        Raises LimitReachedError, about the measure whose room comes back last. How much is used of a hot limit is an estimate;
        whether it has room is not.
        """
        reserved = [self._reserved[ask.row] for ask in asked]
        if refusal := worst(usage for one, ask in zip(reserved, asked, strict=True) for usage in one.full(ask)):
            raise refusal
        self.uses += len(asked)
        return tuple(usage for one, ask in zip(reserved, asked, strict=True) for usage in one.add(ask))

    def shard(self, ask: Ask) -> int:
        """In which row of its limit a use counts."""
        return self._reserved[ask.row].number

    def write(self) -> None:
        """Write what was counted, and read anew what is reserved from now on."""
        reserved = sorted(self._reserved.items(), key=itemgetter(0))
        self.forget()
        for part in parts([values for _, one in reserved for values in one.rows()]):
            execute(self._database, self._sql.replace(len(part)), flat(part))
        for row, one in reserved:
            if one.created and not one.used:
                execute(self._database, self._sql.delete, row)

    def forget(self) -> None:
        """Drop what was counted since the last write."""
        self._reserved = {}

    def _lock(self, rows: Sequence[Row]) -> None:
        """Reserve limits whole, in this order; one that was never used gets a row, which others wait for as for any."""
        for part in parts(rows):
            if len(part) > 1 and self._shared:
                execute(self._database, "SAVEPOINT part")
            found = self._found(part)
            missing = {row for row in part if not found[row]} if self._shared else set()
            if not missing:
                self._reserved |= {row: _Reserved(shards) for row, shards in found.items()}
            elif len(part) == 1:
                self._reserved[part[0]] = self._made(part[0])
            else:
                # What was locked behind one that is missing would be locked out of order.
                execute(self._database, "ROLLBACK TO SAVEPOINT part")
                for is_missing, group in groupby(part, key=missing.__contains__):
                    some = list(group)
                    if is_missing:
                        self._make(some)
                    else:
                        self._lock(some)

    def _make(self, rows: Sequence[Row]) -> None:
        """Reserve limits that had no row just now."""
        execute(self._database, "SAVEPOINT part")
        for part in parts(rows):
            empty = [(*row, 0, *counter_values(Counter())) for row in part]
            if change(self._database, self._sql.create(len(part)), flat(empty)) != len(part):
                break
        else:
            self._reserved |= {row: _Reserved([], created=True) for row in rows}
            return
        execute(self._database, "ROLLBACK TO SAVEPOINT part")
        self._reserved |= {row: self._made(row) for row in rows}

    def _made(self, row: Row) -> "_Reserved":
        """The limit, with a row of its own or that of somebody who was quicker."""
        for _ in range(_TRIES):
            if change(self._database, self._sql.create(1), (*row, 0, *counter_values(Counter()))):
                return _Reserved([], created=True)
            if shards := self._found([row])[row]:
                return _Reserved(shards)
        raise StoreUnavailable(f"the state of limit {row[0]} under {row[1]!r} comes and goes")

    def _found(self, rows: Sequence[Row]) -> dict[Row, list[Counter]]:
        """All shards of each limit, locked; none of one that has no row."""
        found: dict[Row, list[Counter]] = {row: [] for row in rows}
        for place, _, *state in fetch(self._database, self._sql.lock(len(rows)), flat(rows)):
            limit, key = row = rows[place]
            found[row].append(counter_of(limit, key, state))
        # One may have become several while its row was waited for.
        return {row: shards if _complete(shards) else self._again(row) for row, shards in found.items()}

    def _again(self, row: Row) -> list[Counter]:
        limit, key = row
        shards = [counter_of(limit, key, state) for _, _, *state in fetch(self._database, self._sql.lock(1), row)]
        if not _complete(shards):
            raise StoreUnavailable(f"the state of limit {limit} under {key!r} is corrupt: shards are missing")
        return shards

    def _take_one(self, row: Row, asked: Sequence[Ask]) -> None:
        """Reserve one shard in whose share there is room for all of `asked`; the limit whole, where there is none."""
        execute(self._database, "SAVEPOINT shard")
        start = (*row, random.randrange(SHARDS))  # noqa: S311  # only spreads them
        free = fetch(self._database, self._sql.lock_free, start)
        # All are locked at times, by somebody who shares out anew: who did the same then would make the next ones do it, too.
        for number, *state in free or fetch(self._database, self._sql.lock_one, start):
            counter = counter_of(*row, state)
            if counter.shards == 1:
                self._reserved[row] = _Reserved([counter], divide=not free)
                return
            if _has_room(counter, asked):
                self._reserved[row] = _Reserved([counter], number=number, alone=True)
                return
        execute(self._database, "ROLLBACK TO SAVEPOINT shard")
        self._lock([row])


class _Reserved:
    """What a transaction has for itself of a limit under a key: all of it, or one shard with room enough in its share."""

    __slots__ = ("_alone", "_divide", "_last", "_shards", "_whole", "created", "number")

    def __init__(
        self, shards: Sequence[Counter], *, number: int = 0, alone: bool = False, divide: bool = False, created: bool = False
    ) -> None:
        """`shards`: none of a limit that was never used. `number`: of the first of them.

        `alone`: there are others. `divide`: into SHARDS when it is written. `created`: it has an empty row.
        """
        self._shards = list(shards) or [Counter()]
        self._whole = whole(self._shards)
        self._alone = alone
        self._divide = divide
        self._last: Ask | None = None  # of those that were counted
        self.number = number
        self.created = created

    @property
    def used(self) -> bool:
        """Whether a use was counted."""
        return self._last is not None

    def full(self, ask: Ask) -> list[Usage]:
        """The measures that have no room."""
        return [] if self._alone else self._whole.full(ask.use, ask.at)

    def add(self, ask: Ask) -> tuple[Usage, ...]:
        """Count a use: how much is used then."""
        self._last = ask
        first = self._shards[0] = self._shards[0].add(ask.use, ask.at)
        if self._alone:
            return estimated(first, ask.use, ask.at)
        self._whole = first if len(self._shards) == 1 else self._whole.add(ask.use, ask.at)
        return self._whole.usages(ask.use, ask.at)

    def rows(self) -> Iterator[tuple[object, ...]]:
        """The rows to write: none before a use was counted."""
        if self._last is None:
            return
        shards = [*self._shards, *[Counter()] * (SHARDS - 1)] if self._divide else self._shards
        if len(shards) > 1:  # what is left is shared out anew
            shards = shared_out(shards, self._last.use, self._last.at)
        for number, shard in enumerate(shards, self.number):
            yield (*self._last.row, number, *counter_values(shard))


def _complete(shards: Sequence[Counter]) -> bool:
    return not shards or len(shards) == shards[0].shards


def _has_room(shard: Counter, asked: Sequence[Ask]) -> bool:
    """Whether `shard` has room for all of `asked`, one after the other, in its own share."""
    for ask in asked:
        if not admitted_alone(shard, ask.use, ask.at):
            return False
        shard = shard.add(ask.use, ask.at)
    return True
