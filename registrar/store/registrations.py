"""Admitting clients: what one registration stores, all of it or nothing."""

from collections.abc import Sequence
from dataclasses import replace

from registrar.limits import LimitUse, Usage
from registrar.store.access import Access
from registrar.store.counters import consume
from registrar.store.failures import ChangedError, DuplicateError, TokenSpentError
from registrar.store.journal import Entry
from registrar.store.lifetimes import due_at
from registrar.store.records import Client, DecisionRecord
from registrar.store.rows import client_of, client_row
from registrar.store.transaction import Transaction

_SLIDES = 10
"""How often the end of a shared client moves at most while it could lie unused once: each move locks a row that many read."""


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

        entry = Entry.of(decision)

        def work(transaction: Transaction) -> tuple[Usage, ...]:
            transaction.insert(self._sql.insert_client, values)
            # What others wait for comes last: rows of tokens and limits are locked until the commit.
            self._use_token(transaction, token_id, now)
            return consume(transaction, uses, now, client.client_id) if uses else ()

        def work_with_key(transaction: Transaction) -> tuple[Usage, ...]:
            transaction.execute(self._sql.free_reuse_key, (client.reuse_key, int(now)))
            return work(transaction)

        try:
            return self._append(entry, work)
        except DuplicateError:
            if client.reuse_key is None:
                raise
        # Perhaps it is the key of a client that should have ended by now: so seldom that others need not look for it.
        return self._append(entry, work_with_key)

    def record(self, decision: DecisionRecord) -> None:
        """Store a decision that made no client, durably. Raises as `add`."""
        self._append(Entry.of(decision), lambda _: None)

    def shared(self, reuse_key: str, *, at: float = 0.0) -> Client | None:
        """The active client that identical registrations share, unless it should have ended by `at` (epoch seconds) already."""
        row = self._one(self._sql.select_shared, (reuse_key,))
        client = client_of(row) if row else None
        return client if client and _shareable(client, reuse_key, at) else None

    def reuse(
        self,
        client_id: str,
        reuse_key: str,
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
        if client_id != decision.client_id:
            raise ValueError("the decision is about another client")
        now = at or float(decision.at)
        known = self._one(self._sql.select_client, (client_id,))
        slides = known is not None and _slides(client_of(known), now)
        # Shared, so that many can be given it at once; never shared first and then alone, by which two would block each other.
        lock = self._sql.select_client_alone if slides else self._sql.select_client_shared

        def work(transaction: Transaction) -> tuple[Usage, ...]:
            rows = transaction.fetch(lock, (client_id,))
            if not rows or not _shareable(client := client_of(rows[0]), reuse_key, now):
                raise ChangedError(f"{client_id} is not shared any more")
            if slides:
                moved = replace(client, due_at=max(client.due_at, due_at(client, int(now))))
                transaction.execute(self._sql.update_client, (*client_row(moved)[1:], client_id))
            self._use_token(transaction, token_id, now)
            return consume(transaction, uses, now, client_id, only_rate=True) if uses else ()

        return self._append(Entry.of(decision), work)

    def _use_token(self, transaction: Transaction, token_id: str, now: float) -> None:
        if not token_id:
            return
        rows = transaction.fetch(self._sql.select_token_uses, (token_id, int(now)))
        if not rows:
            raise TokenSpentError(f"token {token_id} is revoked or expired")
        # Others may take the last use between the two statements: the condition is looked at again under the row's lock.
        if rows[0] != (None,) and not transaction.change(self._sql.use_token, (token_id, int(now))):
            raise TokenSpentError(f"token {token_id} is used up")


def _shareable(client: Client, reuse_key: str, now: float) -> bool:
    overdue = 0 < client.due_at <= now
    return client.status == "active" and client.reuse_key == reuse_key and not overdue


def _slides(client: Client, now: float) -> bool:
    return due_at(client, int(now)) - client.due_at > client.unused // _SLIDES
