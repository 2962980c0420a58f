"""Admitting clients: what one registration stores, all of it or nothing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from registrar.limits import LimitUse, Usage
from registrar.store.access import Access
from registrar.store.counters import asks
from registrar.store.failures import ChangedError, DuplicateError, TokenSpentError
from registrar.store.journal import Entry
from registrar.store.lifetimes import due_at
from registrar.store.records import Client, DecisionRecord
from registrar.store.rows import client_of, client_row
from registrar.store.transaction import Claims, Transaction

_SLIDES = 10
"""How often the end of a shared client moves at most while it could lie unused once: each move locks a row that many read."""


class _OverdueError(Exception):
    """The reuse key is still that of a client that should have ended by now: so seldom that others need not look for it."""

    def __init__(self, client_id: str) -> None:
        super().__init__(client_id)
        self.client_id = client_id


class _SlidesError(Exception):
    """The end of a shared client has to be moved, for which nobody else may look at it."""


class Registrations(Access):
    """The verbs by which clients come to be, and the decisions that make none."""

    def add(
        self, client: Client, decision: DecisionRecord, *, uses: Sequence[LimitUse] = (), token_id: str = "", at: float = 0.0
    ) -> tuple[Usage, ...]:
        """Store a client and the decision that admitted it, and consume `uses` and one use of a token: all or nothing, durably.

        `at`: epoch seconds, by which limits count and the token may have expired; 0: when it was decided. How much of each
        limit is used then. Raises DuplicateError when an id, a hash or the reuse key exists; LimitReachedError; TokenSpentError;
        ValueError when client and decision do not name each other; ValueError or TypeError for a value that no column holds.
        """
        if (client.client_id, client.decision_id) != (decision.client_id, decision.decision_id):
            raise ValueError("the decision is about another client")
        values = client_row(client)
        now = at or float(decision.at)
        asked = asks(uses, now)
        entry = Entry.of(decision)

        def work(transaction: Transaction) -> tuple[Usage, ...]:
            held = transaction.holder(client.reuse_key) if client.reuse_key is not None else None
            if held is not None and 0 < held.due_at <= now:
                raise _OverdueError(held.client_id)
            if held is not None:
                raise DuplicateError(f"{held.client_id} has the same reuse key")
            self._use_token(transaction, token_id, now)
            used = transaction.consume(asked, client.client_id)
            transaction.insert_client(values)
            return used

        try:
            return self._append(entry, work, None if token_id else Claims(asked, reuse_key=client.reuse_key))
        except _OverdueError as overdue:
            holder = overdue.client_id

        def work_instead(transaction: Transaction) -> tuple[Usage, ...]:
            # As everybody: a row of a client is locked first, and what becomes of a key comes last.
            transaction.fetch(self._sql.select_client_alone, (holder,))
            self._use_token(transaction, token_id, now)
            used = transaction.consume(asked, client.client_id)
            transaction.execute(self._sql.free_reuse_key, (client.reuse_key, int(now)))
            transaction.insert_client(values)
            return used

        return self._append(entry, work_instead)

    def record(self, decision: DecisionRecord) -> None:
        """Store a decision that made no client, durably. Raises as `add`."""
        self._append(Entry.of(decision), lambda _: None, Claims())

    def shared(self, reuse_key: str, *, at: float = 0.0) -> Client | None:
        """The active client that identical registrations share, unless it should have ended by `at` (epoch seconds) already."""
        row = self._one(self._sql.select_shared, (reuse_key,))
        client = client_of(row) if row else None
        return client if client and _shareable(client, reuse_key, at) else None

    def reuse(
        self,
        shared: Client,
        decision: DecisionRecord,
        *,
        uses: Sequence[LimitUse] = (),
        token_id: str = "",
        at: float = 0.0,
    ) -> tuple[Usage, ...]:
        """Record that a shared client was given out again; one registration in the rates of `uses`, and one use of the token.

        For the lifetime `unused` that is as good as a use. Otherwise as `add`; raises ChangedError when the client is no longer
        active, or no longer shared by this key.
        """
        client_id, now = shared.client_id, at or float(decision.at)
        if client_id != decision.client_id:
            raise ValueError("the decision is about another client")
        asked = asks(uses, now, only_rate=True)
        entry = Entry.of(decision)

        def given(rows: Sequence[tuple[Any, ...]]) -> Client:
            if not rows or not _shareable(found := client_of(rows[0]), shared.reuse_key, now):
                raise ChangedError(f"{client_id} is not shared any more")
            return found

        def work(transaction: Transaction) -> tuple[Usage, ...]:
            if _slides(given(transaction.shared(client_id)), now):
                raise _SlidesError
            self._use_token(transaction, token_id, now)
            return transaction.consume(asked, client_id)

        try:
            return self._append(entry, work, None if token_id else Claims(asked, client_id))
        except _SlidesError:
            pass

        def work_alone(transaction: Transaction) -> tuple[Usage, ...]:
            # Never shared first and then alone: two would block each other so.
            found = given(transaction.fetch(self._sql.select_client_alone, (client_id,)))
            self._use_token(transaction, token_id, now)
            used = transaction.consume(asked, client_id)
            moved = replace(found, due_at=max(found.due_at, due_at(found, int(now))))
            transaction.execute(self._sql.update_client, (*client_row(moved)[1:], client_id))
            return used

        return self._append(entry, work_alone)

    def _use_token(self, transaction: Transaction, token_id: str, now: float) -> None:
        if not token_id:
            return
        rows = transaction.fetch(self._sql.select_token_uses, (token_id, int(now)))
        if not rows:
            raise TokenSpentError(f"token {token_id} is revoked or expired")
        # Others may take the last use between the two statements: the condition is looked at again under the row's lock.
        if rows[0] != (None,) and not transaction.change(self._sql.use_token, (token_id, int(now))):
            raise TokenSpentError(f"token {token_id} is used up")


def _shareable(client: Client, reuse_key: str | None, now: float) -> bool:
    overdue = 0 < client.due_at <= now
    return client.status == "active" and client.reuse_key == reuse_key is not None and not overdue


def _slides(client: Client, now: float) -> bool:
    return due_at(client, int(now)) - client.due_at > client.unused // _SLIDES
