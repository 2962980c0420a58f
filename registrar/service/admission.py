"""What a client that the policy admits becomes: the client as it is stored, and the credentials that it is told."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from registrar import wire
from registrar.policy import Decision, Facts, PolicySet
from registrar.service.credentials import Credentials, after, digest, earliest
from registrar.store import Client


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who `policies` let be registered. `reuse_key`: by what identical registrations are known; None: they are not one."""

    policies: PolicySet
    facts: Facts
    decision: Decision
    decision_id: str
    fingerprint: str
    reuse_key: str | None

    @classmethod
    def of(cls, policies: PolicySet, facts: Facts, decision: Decision, decision_id: str) -> "Candidate":
        """The candidate of an allowed decision."""
        fingerprint = wire.fingerprint(decision.metadata, facts.redirects)
        # Public clients only: nobody else is to be told a secret (policy language §8).
        shared = decision.reuse_identical and decision.metadata["token_endpoint_auth_method"] == "none"  # noqa: S105 - a method
        key = hashlib.sha256(f"{fingerprint} {decision.profile}".encode()).hexdigest() if shared else None
        return cls(policies, facts, decision, decision_id, fingerprint, key)

    @property
    def at(self) -> float:
        """When it asked, in epoch seconds."""
        return self.facts.now.timestamp()


@dataclass(frozen=True, slots=True)
class Mint:
    """Makes credentials. `new_id` gives unique ids, `new_secret` secrets of 256 random bits.

    `manageable`: clients may manage their registration (RFC 7592).
    """

    new_id: Callable[[], str]
    new_secret: Callable[[], str]
    manageable: bool

    def credentials(self, candidate: Candidate) -> Credentials:
        """Those of a new client.

        MUST: a secret only for a method that needs one (RFC 7591 §3.2.1). No registration access token for a client that others
        are given as well: each of them could change or delete it.
        """
        decision, issued_at = candidate.decision, int(candidate.at)
        secret = wire.needs_secret(str(decision.metadata["token_endpoint_auth_method"]))
        return Credentials(
            client_id=decision.client_id_prefix + self.new_id(),
            issued_at=issued_at,
            secret=self.new_secret() if secret else "",
            secret_expires_at=after(issued_at, decision.lifetimes.client_secret) if secret else None,
            token=self.new_secret() if self.manageable and candidate.reuse_key is None else "",
        )


def new_client(candidate: Candidate, credentials: Credentials) -> Client:
    """The client as it is stored: of its credentials, only digests."""
    facts, decision = candidate.facts, candidate.decision
    expires_at = after(credentials.issued_at, decision.lifetimes.client)
    return Client(
        client_id=credentials.client_id,
        metadata=decision.metadata,
        profile=decision.profile,
        policy_revision=decision.revision,
        decision_id=candidate.decision_id,
        source=facts.source.prefix,
        software_id=str(decision.metadata.get("software_id", "")),
        fingerprint=candidate.fingerprint,
        secret_hash=digest(credentials.secret) if credentials.secret else None,
        secret_expires_at=credentials.secret_expires_at or 0,
        management_token_hash=digest(credentials.token) if credentials.token else None,
        issued_at=credentials.issued_at,
        expires_at=expires_at,
        unused=decision.lifetimes.unused,
        status="active",
        reuse_key=candidate.reuse_key,
        due_at=earliest(expires_at, after(credentials.issued_at, decision.lifetimes.unused)),
    )
