"""Group commit: units of work that wait at the same time share one transaction, and so one fsync.

One thread writes. It takes whatever waits, has it stored in one transaction, and only then answers: nothing is acknowledged
before it is durable. There is no delay to collect more: while one commit runs, the next batch gathers by itself.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol

from registrar.store.failures import OutcomeUnknown, StoreUnavailable
from registrar.store.places import Places, Unlimited, Wait
from registrar.store.transaction import Unit

LARGEST_BATCH = 256
"""How many units share a commit at most: it bounds how long the first of them waits for the last."""


class Writable(Protocol):
    """The database as the writer thread needs it."""

    def store(self, claim: Callable[[], Sequence[Unit]]) -> list[Exception | None]:
        """Open a transaction, `claim` what waits by then, store it durably: the error of each unit, which stored nothing.

        A unit that fails does not fail its neighbours. What it raises is the error of all: whatever was claimed was not stored.
        """


class _State(Enum):
    WAITING = auto()  # in the queue: its owner may still withdraw it
    CLAIMED = auto()  # in a transaction: it ends as the transaction ends


class _Ticket:
    """A unit of work on its way. `state` changes under the queue's lock only."""

    __slots__ = ("_wait", "error", "state", "unit")

    def __init__(self, unit: Unit, wait: Wait) -> None:
        self.unit = unit
        self.state = _State.WAITING
        self.error: Exception | None = None
        self._wait = wait

    def answered_within(self, seconds: float) -> bool:
        return self._wait.within(seconds)

    def answer(self, error: Exception | None) -> None:
        self.error = error
        self._wait.over()


class GroupCommit:
    """The queue before one writer thread, which starts with the first unit and ends with `close`."""

    def __init__(
        self, database: Writable, *, patience: float, places: Places | None = None, largest_batch: int = LARGEST_BATCH
    ) -> None:
        """`patience`: seconds that a unit waits to be claimed, and once more at most for a commit that has begun.

        `places`: where those work who wait for the writer.
        """
        self._places = places or Unlimited()
        self._database = database
        self._largest_batch = largest_batch
        self._patience = patience
        self._queue: deque[_Ticket] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, unit: Unit) -> None:
        """Store `unit` durably, or raise.

        Raises what the unit raised; StoreUnavailable when it was not stored and never will be; OutcomeUnknown when a commit
        that had begun did not come back.
        """
        ticket = self._enqueue(unit)
        if not ticket.answered_within(self._patience):
            self._withdraw(ticket)
        if ticket.error is not None:
            raise ticket.error

    @property
    def waiting(self) -> int:
        """How many units no transaction has claimed yet."""
        return len(self._queue)

    def close(self) -> None:
        """Refuse new units, finish those that wait, end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _enqueue(self, unit: Unit) -> _Ticket:
        ticket = _Ticket(unit, self._places.wait())
        with self._changed:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
                self._thread.start()
            self._queue.append(ticket)
            self._changed.notify()
        return ticket

    def _withdraw(self, ticket: _Ticket) -> None:
        with self._changed:
            if ticket.state is _State.WAITING:
                self._queue.remove(ticket)
                raise StoreUnavailable(f"the database's writer did not get to this within {self._patience:g} s")
        # Claimed: its transaction decides now, and an answer given before that could turn out wrong.
        if not ticket.answered_within(self._patience):
            raise OutcomeUnknown(f"a commit has been running for more than {self._patience:g} s")

    def _write(self) -> None:
        while self._wait():
            self._commit()

    def _wait(self) -> bool:
        with self._changed:
            while not self._queue and not self._closed:
                self._changed.wait()
            return bool(self._queue)

    def _commit(self) -> None:
        batch: list[_Ticket] = []

        def claim() -> Sequence[Unit]:
            # Only now: while the database was locked, owners could still withdraw, and more could join.
            batch[:] = self._claim()
            return [ticket.unit for ticket in batch]

        try:
            errors = self._database.store(claim)
        except Exception as error:  # noqa: BLE001  # the thread must outlive whatever comes: callers wait for it
            _refuse(batch or self._claim(), error)
            return
        for ticket, unit_error in zip(batch, errors, strict=True):
            ticket.answer(unit_error)

    def _claim(self) -> list[_Ticket]:
        with self._changed:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._largest_batch))]
            for ticket in batch:
                ticket.state = _State.CLAIMED
        return batch


def _refuse(batch: list[_Ticket], cause: Exception) -> None:
    """Answer everybody with an error object of their own: threads must not share a traceback."""
    for ticket in batch:
        error = StoreUnavailable(str(cause) if isinstance(cause, StoreUnavailable) else f"the writer failed: {cause!r}")
        error.__cause__ = cause
        ticket.answer(error)
