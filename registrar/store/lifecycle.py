"""What happens to a client after its registration. A change is decided on the row as it is, under its lock, and so never lost."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from registrar.store.access import Access
from registrar.store.failures import ChangedError
from registrar.store.journal import Entry
from registrar.store.lifetimes import due_at
from registrar.store.records import Client, DecisionRecord, Status
from registrar.store.rows import client_of, client_row
from registrar.store.transaction import Transaction

SEEN_EVERY = 60
"""Seconds between two notes that a client was seen: an authorization server may report every request of it."""

LIVING: tuple[Status, ...] = ("active", "disabled")


class _UnchangedError(Exception):
    """There is nothing to change: what the unit of work wrote so far must go too."""


class Lifecycle(Access):
    """The verbs that change one client."""

    def replace(self, old: Client, new: Client, decision: DecisionRecord) -> None:
        """Store `new` in place of `old`, with the decision, durably.

        Raises ChangedError when the stored client is not `old` any more in every member; DuplicateError, ValueError and
        TypeError as `add`.
        """
        if not old.client_id == new.client_id == decision.client_id:
            raise ValueError("the decision is about another client")
        client_row(new)  # what no column holds is refused before anything is locked
        if not self._change(old.client_id, decision, lambda found: new if found == old else None):
            raise ChangedError(f"{old.client_id} was changed meanwhile")

    def end(self, client_id: str, status: Literal["deleted", "expired"], event: DecisionRecord, at: int) -> bool:
        """Leave only a tombstone, at `at` (epoch seconds): no credential, not shared, its places in limits given back.

        False, and nothing is stored, when it has ended already, or there never was one; when it is to expire, also when it is
        not due (any more): it may have been used since it was found.
        """

        def ended(client: Client) -> Client | None:
            early = status == "expired" and not 0 < client.due_at <= at
            return None if early or client.status not in LIVING else _tombstone(client, status, at)

        return self._change(client_id, event, ended, before=lambda transaction: transaction.give_back(client_id))

    def switch(self, client_id: str, status: Literal["active", "disabled"], event: DecisionRecord) -> bool:
        """Disable a client or enable it again; False, and nothing is stored, unless that changes it.

        A client that is disabled is shared no more, also when it is enabled again: another may be shared by then.
        """

        def switched(client: Client) -> Client | None:
            if client.status == status or client.status not in LIVING:
                return None
            return replace(client, status=status, reuse_key=client.reuse_key if status == "active" else None)

        return self._change(client_id, event, switched)

    def put_secret(
        self, client_id: str, secret_hash: bytes, expires_at: int, event: DecisionRecord, *, keep_until: int | None = None
    ) -> None:
        """Give a living client another secret, valid until `expires_at` (epoch seconds; 0: for ever).

        The one before works until the new one is confirmed, but not after `keep_until` (0: without end) nor its own end; None:
        it is forgotten at once. A secret that was never confirmed may never have arrived: then its predecessor is kept instead.
        Raises ChangedError when the client has ended.
        """

        def rotated(client: Client) -> Client | None:
            if client.status not in LIVING:
                return None
            previous, until = (None, 0) if keep_until is None else _predecessor(client, keep_until)
            return replace(
                client,
                secret_hash=secret_hash,
                secret_expires_at=expires_at,
                previous_secret_hash=previous,
                previous_secret_expires_at=until,
            )

        if not self._change(client_id, event, rotated):
            raise ChangedError(f"{client_id} has ended")

    def confirm_secret(self, client_id: str, secret_hash: bytes) -> bool:
        """The client used its new secret: forget the one before. False when there is nothing to forget."""

        def confirmed(client: Client) -> Client | None:
            if client.secret_hash != secret_hash or client.previous_secret_hash is None:
                return None
            return replace(client, previous_secret_hash=None, previous_secret_expires_at=0)

        return self._change(client_id, None, confirmed)

    def confirm_token(self, client_id: str, token_hash: bytes) -> bool:
        """The client used its new registration access token: forget the one before. False when there is nothing to forget."""

        def confirmed(client: Client) -> Client | None:
            if client.management_token_hash != token_hash or client.previous_token_hash is None:
                return None
            return replace(client, previous_token_hash=None)

        return self._change(client_id, None, confirmed)

    def revoke_management_token(self, client_id: str, event: DecisionRecord) -> bool:
        """Forget the registration access token of a client, and the one before; False when it has none."""

        def revoked(client: Client) -> Client | None:
            if client.management_token_hash is None and client.previous_token_hash is None:
                return None
            return replace(client, management_token_hash=None, previous_token_hash=None)

        return self._change(client_id, event, revoked)

    def seen(self, client_id: str, at: int) -> bool:
        """The client was used at `at` (epoch seconds), which moves the end of its lifetime `unused`; False unless it is active.

        Noted at most once a minute: asked again before that, this writes nothing.
        """

        def used(client: Client) -> Client | None:
            if client.status != "active" or at < client.last_seen_at + SEEN_EVERY:
                return None
            return replace(client, last_seen_at=at, due_at=due_at(client, at))

        known = self._active(client_id)
        if known is None or used(known) is None or self._change(client_id, None, used):
            return known is not None
        return self._active(client_id) is not None  # somebody else noted it meanwhile, or ended the client

    def _active(self, client_id: str) -> Client | None:
        row = self._one(self._sql.select_client, (client_id,))
        client = client_of(row) if row else None
        return client if client is not None and client.status == "active" else None

    def _change(
        self,
        client_id: str,
        event: DecisionRecord | None,
        change: Callable[[Client], Client | None],
        *,
        before: Callable[[Transaction], None] = lambda _: None,
    ) -> bool:
        """Store what `change` makes of the client, with `event`; False, and nothing is stored, where there is none.

        `before`: what is to be done in between, under the lock of its row; see `registrar.store.counters` for the order.
        """
        if event is not None and event.client_id != client_id:
            raise ValueError("the event is about another client")

        def work(transaction: Transaction) -> None:
            rows = transaction.fetch(self._sql.select_client_alone, (client_id,))
            changed = change(client_of(rows[0])) if rows else None
            if changed is None:
                raise _UnchangedError
            before(transaction)
            transaction.execute(self._sql.update_client, (*client_row(changed)[1:], client_id))

        try:
            if event is None:
                self._write(work)
            else:
                self._append(Entry.of(event), work)
        except _UnchangedError:
            return False
        return True


def _tombstone(client: Client, status: Status, at: int) -> Client:
    return replace(
        client,
        status=status,
        ended_at=at,
        due_at=0,
        secret_hash=None,
        previous_secret_hash=None,
        previous_secret_expires_at=0,
        management_token_hash=None,
        previous_token_hash=None,
        reuse_key=None,
    )


def _predecessor(client: Client, keep_until: int) -> tuple[bytes | None, int]:
    """The secret that goes on working beside a new one, and until when: never longer than it would have by itself."""
    if client.previous_secret_hash is not None:
        return client.previous_secret_hash, _sooner(client.previous_secret_expires_at, keep_until)
    return client.secret_hash, _sooner(client.secret_expires_at, keep_until) if client.secret_hash is not None else 0


def _sooner(one: int, other: int) -> int:
    """Of two times of which 0 means never."""
    return min(filter(None, (one, other)), default=0)
