"""Records refusals: each one whole as long as they are few, and only counted when they flood."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from registrar.store import DecisionRecord, DuplicateError, Store, StoreUnavailable

_LOG: Final = logging.getLogger(__name__)

PERIOD: Final = 10.0
"""Seconds between two records of counts."""

_VERSION: Final = 1
_MINUTE: Final = 60
_GROUPS: Final = 100  # kinds that one record tells apart: clients choose which rules they break together


class Kind(NamedTuple):
    """What refusals have in common that are counted together."""

    revision: str
    result: str
    code: str
    rules: tuple[str, ...]


@dataclass(slots=True)
class _Count:
    """Refusals that were not recorded one by one: from when to when (epoch seconds), how many of which kind."""

    decision_id: str
    since: int
    until: int
    kinds: Counter[Kind] = field(default_factory=Counter)
    others: int = 0

    def note(self, kind: Kind, at: int) -> None:
        self.until = max(self.until, at)
        if kind in self.kinds or len(self.kinds) < _GROUPS:
            self.kinds[kind] += 1
        else:
            self.others += 1

    @property
    def number(self) -> int:
        return self.kinds.total() + self.others

    def record(self) -> DecisionRecord:
        groups = [
            {"revision": kind.revision, "result": kind.result, "code": kind.code, "rules": list(kind.rules), "count": count}
            for kind, count in self.kinds.most_common()
        ]
        told = {"since": self.since, "until": self.until, "count": self.number, "groups": groups, "others": self.others}
        record = {"version": _VERSION, "event": "refusals", "by": "registrar", **told}
        return DecisionRecord(decision_id=self.decision_id, at=self.until, result="event", record=record)


class Refusals:
    """Where refused requests are written down.

    MUST: at most `per_minute` in any minute, and as many at once, are recorded each for itself. Those beyond are counted by kind,
    and a record of the counts is written every ten seconds and at `close`; the client is told the id of that record, under which
    an auditor finds it. So a flood adds six records a minute to the database, of bounded size.
    MUST: counts outlive an outage of the store; they are lost only with the process (SIGKILL, power).

    `clock` gives the time in UTC, `new_id` ids that are unique and ordered by time. Safe to share between threads.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        per_minute: int = 60,
        period: float = PERIOD,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._per_minute = per_minute
        self._period = period
        self._room = float(per_minute)
        self._filled_at = 0.0
        self._lock = threading.Lock()  # over what follows; never held while the store works
        self._counting: _Count | None = None
        self._timer: threading.Timer | None = None
        self._writing = threading.Lock()
        self._pending: _Count | None = None  # what was tried to be written, and may have been: its counts stay as they are
        self._closed = False

    def note(self, decision_id: str, kind: Kind, record: Callable[[], DecisionRecord]) -> str:
        """Write a refusal down: the id under which it is, or will be, found. `record` is asked for where it is recorded whole.

        Raises what `Store.record` raises, StoreUnavailable among it, when it is recorded whole.
        """
        if self._takes_whole(self._clock().timestamp()):
            self._store.record(record())
            return decision_id
        return self.count(kind)

    def count(self, kind: Kind) -> str:
        """Count a refusal without recording it whole: the id under which the counts will be found."""
        at = int(self._clock().timestamp())
        with self._lock:
            if self._counting is None:
                self._counting = _Count(self._new_id(), at, at)
                self._arm()
            self._counting.note(kind, at)
            return self._counting.decision_id

    def flush(self) -> bool:
        """Write one record of counts. False: there is nothing to write, or the store does not take it now; then it is kept."""
        with self._writing:
            count = self._next()
            if count is None:
                return False
            try:
                self._store.record(count.record())
            except DuplicateError:
                pass  # an attempt whose outcome was unknown had succeeded
            except StoreUnavailable as error:
                fields = {"decision_id": count.decision_id, "count": count.number, "cause": str(error)}
                _LOG.warning("refusals not recorded yet", extra={"fields": fields})
                return False
            self._pending = None
            fields = {"decision_id": count.decision_id, "count": count.number, "since": count.since, "until": count.until}
            _LOG.info("refusals counted", extra={"fields": fields})
            return True

    def close(self) -> None:
        """Write what there is, and start no thread any more. What the store does not take now is in the log as a number only."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        while self.flush():
            pass

    def _takes_whole(self, now: float) -> bool:
        """A token bucket, full at the beginning."""
        with self._lock:
            earned = max(now - self._filled_at, 0.0) * self._per_minute / _MINUTE
            self._room = min(self._room + earned, float(self._per_minute))
            self._filled_at = now
            if self._room < 1.0:
                return False
            self._room -= 1.0
            return True

    def _next(self) -> _Count | None:
        """What is to be written next. Counts that an attempt has had in hand are not added to: it may have stored them."""
        if self._pending is None:
            with self._lock:
                self._pending, self._counting = self._counting, None
        return self._pending

    def _arm(self) -> None:
        """Have the counts written in a while; with the lock held."""
        if self._timer is None and not self._closed:
            self._timer = threading.Timer(self._period, self._tick)
            self._timer.name, self._timer.daemon = "refusals", True
            self._timer.start()

    def _tick(self) -> None:
        with self._lock:
            self._timer = None
        try:
            self.flush()
        except Exception:  # noqa: BLE001 - the thread has to outlive it
            _LOG.exception("refusals not recorded")
        with self._lock:
            if self._counting or self._pending:
                self._arm()
