"""Ends the clients whose time is over."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from registrar.service.events import event_record
from registrar.service.observer import Observer, Unobserved
from registrar.store import Client, Store

_LOG: Final = logging.getLogger(__name__)

_LEASE: Final = "sweep"
_LEASE_SECONDS: Final = 120  # far longer than a batch takes: what another node waits for when the one that sweeps has died
_BATCH: Final = 100  # clients, or counters, between two looks at the lease; each client is a transaction of its own
_BY: Final = "sweeper"


def _never() -> bool:
    return False


class Sweeper:
    """Expires clients, and forgets counters that count nothing any more.

    MUST: one node at a time sweeps. The lease is renewed as the sweep goes on, given back at its end, and runs out after two
    minutes where the node that has it is gone.
    MUST: a client ends only if it is due at that moment: one that was used after it was found lives on. So the sweep can stop
    anywhere, and the next one goes on. A client that an operator provisioned is never due.

    `clock` gives the time in UTC, `new_id` ids for the journal; `holder` names this process among all on the database.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        holder: str,
        observer: Observer | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._holder = holder
        self._observer = observer or Unobserved()

    def run_once(self, stopped: Callable[[], bool] = _never) -> int:
        """Sweep until nothing is due, or `stopped`. How many clients it expired: 0 where another node sweeps.

        Raises StoreUnavailable; what was done until then is done.
        """
        if not self._hold():
            _LOG.debug("sweep elsewhere", extra={"fields": {"holder": self._holder}})
            return 0
        try:
            expired, forgotten = self._expire(stopped), self._forget(stopped)
        finally:
            self._store.release(_LEASE, self._holder)
        level = logging.INFO if expired or forgotten else logging.DEBUG
        _LOG.log(level, "swept", extra={"fields": {"expired": expired, "counters": forgotten, "holder": self._holder}})
        return expired

    def _expire(self, stopped: Callable[[], bool]) -> int:
        expired = 0
        while not stopped() and (due := self._store.due(self._now(), _BATCH)):
            ended = sum(self._end(client) for client in due if not stopped())
            self._observer.swept(ended)
            expired += ended
            if not ended or not self._hold():
                break  # whoever is still due is being changed by somebody else, or another node has taken over
        return expired

    def _end(self, client: Client) -> bool:
        event = event_record(self._new_id(), client.client_id, "expired", by=_BY, now=self._clock(), reason=_reason(client))
        return self._store.end(client.client_id, "expired", event, self._now())

    def _forget(self, stopped: Callable[[], bool]) -> int:
        forgotten = 0
        while not stopped():
            pruned = self._store.prune_counters(self._now(), _BATCH)
            forgotten += pruned
            if pruned < _BATCH or not self._hold():
                break
        return forgotten

    def _hold(self) -> bool:
        return self._store.lease(_LEASE, self._holder, self._now(), _LEASE_SECONDS)

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _reason(client: Client) -> str:
    """Which of its lifetimes is over, for an auditor."""
    return "the client's lifetime is over" if client.due_at == client.expires_at else "the client was not used"
