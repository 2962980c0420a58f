"""The clients there are, for those who are no client: the authorization server that serves them, and administrators."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from registrar import wire
from registrar.errors import RegistrarError
from registrar.service.credentials import after, digest, is_digest_of
from registrar.service.events import Event, event_record
from registrar.service.evidence import read_record
from registrar.store import ChangedError, Client, DecisionRecord, Store, StoreUnavailable

_LOG: Final = logging.getLogger(__name__)

# RFC 6749 §A.1: printable ASCII. The length is that of a URL, the longest id that a client may have.
_CLIENT_ID: Final = re.compile(r"[ -~]{1,2048}")
_ENDED: Final = ("deleted", "expired")

_SEEN_WITHIN: Final = 3_600  # seconds; a use that soon after the last one that is on record says nothing new
_SEEN_PART: Final = 24  # and never more than this part of the time after which an unused client ends


class UnknownClientError(RegistrarError):
    """There never was a client of this id, or it is nothing that could be one."""

    def __init__(self) -> None:
        super().__init__("there is no such client")


class GoneError(RegistrarError):
    """The client was deleted, or its lifetime is over. `client` is its tombstone."""

    def __init__(self, client: Client) -> None:
        self.client = client
        super().__init__(f"the client is {client.status}")


class NoSecretError(RegistrarError):
    """The client authenticates in a way that needs no secret, so that it can get none."""

    def __init__(self) -> None:
        super().__init__("the client authenticates without a secret")


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret that was just made, in the clear: it is told once. `expires_at` is in epoch seconds, 0 for never."""

    text: str
    expires_at: int


class Clients:
    """What is known about each client, and what may be done with it.

    MUST: a client that is deleted, or past its lifetime though no sweeper came, is gone: nothing is true of it any more.
    MUST: a client that is disabled is there, and neither authenticates nor owns a redirect URI.
    MUST: an id that no client can have (too long, control characters, empty) is unknown, and no error.

    `clock` gives the time in UTC, `new_id` ids for the journal, `new_secret` secrets of 256 random bits. Every method raises
    StoreUnavailable.
    """

    def __init__(
        self, store: Store, *, clock: Callable[[], datetime], new_id: Callable[[], str], new_secret: Callable[[], str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._new_secret = new_secret

    def get(self, client_id: str) -> Client:
        """The client, which is active or disabled. Raises UnknownClientError, and GoneError."""
        client = self._find(client_id)
        if client is None:
            raise UnknownClientError
        client = as_of(client, self._now())
        if client.status in _ENDED:
            raise GoneError(client)
        return client

    def authenticate(self, client_id: str, secret: str) -> bool:
        """Whether `secret` is the client's, compared in constant time; who is unknown or has ended gets the same no.

        That there is a client shows in the time that it takes to read it: its id is no secret (RFC 6749 §2.2).
        The secret before the present one is the client's too, until the present one is first used, or it expires. A client that
        authenticates is seen (see `seen`).
        """
        client, now = self._find(client_id), self._now()
        # Both are compared, and with something, whoever asks: no time tells how much was right, or whether there was a rotation.
        current = is_digest_of(client.secret_hash if client else None, secret)
        previous = is_digest_of(client.previous_secret_hash if client else None, secret)
        if client is None or not _usable(client, now):
            return False
        current = current and _lasts(client.secret_expires_at, now)
        if not current and not (previous and _lasts(client.previous_secret_expires_at, now)):
            return False
        return self._note_use(client, now, confirmed=current)

    def allows_redirect(self, client_id: str, uri: str) -> bool:
        """Whether `uri` is one of the client's redirect URIs: the same string, but for the port on loopback (RFC 8252 §7.3)."""
        client = self._find(client_id)
        if client is None or not _usable(client, self._now()):
            return False
        registered = client.metadata.get("redirect_uris")
        return isinstance(registered, list) and any(wire.redirect_matches(own, uri) for own in registered)

    def seen(self, client_id: str) -> None:
        """Note that the client is in use, which puts off its end where its profile ends unused clients.

        What says nothing new is not written: a client may end a 24th of that time (an hour at most) sooner than its last use
        says. Raises UnknownClientError, and GoneError.
        """
        if not self._note_seen(self.get(client_id), self._now()):
            self.get(client_id)

    def disable(self, client_id: str, *, by: str) -> bool:
        """Keep the client from being used until it is enabled. Whether it was active. Raises as `get`."""
        return self._switch(client_id, "disabled", "disabled", by)

    def enable(self, client_id: str, *, by: str) -> bool:
        """Let the client be used again. Whether it was disabled. Raises as `get`."""
        return self._switch(client_id, "active", "enabled", by)

    def delete(self, client_id: str, *, by: str) -> bool:
        """End the client, with its credentials, for good; a tombstone stays. Whether this did it. Raises as `get`."""
        self.get(client_id)
        event = self._event(client_id, "deleted", by)
        return _reported(event, happened=self._store.end(client_id, "deleted", event, self._now()))

    def rotate_secret(self, client_id: str, *, by: str, keep_previous: bool = False) -> NewSecret:
        """Give the client another secret, which lasts as long as its profile said when it was last decided.

        The one before is void at once, as it may have leaked; with `keep_previous`, when the new one is first used. Raises
        NoSecretError, and as `get`.
        """
        client = self.get(client_id)
        if not wire.needs_secret(str(client.metadata.get("token_endpoint_auth_method"))):
            raise NoSecretError
        secret = NewSecret(self._new_secret(), after(self._now(), self._secret_lifetime(client)))
        event = self._event(client_id, "secret_rotated", by)
        self._put_secret(client, secret, event, keep_until=0 if keep_previous else None)
        _reported(event, happened=True)
        return secret

    def _find(self, client_id: str) -> Client | None:
        return self._store.client(client_id) if _CLIENT_ID.fullmatch(client_id) else None

    def _note_use(self, client: Client, now: int, *, confirmed: bool) -> bool:
        """The client authenticated: `confirmed`, with its present secret, so that it needs the one before no more.

        False when it has ended meanwhile.
        """
        try:
            if confirmed and client.secret_hash is not None and client.previous_secret_hash is not None:
                self._store.confirm_secret(client.client_id, client.secret_hash)
            return self._note_seen(client, now)
        except StoreUnavailable as error:
            # It did authenticate all the same. What could not be noted is noted with its next use.
            _LOG.warning("use not noted", extra={"fields": {"client_id": client.client_id, "cause": str(error)}})
            return True

    def _note_seen(self, client: Client, now: int) -> bool:
        """False when the client is not active, as far as this had to look."""
        if client.status != "active" or now - client.last_seen_at < _seen_within(client.unused):
            return client.status == "active"
        return self._store.seen(client.client_id, now)

    def _switch(self, client_id: str, status: Literal["active", "disabled"], event: Event, by: str) -> bool:
        self.get(client_id)
        record = self._event(client_id, event, by)
        return _reported(record, happened=self._store.switch(client_id, status, record))

    def _put_secret(self, client: Client, secret: NewSecret, event: DecisionRecord, *, keep_until: int | None) -> None:
        try:
            self._store.put_secret(client.client_id, digest(secret.text), secret.expires_at, event, keep_until=keep_until)
        except ChangedError:
            raise GoneError(self._store.client(client.client_id) or client) from None

    def _secret_lifetime(self, client: Client) -> int:
        """Seconds; 0 for ever. Raises EvidenceError when the decision that made the client what it is cannot be read."""
        decision = None if client.provisioned else self._store.decision(client.decision_id)
        lifetimes = read_record(decision).outcome.lifetimes if decision else None
        return lifetimes.client_secret if lifetimes else 0

    def _event(self, client_id: str, event: Event, by: str) -> DecisionRecord:
        return event_record(self._new_id(), client_id, event, by=by, now=self._clock())

    def _now(self) -> int:
        return int(self._clock().timestamp())


def as_of(client: Client, now: int) -> Client:
    """The client as it is at `now` (epoch seconds): expired when it is past its lifetime, whether or not the sweeper came."""
    return replace(client, status="expired") if client.status not in _ENDED and 0 < client.due_at <= now else client


def _reported(event: DecisionRecord, *, happened: bool) -> bool:
    if happened:
        _LOG.info("client changed", extra={"fields": {"client_id": event.client_id, **event.record}})
    return happened


def _usable(client: Client, now: int) -> bool:
    return as_of(client, now).status == "active"


def _lasts(expires_at: int, now: int) -> bool:
    return expires_at == 0 or now < expires_at


def _seen_within(unused: int) -> int:
    return min(_SEEN_WITHIN, unused // _SEEN_PART) if unused else _SEEN_WITHIN
