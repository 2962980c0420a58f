"""Limits in the database: consumed in the transaction that stores the client, given back in the one that ends it.

A limit under a key is one row. PostgreSQL keeps the lock of a row until the commit is on the disk, so a limit that everybody
shares would make all commits of a cluster wait for each other. Where two meet in the row of a large limit it becomes SHARDS
rows, of which each transaction takes one that is free (see `registrar.limits.shards`).

Nobody blocks each other: limits are taken in the order of their names and keys, the rows of one in the order of their numbers,
and who took a free row out of that order and needs the others lets it go first, by going back to a savepoint.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from registrar.limits import SHARDS, Counter, LimitUse, Usage, admitted_alone, divisible, estimated, shared_out, whole, worst
from registrar.store.counterrows import counter_of, counter_values, stored_key
from registrar.store.failures import StoreUnavailable
from registrar.store.transaction import Transaction


def consume(
    transaction: Transaction, uses: Iterable[LimitUse], at: float, client_id: str, *, only_rate: bool = False
) -> tuple[Usage, ...]:
    """Count client `client_id` under each of `uses` at `at` (epoch seconds): how much is used then, in their order.

    `only_rate`: for a registration that makes no client. Raises LimitReachedError, about the measure whose room comes back
    last; the transaction must be rolled back then. How much is used of a hot limit is an estimate; whether it has room is not.
    """
    asked = _asked(uses, only_rate=only_rate)
    answers: dict[int, tuple[Usage, ...]] = {}
    full: list[Usage] = []
    for index, use in sorted(enumerate(asked), key=lambda pair: (pair[1].limit, stored_key(pair[1].key))):
        taken = _Limit(transaction, use, milliseconds(at)).take()
        answers[index] = taken.usages
        full += taken.full
        if use.max_active and not full:
            hold = (client_id, use.limit, stored_key(use.key), taken.shard)
            transaction.insert(transaction.statements.counters.insert_hold, hold)
    if refusal := worst(full):
        raise refusal
    return tuple(usage for index in range(len(asked)) for usage in answers[index])


def give_back(transaction: Transaction, client_id: str) -> None:
    """Count client `client_id` as active no more, under any limit. To be called once, under the lock of the client's row."""
    sql = transaction.statements.counters
    holds = transaction.fetch(sql.select_holds, (client_id,))
    for hold in sorted(holds):
        transaction.execute(sql.give_back, hold)
    if holds:
        transaction.execute(sql.delete_holds, (client_id,))


def milliseconds(at: float) -> int:
    """Epoch seconds as the arithmetic of limits has them."""
    return int(at * 1000)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is used now, or what has no room; and in which shard the client counts."""

    usages: tuple[Usage, ...]
    full: Sequence[Usage] = ()
    shard: int = 0


class _Limit:
    """One use of one limit, in an open transaction."""

    def __init__(self, transaction: Transaction, use: LimitUse, at: int) -> None:
        """`at`: epoch milliseconds."""
        self._transaction = transaction
        self._sql = transaction.statements.counters
        self._rows = transaction.counters
        self._use = use
        self._at = at
        self._row = (use.limit, stored_key(use.key))
        self._divisible = bool(self._sql.lock_free) and divisible(use)

    def take(self) -> _Taken:
        """Use the limit, if it has room."""
        taken = self._alone() if self._divisible else None
        if taken is None:
            shards = self._lock()
            taken = self._together(shards) if shards else self._first()
        # Somebody else may have used it for the first time meanwhile.
        return taken or self._together(self._lock())

    def _alone(self) -> _Taken | None:
        """Use one shard, within its share; None, and nothing is locked, when that does not say if there is room."""
        self._transaction.execute("SAVEPOINT shard")
        start = (*self._row, random.randrange(SHARDS))  # noqa: S311  # only spreads them
        free = self._transaction.fetch(self._sql.lock_free, start)
        # All are locked at times, by somebody who shares out anew: who did the same then would make the next ones do it, too.
        for shard, *state in free or self._transaction.fetch(self._sql.lock_one, start):
            counter = counter_of(*self._row, state)
            if counter.shards == 1:
                return self._together([counter], divide=not free)
            if admitted_alone(counter, self._use, self._at):
                after = counter.add(self._use, self._at)
                self._rows.update(*self._row, shard, after)
                return _Taken(estimated(after, self._use, self._at), shard=shard)
        self._transaction.execute("ROLLBACK TO SAVEPOINT shard")
        return None

    def _lock(self) -> list[Counter]:
        """All rows of the limit, in order; none when it was never used."""
        for _ in range(2):
            shards = self._rows.lock(*self._row)
            # While it waited for the first row, the limit may have become several.
            if not shards or len(shards) == shards[0].shards:
                return shards
        raise StoreUnavailable(f"the state of limit {self._use.limit} under {self._use.key!r} is corrupt: shards are missing")

    def _first(self) -> _Taken | None:
        """Use a limit that has no row yet; None when it has one by now."""
        counter = Counter()
        if full := counter.full(self._use, self._at):
            return _Taken((), full)
        after = counter.add(self._use, self._at)
        if not self._rows.create(*self._row, after):
            return None
        return _Taken(after.usages(self._use, self._at))

    def _together(self, shards: list[Counter], *, divide: bool = False) -> _Taken:
        """Use the limit, all of whose rows are locked, and share out anew what is left; `divide`: into SHARDS."""
        if full := whole(shards).full(self._use, self._at):
            return _Taken((), full)
        if divide:
            shards = [*shards, *[Counter()] * (SHARDS - 1)]
        if len(shards) > 1:
            shards = shared_out(shards, self._use, self._at)
        shards[0] = shards[0].add(self._use, self._at)
        if len(shards) > 1:
            self._replace(shards)
        else:
            self._rows.update(*self._row, 0, shards[0])
        return _Taken(whole(shards).usages(self._use, self._at))

    def _replace(self, shards: list[Counter]) -> None:
        rows = [(*self._row, number, *counter_values(shard)) for number, shard in enumerate(shards)]
        self._transaction.execute(self._sql.replace(len(rows)), [value for row in rows for value in row])


def _asked(uses: Iterable[LimitUse], *, only_rate: bool) -> list[LimitUse]:
    """`uses` without those that count nothing."""
    asked = (replace(use, max_active=0, max_total=0) if only_rate else use for use in uses)
    return [use for use in asked if use.rate or use.max_active or use.max_total]
