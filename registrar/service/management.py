"""Lets clients manage their own registration (RFC 7592)."""

import hmac
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace as changed
from datetime import datetime
from typing import Final

from registrar.policy import Decision, Facts, PolicySet, Token
from registrar.schema import Schema
from registrar.service.clients import as_of
from registrar.service.credentials import Credentials, answer, digest, is_digest_of
from registrar.service.decided import carrying_out, decided, note_denial, report
from registrar.service.events import event_record
from registrar.service.evidence import EvidenceError, decision_record, read_record
from registrar.service.observer import Observer, Unobserved
from registrar.service.outcomes import Refusal, Registration, refusal, warnings
from registrar.service.pacing import Pace
from registrar.service.refusals import Refusals
from registrar.service.registrar import RegistrationRequest
from registrar.service.software import TrustedIssuers
from registrar.service.submissions import submitted_facts
from registrar.service.updates import Rotation, redescribed
from registrar.store import ChangedError, Client, Store
from registrar.wire import ErrorCode

_LOG: Final = logging.getLogger(__name__)

_BY: Final = "client"
_MISPLACED: Final = "presented at the address of another client"
_ATTEMPTS: Final = 5  # of an update that another one of the same client comes between, each time
# RFC 7592 §2.2: what the server alone says.
_SERVERS_OWN: Final = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


class Management:
    """What a client may do with its own registration: read it, replace it, delete it.

    MUST (RFC 7592 §2): the registration access token of the client, or it is 401, and the same 401 for a wrong token, for an
    unknown client, a deleted one and an expired one. A right token at another client's address is void from then on.
    MUST: a client that an administrator disabled is told so, 403, and can neither change nor delete itself.

    The token finds the client, by its digest, and then has to be at the right address: nothing that anybody can choose is
    compared piece by piece. With `rotate_token` and `rotate_secret` every update gives new ones; `issuer` is what URLs are built
    from; the rest is as `Registrar` has it. Every method raises Refusal, and StoreUnavailable.
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
        issuer: str,
        rotate_token: bool = False,
        rotate_secret: bool = False,
        trusted: TrustedIssuers | None = None,
        refusals: Refusals | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._policies = policies
        self._store = store
        self._schema = schema
        self._clock = clock
        self._new_id = new_id
        self._issuer = issuer
        self._rotation = Rotation(rotate_token, rotate_secret, new_secret)
        self._trusted = trusted or TrustedIssuers()
        self._refusals = refusals or Refusals(store, clock=clock, new_id=new_id)
        self._observer = observer or Unobserved()
        self._pace = Pace()

    def read(self, client_id: str, token: str | None) -> Mapping[str, object]:
        """The registration as it is (RFC 7592 §2.1). Its secret is not known here any more, only that there is one."""
        client = self._authenticated(client_id, token)
        return self._answer(client, token=token or "")

    def replace(self, client_id: str, request: RegistrationRequest) -> Registration:
        """Put another document in the place of the registered one, as the policy lets it (RFC 7592 §2.2).

        An update counts under no limit of the policy: they are about how many clients there come to be, and none comes to be. But
        a client has a pace (429), for every update is recorded. Raises DecisionFailedError when anything unexpected breaks behind
        the decision.
        """
        client = self._authenticated(client_id, request.token)
        self._keep_pace(client)
        for _ in range(_ATTEMPTS):
            registration = self._update(client, request)
            if registration is not None:
                return registration
            client = self._authenticated(client_id, request.token)
        raise Refusal(
            503, ErrorCode.TEMPORARILY_UNAVAILABLE, "the client is changed all the time; try again", headers={"Retry-After": "1"}
        )

    def delete(self, client_id: str, token: str | None) -> None:
        """End the client: its id, secret and token are void at once (RFC 7592 §2.3)."""
        client = self._authenticated(client_id, token)
        event = event_record(self._new_id(), client_id, "deleted", by=_BY, now=self._clock())
        if not self._store.end(client.client_id, "deleted", event, self._now()):
            raise _unauthorized()  # it ended while this was on its way
        _LOG.info("client changed", extra={"fields": {"client_id": client_id, **event.record}})

    def _authenticated(self, client_id: str, token: str | None) -> Client:
        if token is None:
            raise _unauthorized(told=False)
        presented = digest(token)
        holder = self._store.holder_of(presented)
        if holder is None:
            raise _unauthorized()
        if holder.client_id != client_id:
            self._revoke(holder)
            raise _unauthorized()
        status = as_of(holder, self._now()).status
        if status == "disabled":
            raise Refusal(403, ErrorCode.ACCESS_DENIED, "the client is disabled; an administrator can enable it")
        if status != "active":
            raise _unauthorized()
        return self._confirmed(holder, presented)

    def _revoke(self, holder: Client) -> None:
        """RFC 7592 §2.1: a token that turns up at another address is in the wrong hands, or in confused ones."""
        event = event_record(
            self._new_id(), holder.client_id, "management_token_revoked", by=_BY, now=self._clock(), reason=_MISPLACED
        )
        self._store.revoke_management_token(holder.client_id, event)
        _LOG.warning("client changed", extra={"fields": {"client_id": holder.client_id, **event.record}})

    def _confirmed(self, client: Client, presented: bytes) -> Client:
        """A token that is used for the first time makes an end of the one before it."""
        if client.previous_token_hash is None or not hmac.compare_digest(presented, client.management_token_hash or b""):
            return client
        self._store.confirm_token(client.client_id, presented)
        return changed(client, previous_token_hash=None)

    def _keep_pace(self, client: Client) -> None:
        seconds = self._pace.wait(client.client_id, self._clock().timestamp())
        if seconds:
            description = f"the client changes too often: try again in {seconds} seconds"
            raise Refusal(429, ErrorCode.TOO_MANY_REQUESTS, description, headers={"Retry-After": str(seconds)})

    def _update(self, client: Client, request: RegistrationRequest) -> Registration | None:
        """One attempt; None when the client is not what it was any more."""
        _check_protocol(client, request.body)
        policies = self._policies()
        facts = self._facts(client, request, policies)
        decision = decided(policies, facts, self._observer)
        decision_id = self._new_id()
        with carrying_out(decision_id):
            if not decision.allowed:
                self._observer.updated(decision)
                raise self._denied(client, facts, decision, decision_id)
            registration = self._carry_out(client, request, facts, decision, decision_id)
        if registration is not None:  # else it was overtaken, and what is decided next is what became of the request
            self._observer.updated(decision)
        return registration

    def _facts(self, client: Client, request: RegistrationRequest, policies: PolicySet) -> Facts:
        """The facts of a well-formed document. Raises Refusal with every fault of another, and the first one's code."""
        facts = submitted_facts(
            request.body, request.source, policies, trusted=self._trusted, schema=self._schema, now=self._clock()
        )
        return changed(
            facts,
            # The secret authenticates, as the token does: it is no part of what the policy is asked.
            submitted={name: value for name, value in facts.submitted.items() if name != "client_secret"},
            operation="update",
            token=self._admission_token(client),
            existing=client.metadata,
            existing_profile=client.profile,
        )

    def _admission_token(self, client: Client) -> Token:
        """The initial access token that the client was admitted with: a profile that asks for one admits its clients' updates."""
        decision = self._store.decision(client.decision_id)
        with suppress(EvidenceError):  # then there is none, and the policy decides that
            if decision is not None:
                return read_record(decision).facts.token
        return Token()

    def _denied(self, client: Client, facts: Facts, decision: Decision, decision_id: str) -> Refusal:
        """Write a denial down: how the client is told it."""
        kept = note_denial(self._refusals, facts, decision, decision_id, client.client_id)
        return refusal(decision, kept)

    def _carry_out(
        self, client: Client, request: RegistrationRequest, facts: Facts, decision: Decision, decision_id: str
    ) -> Registration | None:
        now = int(facts.now.timestamp())
        described = redescribed(client, facts, decision, decision_id)
        sent = str(request.body.get("client_secret") or "")
        updated, secret = self._rotation.next_secret(described, decision.lifetimes.client_secret, now, sent)
        updated, token = self._rotation.next_token(updated, request.token or "")
        try:
            self._store.replace(client, updated, decision_record(decision_id, facts, decision, client.client_id))
        except ChangedError:
            return None
        report(facts, decision, decision_id, client.client_id)
        return Registration(self._answer(updated, token=token, secret=secret), decision_id, warnings(decision))

    def _answer(self, client: Client, *, token: str, secret: str = "") -> Mapping[str, object]:
        credentials = Credentials(
            client_id=client.client_id,
            issued_at=client.issued_at,
            secret=secret,
            secret_expires_at=None if client.secret_hash is None else client.secret_expires_at,
            token=token,
        )
        return answer(client.metadata, credentials, self._issuer)

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _check_protocol(client: Client, body: Mapping[str, object]) -> None:
    """What an update must and must not say beside its metadata (RFC 7592 §2.2). Raises Refusal with every mistake."""
    sent = {name: body[name] for name in ("client_id", "client_secret", *_SERVERS_OWN) if body.get(name) not in (None, "")}
    mistakes = [f"{name} must not be sent" for name in _SERVERS_OWN if name in sent]
    if sent.get("client_id") != client.client_id:
        mistakes.append("client_id must be that of the client")
    if "client_secret" in sent and not _holds_secret(client, sent["client_secret"]):
        mistakes.append("client_secret must be the one that the client has")
    if mistakes:
        raise Refusal(400, ErrorCode.INVALID_CLIENT_METADATA, "; ".join(mistakes))


def _holds_secret(client: Client, sent: object) -> bool:
    """Whether `sent` is a secret of the client: the present one, or the one before it, until that is forgotten."""
    text = sent if isinstance(sent, str) else ""
    current, previous = is_digest_of(client.secret_hash, text), is_digest_of(client.previous_secret_hash, text)
    return current or previous


def _unauthorized(*, told: bool = True) -> Refusal:
    """RFC 6750 §3.1; a request that brings no token at all is not `told` an error in the challenge."""
    challenge = 'Bearer error="invalid_token"' if told else 'Bearer realm="registrar"'  # RFC 6750 §3: never the scheme alone
    description = "the registration access token is not valid" if told else "a registration access token is needed"
    return Refusal(401, ErrorCode.INVALID_TOKEN, description, headers={"WWW-Authenticate": challenge})
