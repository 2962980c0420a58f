"""Registers clients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from registrar.limits import LimitReachedError, Usage
from registrar.policy import Decision, Facts, PolicySet, Source, Token
from registrar.schema import Schema
from registrar.service.admission import Candidate, Mint, new_client
from registrar.service.credentials import Credentials, answer
from registrar.service.decided import carrying_out, decided, note_denial, report
from registrar.service.evidence import decision_record
from registrar.service.observer import Observer, Unobserved
from registrar.service.outcomes import Refusal, Registration, refusal, warnings
from registrar.service.refusals import Kind, Refusals
from registrar.service.sharing import Shared
from registrar.service.software import TrustedIssuers
from registrar.service.submissions import submitted_facts
from registrar.service.throttle import Throttle, fields, full, own
from registrar.service.tokens import Tokens, fact, invalid_token
from registrar.store import ChangedError, Client, DuplicateError, Store, TokenKind, TokenSpentError
from registrar.wire import ErrorCode

_NO_TOKEN: Final = Token()
_KINDS: Final[tuple[TokenKind, ...]] = ("initial_access",)
_TRIES: Final = 4  # at a client that others register, or end, at the same moment: each of them has made progress


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """A request to register. `body` is the JSON object as it came; `token` the initial access token, None when there is none."""

    body: Mapping[str, object]
    source: Source
    token: str | None = None


class Registrar:
    """Admits clients.

    `policies` gives the policy set that is in force now; `schema` is `schemas/registration-request.schema.json`. `clock` gives
    the time in UTC, `new_id` ids that are unique and ordered by time, `new_secret` secrets of 256 random bits. `issuer`: that of
    the authorization server, where clients may manage their registration below it; "" where they may not. `trusted`: whose
    software statements are believed; nobody's by default. `observer` is told what comes of each request.
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
        issuer: str = "",
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
        self._mint = Mint(new_id, new_secret, manageable=bool(issuer))
        self._tokens = Tokens(store, clock=clock, new_id=new_id, new_secret=new_secret)
        self._trusted = trusted or TrustedIssuers()
        self._refusals = refusals or Refusals(store, clock=clock, new_id=new_id)
        self._observer = observer or Unobserved()
        self._throttle = Throttle()
        self._shared = Shared()

    def shed(self, source: Source, token: str | None) -> None:
        """Raise Refusal, before a request's document is looked at, when it is certain that there is no room for it.

        Whoever has a token is heard: which limits are his is not known before the token is.
        """
        policies = self._policies()
        found = self._throttle.known_full(policies, source, self._clock()) if token is None else None
        if found is not None:
            use, error = found
            self._observer.limited(error.usage)
            raise full(error, [use], self._refusals.count(_kind_of_limit(policies.revision, error)))

    def register(self, request: RegistrationRequest) -> Registration:
        """Register a client as the policy lets it (RFC 7591 §3).

        Raises Refusal when it may not exist, and when the store is unavailable, in which case nothing was stored; raises
        DecisionFailedError when anything else breaks behind the decision, and StoreUnavailable when a token cannot be looked up.
        """
        token = self._token(request)
        policies = self._policies()
        facts = self._facts(request, token, policies)
        decision = decided(policies, facts, self._observer)
        decision_id = self._new_id()
        with carrying_out(decision_id):
            if not decision.allowed:
                raise self._denied(facts, decision, decision_id)
            candidate = Candidate.of(policies, facts, decision, decision_id)
            try:
                return self._placed(candidate)
            except LimitReachedError as error:
                raise self._limited(candidate, error) from None
            except TokenSpentError:
                raise invalid_token() from None

    def close(self) -> None:
        """Write down the refusals that are counted and not written yet: before the store is closed."""
        self._refusals.close()

    def _token(self, request: RegistrationRequest) -> Token:
        """The initial access token of the request; whoever shows one that is not valid is told so before anything else."""
        return _NO_TOKEN if request.token is None else fact(self._tokens.authenticate(request.token, _KINDS))

    def _facts(self, request: RegistrationRequest, token: Token, policies: PolicySet) -> Facts:
        """The facts of a well-formed document. Raises Refusal with every fault of another, and the first one's code."""
        facts = submitted_facts(
            request.body, request.source, policies, trusted=self._trusted, schema=self._schema, now=self._clock()
        )
        return replace(facts, token=token) if token.present else facts

    def _denied(self, facts: Facts, decision: Decision, decision_id: str) -> Refusal:
        """Write a denial down: how the client is told it."""
        self._observer.refused(decision)
        return refusal(decision, note_denial(self._refusals, facts, decision, decision_id))

    def _placed(self, candidate: Candidate) -> Registration:
        """Store the client, or give out the one that is identical. Raises LimitReachedError and TokenSpentError."""
        key, tries = candidate.reuse_key, _TRIES
        shared = self._shared.known(key)
        while True:
            tries -= 1
            try:
                return self._new(candidate) if shared is None else self._given(candidate, shared)
            except (DuplicateError, ChangedError):
                if key is None or not tries:
                    raise
            shared = self._store.shared(key, at=candidate.at)
            self._shared.keep(key, shared)

    def _new(self, candidate: Candidate) -> Registration:
        credentials = self._mint.credentials(candidate)
        client = new_client(candidate, credentials)
        record = decision_record(candidate.decision_id, candidate.facts, candidate.decision, client.client_id)
        limits, token_id = candidate.decision.limits, candidate.facts.token.id
        usages = self._store.add(client, record, uses=limits, token_id=token_id, at=candidate.at)
        self._shared.keep(client.reuse_key, client)
        return self._registered(candidate, credentials, usages, again=False)

    def _given(self, candidate: Candidate, shared: Client) -> Registration:
        """The client as it was registered, but for its loopback ports: the answer has those that were sent (RFC 8252 §7.3)."""
        record = decision_record(candidate.decision_id, candidate.facts, candidate.decision, shared.client_id)
        limits, token_id = candidate.decision.limits, candidate.facts.token.id
        usages = self._store.reuse(shared, record, uses=limits, token_id=token_id, at=candidate.at)
        credentials = Credentials(client_id=shared.client_id, issued_at=shared.issued_at)
        return self._registered(candidate, credentials, usages, again=True)

    def _registered(
        self, candidate: Candidate, credentials: Credentials, usages: tuple[Usage, ...], *, again: bool
    ) -> Registration:
        facts, decision = candidate.facts, candidate.decision
        report(facts, decision, candidate.decision_id, credentials.client_id)
        self._observer.registered(decision, usages, again=again)
        self._throttle.warn(usages, facts.source, candidate.at)
        told = answer(decision.metadata, credentials, self._issuer)
        headers = fields(own(usages, candidate.policies), decision.limits)
        return Registration(told, candidate.decision_id, warnings(decision), headers)

    def _limited(self, candidate: Candidate, error: LimitReachedError) -> Refusal:
        """Write down that a limit had no room: how the client is told it."""
        facts, decision, decision_id = candidate.facts, candidate.decision, candidate.decision_id
        self._observer.limited(error.usage, decision.profile)
        self._throttle.remember(candidate.policies, error, candidate.at)
        kind = _kind_of_limit(decision.revision, error)
        kept = self._refusals.note(decision_id, kind, lambda: decision_record(decision_id, facts, decision, limited=error))
        if kept == decision_id:
            report(facts, decision, decision_id, limited=error.usage.limit)
        return full(error, decision.limits, kept)


def _kind_of_limit(revision: str, error: LimitReachedError) -> Kind:
    return Kind(revision, "deny", str(ErrorCode.TOO_MANY_REQUESTS), (error.usage.limit,))
