"""Registers clients."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from registrar import wire
from registrar.policy import Decision, Facts, MalformedError, PolicySet, Source, take_in
from registrar.schema import Schema
from registrar.service.decided import carrying_out, report
from registrar.service.evidence import decision_record
from registrar.service.outcomes import Refusal, Registration, malformed, refusal, warnings
from registrar.store import Client, Store
from registrar.wire import ErrorCode


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """A request to register. `body` is the JSON object as it came; `token` the initial access token, None when there is none."""

    body: Mapping[str, object]
    source: Source
    token: str | None = None


@dataclass(frozen=True, slots=True)
class _Credentials:
    """What a registered client gets. `secret` is "" for a client that has none; `expires_at` is in epoch seconds, 0 for never."""

    client_id: str
    issued_at: int
    secret: str = ""
    secret_expires_at: int = 0


class Registrar:
    """Admits clients.

    `policies` gives the policy set that is in force now; `schema` is `schemas/registration-request.schema.json`. `clock` gives
    the time in UTC, `new_id` ids that are unique and ordered by time, `new_secret` secrets of 256 random bits.
    """

    def __init__(
        self,
        policies: Callable[[], PolicySet],
        store: Store,
        schema: Schema,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        new_secret: Callable[[], str],
    ) -> None:
        self._policies = policies
        self._store = store
        self._schema = schema
        self._clock = clock
        self._new_id = new_id
        self._new_secret = new_secret

    def register(self, request: RegistrationRequest) -> Registration:
        """Register a client as the policy lets it (RFC 7591 §3).

        Raises Refusal when it may not exist, and when the store is unavailable, in which case nothing was stored; raises
        DecisionFailedError when anything else breaks behind the decision.
        """
        self._check_token(request)
        policies = self._policies()
        facts = self._facts(request, policies)
        decision = policies.decide(facts)
        decision_id = self._new_id()
        with carrying_out(decision_id):
            if not decision.allowed:
                self._refuse(facts, decision, decision_id)
            return self._admit(facts, decision, decision_id)

    def _check_token(self, request: RegistrationRequest) -> None:
        """RFC 6750 §3.1. No initial access token was ever issued by this server, so none is valid."""
        if request.token is not None:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Refusal(401, ErrorCode.INVALID_TOKEN, "the initial access token is not valid", headers=headers)

    def _facts(self, request: RegistrationRequest, policies: PolicySet) -> Facts:
        """The facts of a well-formed document. Raises Refusal with every fault of another, and the first one's code."""
        try:
            intake = take_in(request.body, self._schema, policies.extensions)
        except MalformedError as error:
            raise malformed(error) from None
        return Facts(
            now=self._clock(),
            metadata=intake.metadata,
            redirects=intake.redirects,
            submitted=request.body,
            operation="create",
            source=request.source,
        )

    def _refuse(self, facts: Facts, decision: Decision, decision_id: str) -> NoReturn:
        self._store.record(decision_record(decision_id, facts, decision))
        report(facts, decision, decision_id)
        raise refusal(decision, decision_id)

    def _admit(self, facts: Facts, decision: Decision, decision_id: str) -> Registration:
        credentials = self._mint(facts, decision)
        client = _client(facts, decision, decision_id, credentials)
        self._store.add(client, decision_record(decision_id, facts, decision, credentials.client_id))
        report(facts, decision, decision_id, credentials.client_id)
        return Registration(_answer(decision.metadata, credentials), decision_id, warnings(decision))

    def _mint(self, facts: Facts, decision: Decision) -> _Credentials:
        issued_at = int(facts.now.timestamp())
        client_id = decision.client_id_prefix + self._new_id()
        if not wire.needs_secret(str(decision.metadata["token_endpoint_auth_method"])):
            return _Credentials(client_id, issued_at)
        expires_at = _after(issued_at, decision.lifetimes.client_secret)
        return _Credentials(client_id, issued_at, self._new_secret(), expires_at)


def _client(facts: Facts, decision: Decision, decision_id: str, credentials: _Credentials) -> Client:
    return Client(
        client_id=credentials.client_id,
        metadata=decision.metadata,
        profile=decision.profile,
        policy_revision=decision.revision,
        decision_id=decision_id,
        source=facts.source.prefix,
        software_id=str(decision.metadata.get("software_id", "")),
        fingerprint=wire.fingerprint(decision.metadata),
        secret_hash=hashlib.sha256(credentials.secret.encode()).digest() if credentials.secret else None,
        secret_expires_at=credentials.secret_expires_at,
        issued_at=credentials.issued_at,
        expires_at=_after(credentials.issued_at, decision.lifetimes.client),
        unused=decision.lifetimes.unused,
        status="active",
    )


def _answer(metadata: Mapping[str, object], credentials: _Credentials) -> dict[str, object]:
    """RFC 7591 §3.2.1: everything that was registered, and the credentials."""
    answer = {**metadata, "client_id": credentials.client_id, "client_id_issued_at": credentials.issued_at}
    if credentials.secret:
        # RFC 7591 §3.2.1: beside a secret the expiry is required, and 0, not omission, means never.
        answer |= {"client_secret": credentials.secret, "client_secret_expires_at": credentials.secret_expires_at}
    return answer


def _after(moment: int, lifetime: int) -> int:
    """`lifetime` seconds after `moment`; 0, never, for a lifetime of 0."""
    return moment + lifetime if lifetime else 0
