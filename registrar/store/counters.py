"""Limits in the database: consumed in the transaction that stores the client, given back in the one that ends it.

A limit under a key is one row. A transaction reserves the rows that it needs, which locks them, counts in memory, and writes what
it counted together with everything else, so that registrations that share a transaction read and write a counter once.

PostgreSQL keeps the lock of a row until the commit is on the disk, so a limit that everybody shares would make all commits of a
cluster wait for each other. Where two meet in the row of a large limit it becomes SHARDS rows, of which each transaction takes
one that is free (see `registrar.limits.shards`).

Nobody blocks each other, because everybody waits for others in this order: rows of clients, of tokens, of limits; and last, to
write a client whose reuse key, or a limit whose first row, somebody else may be writing. Limits are locked in the order of their
names and keys, the rows of one in the order of their numbers; who took a free row out of that order and needs the others lets it
go first, by going back to a savepoint.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

import peewee

from registrar.limits import SHARDS, Counter, LimitUse, Usage, admitted_alone, divisible, estimated, shared_out, whole, worst
from registrar.store.counterrows import counter_of, counter_values, milliseconds, stored_key
from registrar.store.counterstatements import CounterStatements
from registrar.store.failures import StoreUnavailable, TryAgainError
from registrar.store.statements import change, execute, fetch, flat, parts


class Ask(NamedTuple):
    """A use of a limit, and where the database counts it."""

    limit: str
    key: str
    """As it is stored."""
    use: LimitUse
    at: int
    """Epoch milliseconds."""

    @property
    def row(self) -> tuple[str, str]:
        """By which rows of limits are ordered."""
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
        self._reserved: dict[tuple[str, str], _Reserved] = {}
        self.uses = 0
        """How many uses were counted, ever."""

    def reserve(self, asked: Iterable[Ask]) -> None:
        """Read, and lock, what `asked` need and is not reserved yet. Raises StoreUnavailable.

        Together, in the order in which they will be counted: a transaction that reserves twice may meet another in a circle.
        """
        missing: dict[tuple[str, str], list[Ask]] = {}
        for ask in asked:
            if (row := ask.row) not in self._reserved:
                missing.setdefault(row, []).append(ask)
        together: list[tuple[str, str]] = []
        for row in sorted(missing):
            if self._sql.lock_free and all(divisible(ask.use) for ask in missing[row]):
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
        """Write what was counted, and read anew what is reserved from now on.

        Raises TryAgainError when somebody else wrote the first row of a limit meanwhile.
        """
        reserved = [one for _, one in sorted(self._reserved.items(), key=itemgetter(0))]
        self.forget()
        # Where a transaction has the database for itself, one statement does for both.
        alone = not self._sql.lock_free
        new = [row for one in reserved if not one.known and not alone for row in one.rows()]
        rest = [row for one in reserved if one.known or alone for row in one.rows()]
        for part in parts(rest):
            execute(self._database, self._sql.replace(len(part)), flat(part))
        for part in parts(new):
            if change(self._database, self._sql.create(len(part)), flat(part)) != len(part):
                raise TryAgainError("another transaction used a limit for the first time, too")

    def forget(self) -> None:
        """Drop what was counted since the last write."""
        self._reserved = {}

    def _lock(self, rows: Sequence[tuple[str, str]]) -> None:
        """Reserve limits whole, in this order."""
        for part in parts(rows):
            found: list[list[Counter]] = [[] for _ in part]
            for place, _, *state in fetch(self._database, self._sql.lock(len(part)), flat(part)):
                limit, key = part[place]
                found[place].append(counter_of(limit, key, state))
            for row, shards in zip(part, found, strict=True):
                self._reserved[row] = _Reserved(shards if _complete(shards) else self._again(row))

    def _again(self, row: tuple[str, str]) -> list[Counter]:
        """All rows of a limit that became several while the first of them was waited for."""
        shards = [counter_of(*row, state) for _, _, *state in fetch(self._database, self._sql.lock(1), row)]
        if not _complete(shards):
            limit, key = row
            raise StoreUnavailable(f"the state of limit {limit} under {key!r} is corrupt: shards are missing")
        return shards

    def _take_one(self, row: tuple[str, str], asked: Sequence[Ask]) -> None:
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

    __slots__ = ("_alone", "_divide", "_last", "_shards", "_whole", "known", "number")

    def __init__(self, shards: Sequence[Counter], *, number: int = 0, alone: bool = False, divide: bool = False) -> None:
        """`shards`: none of a limit that was never used. `number`: of the first of them.

        `alone`: there are others. `divide`: into SHARDS when it is written.
        """
        self.known = bool(shards)
        """Whether it has a row."""
        self._shards = list(shards) or [Counter()]
        self._whole = whole(self._shards)
        self.number = number
        self._alone = alone
        self._divide = divide
        self._last: Ask | None = None  # of those that were counted

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
