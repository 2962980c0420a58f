"""The verbs about limits that register nobody: looking at them, and forgetting what they need not know any more."""

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from registrar.limits import Counter, whole
from registrar.store.access import Access
from registrar.store.counterrows import counter_of, expiry, milliseconds
from registrar.store.failures import StoreUnavailable
from registrar.store.transaction import Transaction

_CHUNK = 500  # keys read at once: no long read transaction, bounded memory


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of a limit under one key. `counter` says more, to who knows what the limit allows."""

    limit: str
    key: str
    recent: int
    """Registrations in the last `span` seconds; 0 without a rate."""
    span: int
    active: int
    total: int
    counter: Counter

    @property
    def most(self) -> int:
        """The largest of its numbers, by which it comes first or last among the keys of its limit."""
        return max(self.recent, self.active, self.total)


class Counting(Access):
    """The verbs about limits as such."""

    def usage(
        self, at: float, *, limits: Collection[str] | None = None, after: tuple[str, str] = ("", ""), most: int = 100
    ) -> tuple[Counted, ...]:
        """At most `most` keys of these limits (None: of all) at `at` (epoch seconds), by the names of limit and key.

        `after`: limit and key of the last one of the page before.
        """
        last, key = after
        rest = (self._counted(name, at, key if name == last else None) for name in self._limits(limits) if name >= last)
        return tuple(islice(chain.from_iterable(rest), most))

    def top_usage(self, at: float, *, limits: Collection[str] | None = None, most: int = 10) -> tuple[Counted, ...]:
        """The `most` keys that use most of each of these limits (None: of all), at `at` (epoch seconds). It reads every key."""
        tops = (heapq.nlargest(most, self._counted(name, at), key=_size) for name in self._limits(limits))
        return tuple(chain.from_iterable(tops))

    def prune_counters(self, now: float, limit: int = 200) -> int:
        """Forget at most `limit` rows that say nothing any more at `now` (epoch seconds); how many it looked at.

        One short transaction; to be repeated until that is less than `limit`.
        """
        found = self._all(self._sql.counters.select_expired, (int(now), limit))

        def prune(transaction: Transaction) -> None:
            for name, key in sorted(set(found)):  # as registrations lock them
                _prune(transaction, name, key, int(now))

        if found:
            self._write(prune)
        return len(found)

    def _limits(self, wanted: Collection[str] | None) -> Iterator[str]:
        if wanted is not None:
            yield from sorted(wanted)
            return
        name = ""
        while row := self._one(self._sql.counters.select_limit, (name,)):
            (name,) = row
            yield name

    def _counted(self, limit: str, at: float, after: str | None = None) -> Iterator[Counted]:
        while rows := self._keys(limit, after):
            for key, *state in rows:
                first = counter_of(limit, key, state)
                yield _counted(limit, key, first if first.shards == 1 else self._all_of(limit, key), at)
            after = rows[-1][0]

    def _keys(self, limit: str, after: str | None) -> list[tuple[Any, ...]]:
        if after is None:
            return self._all(self._sql.counters.select_keys, (limit, _CHUNK))
        return self._all(self._sql.counters.select_keys_after, (limit, after, _CHUNK))

    def _all_of(self, limit: str, key: str) -> Counter:
        rows = self._all(self._sql.counters.select, (limit, key))
        return whole([counter_of(limit, key, state) for _, *state in rows] or [Counter()])


def _counted(limit: str, key: str, counter: Counter, at: float) -> Counted:
    span = counter.window.span
    recent = counter.window.used(milliseconds(at), span) if span else 0
    return Counted(limit, key, recent, span, counter.active, counter.total, counter)


def _size(counted: Counted) -> int:
    return counted.most


def _prune(transaction: Transaction, limit: str, key: str, now: int) -> None:
    """Forget a limit under a key, or note when to look again. Shards are forgotten together: each counts for all."""
    sql = transaction.statements.counters
    rows = transaction.fetch(sql.lock(1), (limit, key))
    if not rows:
        return
    try:
        until = expiry(whole([counter_of(limit, key, state) for _, _, *state in rows]))
    except StoreUnavailable:  # corrupt: left as it is, for who has to mend it, and not looked at again
        until = 0
    if 0 < until <= now:
        transaction.execute(sql.delete, (limit, key))
    else:
        transaction.execute(sql.postpone, (until, limit, key))
