"""A compiled policy tree, and the decision that it makes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from registrar import wire
from registrar.cel import Activation, Scope
from registrar.errors import Place
from registrar.limits import LimitUse
from registrar.policy.clients import allowed_values
from registrar.policy.decision import Decision, Finding, Lifetimes, Mode
from registrar.policy.facts import Facts, Source, Token
from registrar.policy.limits import Limit
from registrar.policy.members import Draft, MemberRule
from registrar.policy.networks import Networks
from registrar.policy.rules import Condition, Observer, RuleBook, applies, broken, unobserved
from registrar.policy.tokens import TokenUse
from registrar.policy.vocabulary import Variables, bindings
from registrar.wire import ErrorCode, Extensions

# What the program can do when no profile limits a member; discovery announces it then (RFC 8414 §2).
_AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
_GRANT_TYPES = ("authorization_code", "refresh_token")
_RESPONSE_TYPES = ("code",)

ACCEPT_FROM: Final = "accept-from"
"""The rule, `<profile>/accept-from`, that keeps an updated client to the profile that admitted it."""

_NOT_ACCEPTED = "this client was registered under another profile, whose clients cannot come to this one"
_CONDITION_FAILED = "the policy of this server could not be evaluated"


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Who a client is, and what exactly it may register."""

    book: RuleBook
    scope: Scope
    members: tuple[MemberRule, ...]
    lifetimes: Lifetimes = Lifetimes()
    client_id_prefix: str = ""
    reuse_identical: bool = False
    accept_from: tuple[str, ...] = ()


class Guardrail(NamedTuple):
    """What must hold for every client."""

    book: RuleBook
    scope: Scope


class NoMatch(NamedTuple):
    """What a client is told that no profile matches."""

    message: str = "no profile of this server's policy admits this client"
    code: ErrorCode = ErrorCode.INVALID_CLIENT_METADATA


class Offers(NamedTuple):
    """What some profile allows, in the policy's own order: the part of the server's metadata that comes from the policy."""

    auth_methods: tuple[str, ...]
    grant_types: tuple[str, ...]
    response_types: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Verdict:
    """What a decision has found so far."""

    facts: Facts
    observe: Observer
    messages: Callable[[], Activation]
    findings: list[Finding] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def refuses(self) -> bool:
        """Whether something enforced was found."""
        return bool(self.of(Mode.ENFORCE))

    def of(self, mode: Mode) -> tuple[Finding, ...]:
        """What was found in `mode`."""
        return tuple([finding for finding in self.findings if finding.mode is mode]) if self.findings else ()

    def run(self, book: RuleBook, activation: Activation) -> None:
        for validation, errored in broken(book.validations, activation, self.observe):
            self.findings.append(validation.finding(self.messages, self.facts.now, errored=errored))
        for annotation in book.annotations:
            self.annotations[f"{book.name}/{annotation.key}"] = annotation.value(activation)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolicySet:
    """A policy tree, compiled. Immutable and safe to share between threads.

    `files` are the bytes that it was compiled from, by path; `revision` is their digest. `extensions` are the members beyond the
    RFCs that clients may register. `token_use`: how many profiles look at the initial access token to choose their clients.
    `mode` is that of every rule that does not say its own.
    """

    name: str
    revision: str
    files: Mapping[str, bytes]
    profiles: tuple[Profile, ...]
    guardrails: tuple[Guardrail, ...]
    networks: Networks
    extensions: Extensions
    constants: Mapping[str, object]
    matching: Scope
    messages: Scope
    limiting: Scope
    limits: tuple[Limit, ...] = ()
    token_use: TokenUse
    no_match: NoMatch = NoMatch()
    mode: Mode = Mode.ENFORCE
    place: Place | None = None

    def decide(self, facts: Facts, observe: Observer = unobserved) -> Decision:
        """Whether, and as what, the client of `facts` may exist.

        MUST: the first profile, in the set's order, whose conditions are all true decides; none, or an error before it, is a no.
        MUST: that profile's member constraints make the effective client.
        MUST: every validation of the profile, every guardrail and the program's own rules are true of the effective client.
        MUST: an updated client stays under the profile that admitted it, unless the other one accepts clients from there.
        MUST: each limit that is for a new client is named with its key; one that cannot be evaluated is a no.

        Pure: the same facts and the same revision give the same decision. `observe` sees every rule's outcome (true, not true, or
        None for a runtime error) and has no say. Never raises for what a client sent.
        """
        shared = bindings(facts, self.extensions)
        shared["source"], shared["constants"] = self._located(facts.source), self.constants
        chosen = self._choose(facts, self.matching.bind(shared), observe)
        if isinstance(chosen, Finding):
            return Decision(allowed=False, revision=self.revision, violations=(chosen,))
        return self._judge(chosen, facts, shared, observe)

    def _located(self, source: Source) -> Source:
        networks = self.networks.locate(source.ip)
        return replace(source, networks=networks) if networks else source

    def _choose(self, facts: Facts, activation: Activation, observe: Observer) -> Profile | Finding:
        for profile in self.profiles:
            outcome = applies(profile.book.conditions, activation, observe)
            if outcome is True:
                return profile
            if isinstance(outcome, Condition):
                return _condition_failed(outcome)
        return Finding(f"{self.name}/no-match", self.place, self.no_match.message, self._no_match_code(facts))

    def _no_match_code(self, facts: Facts) -> ErrorCode:
        """RFC 6750 §3.1: where profiles look at the token, who shows none is asked for one, and who shows one needs another."""
        if self.token_use == "none" or facts.operation != "create":  # noqa: S105 - how many
            return self.no_match.code
        return ErrorCode.INSUFFICIENT_SCOPE if facts.token.present else ErrorCode.INVALID_TOKEN

    def _judge(self, profile: Profile, facts: Facts, shared: Mapping[str, object], observe: Observer) -> Decision:
        draft = Draft(dict(facts.metadata), facts.redirects, facts.now, observe)
        for rule in profile.members:
            rule.apply(draft)
        metadata = wire.apply_defaults(draft.metadata)
        verdict = _Verdict(facts, observe, partial(self._message_facts, facts), draft.findings)
        verdict.findings += _program_findings(metadata)
        verdict.findings += _move_findings(profile, facts)
        client = wire.total(metadata, self.extensions)
        effective = {**shared, "client": client, "redirects": draft.redirects, "profile": profile.book.name}
        if profile.book.validations or profile.book.annotations:
            verdict.run(profile.book, _bind(profile.scope, profile.book, effective))
        self._guard(verdict, effective)
        limits = self._limited(effective, verdict)
        return self._decision(profile, metadata, draft, verdict, limits)

    def _limited(self, effective: Mapping[str, Any], verdict: _Verdict) -> tuple[LimitUse, ...]:
        """What a client that may be registered has to find room in. An update makes no client, so nothing limits it."""
        if not self.limits or verdict.facts.operation != "create" or verdict.refuses:
            return ()
        activation, networks, profile = self.limiting.bind(effective), effective["source"].networks, effective["profile"]
        uses: list[LimitUse] = []
        failed: list[Finding] = []
        for limit in self.limits:
            answer = limit.ask(activation, networks, profile, verdict.observe)
            if isinstance(answer, LimitUse):
                uses.append(answer)
            elif answer is not None:
                failed.append(_condition_failed(answer))
        verdict.findings += failed
        return () if failed else tuple(uses)

    def early(self, source: Source, token: Token, now: datetime) -> tuple[LimitUse, ...]:
        """What any new client from `source` would have to find room in, as far as that is known before its document is read.

        For a peek that sheds a flood early, not for consuming. What is reserved for some profiles counts as room, since the
        profile is not known; a limit that cannot be evaluated is left to `decide`.
        """
        located = self._located(source)
        nothing = dict.fromkeys(self.limiting.types)
        known = {"source": located, "token": token, "operation": "create", "constants": self.constants, "now": now}
        activation = self.limiting.bind({**nothing, **known})
        asked = (limit.ask(activation, located.networks, None) for limit in self.limits if limit.early)
        return tuple(answer for answer in asked if isinstance(answer, LimitUse))

    def _guard(self, verdict: _Verdict, effective: Mapping[str, object]) -> None:
        # Guardrails without variables of their own have equal scopes: one activation, and one budget, serves them all.
        common: Activation | None = None
        for guardrail in self.guardrails:
            if guardrail.book.variables:
                activation = _bind(guardrail.scope, guardrail.book, effective)
            else:
                activation = common = common or _bind(guardrail.scope, guardrail.book, effective)
            outcome = applies(guardrail.book.conditions, activation, verdict.observe)
            if outcome is True:
                verdict.run(guardrail.book, activation)
            elif isinstance(outcome, Condition):
                verdict.findings.append(_condition_failed(outcome))

    def _message_facts(self, facts: Facts) -> Activation:
        return self.messages.bind({"operation": facts.operation, "now": facts.now, "constants": self.constants})

    def _decision(
        self,
        profile: Profile,
        metadata: dict[str, object],
        draft: Draft,
        verdict: _Verdict,
        limits: tuple[LimitUse, ...],
    ) -> Decision:
        violations = verdict.of(Mode.ENFORCE)
        return Decision(
            allowed=not violations,
            revision=self.revision,
            profile=profile.book.name,
            metadata=MappingProxyType(metadata),
            violations=violations,
            warnings=verdict.of(Mode.WARN),
            audited=verdict.of(Mode.AUDIT),
            changes=tuple(draft.changes),
            annotations=MappingProxyType(verdict.annotations),
            lifetimes=profile.lifetimes,
            client_id_prefix=profile.client_id_prefix,
            reuse_identical=profile.reuse_identical,
            limits=limits,
        )

    def testable_rules(self) -> Iterator[tuple[str, Place | None]]:
        """The id and place of every rule that can come out both ways: conditions, member constraints, validations, `when`s."""
        for profile in self.profiles:
            yield from profile.book.rules()
            yield from ((rule.rule, rule.place) for rule in profile.members if rule.decides)
        for guardrail in self.guardrails:
            yield from guardrail.book.rules()
        for limit in self.limits:
            yield from ((condition.rule, condition.place) for condition in limit.conditions)

    @property
    def offers(self) -> Offers:
        """What discovery can announce: the union over the profiles of what each lets a client end up with."""
        return Offers(
            auth_methods=self._offered("token_endpoint_auth_method", _AUTH_METHODS),
            grant_types=self._offered("grant_types", _GRANT_TYPES),
            response_types=self._offered("response_types", _RESPONSE_TYPES),
            scopes=self._offered("scope", ()),
        )

    def _offered(self, member: str, unlimited: tuple[str, ...]) -> tuple[str, ...]:
        offered: dict[str, None] = {}
        for profile in self.profiles:
            allowed = allowed_values(profile.members, member)
            offered.update(dict.fromkeys(unlimited if allowed is None else allowed))
        return tuple(offered)


def _bind(scope: Scope, book: RuleBook, values: Mapping[str, object]) -> Activation:
    return Variables(book.variables).bind(scope, values)


def _condition_failed(condition: Condition) -> Finding:
    """A condition that erred denies: nobody can say whom the document is for."""
    return Finding(condition.rule, condition.place, _CONDITION_FAILED, ErrorCode.SERVER_ERROR, errored=True)


def _program_findings(metadata: Mapping[str, object]) -> list[Finding]:
    """What the program itself demands of an effective client, whatever the policy says and in whatever mode."""
    findings = []
    for problem in wire.check(metadata):
        member = problem.member.partition("#")[0]
        findings.append(Finding(f"registrar/{member}", None, f"{member} {problem.message}", problem.code, f"/{member}"))
    return findings


def _move_findings(profile: Profile, facts: Facts) -> Sequence[Finding]:
    """An update must not carry a client past the profile that admitted it to one that did not say it takes such clients."""
    name = profile.book.name
    if facts.operation != "update" or facts.existing_profile in (name, *profile.accept_from):
        return ()
    return (Finding(f"{name}/{ACCEPT_FROM}", profile.book.place, _NOT_ACCEPTED, ErrorCode.INVALID_CLIENT_METADATA),)
