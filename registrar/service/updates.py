"""What a client is after an update that was allowed (RFC 7592 §2.2): its document, its lifetimes, its credentials. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from registrar import wire
from registrar.policy import Decision, Facts
from registrar.service.credentials import after, digest, earliest, is_digest_of
from registrar.store import Client

_NEAR_ITS_END = 4  # a secret of which less than this part of its lifetime is left is renewed


def redescribed(client: Client, facts: Facts, decision: Decision, decision_id: str) -> Client:
    """`client` as the decision describes it. Its credentials stay, and so do who registered it, and when.

    MUST: the lifetimes are those of this decision, and count from when they always did: from the registration, and from the last
    use. An update puts nothing off, so that no client holds its place for ever by updating itself.
    """
    now = int(facts.now.timestamp())
    expires_at = _end(client.issued_at, decision.lifetimes.client, client.expires_at, now)
    used_at = client.last_seen_at or client.issued_at
    unused_at = _end(used_at, decision.lifetimes.unused, client.due_at, now)
    return replace(
        client,
        metadata=decision.metadata,
        profile=decision.profile,
        policy_revision=decision.revision,
        decision_id=decision_id,
        software_id=str(decision.metadata.get("software_id", "")),
        fingerprint=wire.fingerprint(decision.metadata, facts.redirects),
        expires_at=expires_at,
        unused=decision.lifetimes.unused,
        due_at=earliest(expires_at, unused_at),
    )


@dataclass(frozen=True, slots=True)
class Rotation:
    """Which credentials an update makes anew though nothing asks for it. `new_secret` makes them, of 256 random bits."""

    token: bool
    secret: bool
    new_secret: Callable[[], str]

    def next_secret(self, client: Client, lifetime: int, now: int, sent: str = "") -> tuple[Client, str]:
        """`client` with the secret that it has from now on, and its text when it is a new one, else "".

        MUST: a method that needs no secret has none; one that newly needs one gets one.
        MUST: a secret near its end, or past it, is renewed; one that stays never lasts longer than it did.
        MUST: the secret before a new one stays valid until the new one is first used: a lost answer strands nobody.

        `lifetime` (seconds, 0: for ever) is that of a new secret; `sent` is the secret that the client showed, "" for none.
        """
        if not wire.needs_secret(str(client.metadata["token_endpoint_auth_method"])):
            return _with_secret(client, None, 0), ""
        if client.secret_hash is not None and not self.secret and not _near_its_end(client.secret_expires_at, lifetime, now):
            return replace(client, secret_expires_at=earliest(client.secret_expires_at, after(now, lifetime))), ""
        text = self.new_secret()
        known = _known_secret(client, sent, now)
        return _with_secret(client, digest(text), after(now, lifetime), *known), text

    def next_token(self, client: Client, presented: str) -> tuple[Client, str]:
        """`client` with the registration access token that it has from now on, and its text: a new one, or the one presented."""
        if not self.token:
            return client, presented
        text = self.new_secret()
        return replace(client, management_token_hash=digest(text), previous_token_hash=digest(presented)), text


def _with_secret(
    client: Client, kept: bytes | None, expires_at: int, previous: bytes | None = None, previous_expires_at: int = 0
) -> Client:
    return replace(
        client,
        secret_hash=kept,
        secret_expires_at=expires_at,
        previous_secret_hash=previous,
        previous_secret_expires_at=previous_expires_at,
    )


def _known_secret(client: Client, sent: str, now: int) -> tuple[bytes | None, int]:
    """The digest and the end of the secret that the client is known to have: the one before, if nobody used the present one."""
    confirmed = client.previous_secret_hash is None or (bool(sent) and is_digest_of(client.secret_hash, sent))
    if confirmed or 0 < client.previous_secret_expires_at <= now:
        return client.secret_hash, client.secret_expires_at
    return client.previous_secret_hash, client.previous_secret_expires_at


def _near_its_end(expires_at: int, lifetime: int, now: int) -> bool:
    """Whether so little is left until `expires_at`, of what a new secret would have (`lifetime`), that it is time for one."""
    if expires_at == 0:
        return False
    return lifetime == 0 or (expires_at - now) * _NEAR_ITS_END < lifetime


def _end(start: int, lifetime: int, before: int, now: int) -> int:
    """`lifetime` seconds after `start`. Where that is over, as the policy gave more when it began, what is left is given once:

    until the end that it had `before`, and at most for another such lifetime.
    """
    end = after(start, lifetime)
    return end if end == 0 or end > now else earliest(before, now + lifetime)
