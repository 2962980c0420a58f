"""A decision, told: what it looked at and in which order, and what every part of every expression was.

`PolicySet.decide` makes the decision, and its observer says which rules it looked at. What they were made of is computed beside
it, with the same rules over the same facts. Everything here has values of the request in it: it is for the operator's own eyes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from registrar import wire
from registrar.errors import Place
from registrar.policy.decision import Change, Decision, Finding, Mode
from registrar.policy.facts import Facts
from registrar.policy.members import Draft
from registrar.policy.policyset import Guardrail, PolicySet, Profile
from registrar.policy.rules import Condition, Validation, unobserved
from registrar.policy.vocabulary import bindings
from registrar.review.rooms import Room, limit_view, rooms
from registrar.review.views import Check, Outcome, Variable, View, failure_of, value_of


class Reach(StrEnum):
    """What a document's conditions came to: all are true, one is not, one failed (and none was false), or nobody asked."""

    APPLIES = "applies"
    PASSED_OVER = "does not apply"
    FAILED = "failed"
    UNSEEN = "not reached"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A validation: `mode` is what held at the moment of the decision, `message` what the client would be told."""

    check: Check
    mode: Mode
    message: str


@dataclass(frozen=True, slots=True)
class MemberWork:
    """What a profile did to one member of the document, its language-tagged forms included, by their full names.

    `place` is None where the profile does not name the member, and only the RFC's default holds.
    """

    member: str
    rule: str
    place: Place | None
    before: Mapping[str, object]
    after: Mapping[str, object]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """The rules of one Profile or Guardrail, as a decision went through them."""

    name: str
    kind: str
    reach: Reach
    conditions: tuple[Check, ...]
    variables: tuple[Variable, ...] = ()
    judgements: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with everything that led to it.

    `facts` have the networks of the source. `profiles` are all of the set's, in its order, up to their conditions. `members`,
    `completed` (what the RFCs' defaults added at the end) and `books` (the rules of the profile that applies, then of every
    guardrail) are empty when no profile applies; `rooms` (every limit) where nobody got so far.
    """

    facts: Facts
    decision: Decision
    profiles: tuple[Book, ...]
    members: tuple[MemberWork, ...] = ()
    completed: Mapping[str, object] = field(default_factory=dict)
    books: tuple[Book, ...] = ()
    rooms: tuple[Room, ...] = ()

    @property
    def program_findings(self) -> tuple[Finding, ...]:
        """What the rules of the program itself found, which stand in no file."""
        return tuple(finding for finding in self.decision.violations if finding.place is None)


def explain(policies: PolicySet, facts: Facts) -> Explanation:
    """The decision of `policies` about `facts`, with everything that led to it."""
    outcomes: dict[str, bool | None] = {}
    decision = policies.decide(facts, outcomes.__setitem__)
    facts = _located(policies, facts)
    teller = _Teller(outcomes, decision, facts)
    matching = View(policies.matching, _shared(policies, facts))
    profiles = tuple(teller.book(profile, matching) for profile in policies.profiles)
    chosen = next((profile for profile in policies.profiles if profile.book.name == decision.profile), None)
    if chosen is None:
        return Explanation(facts, decision, profiles)
    draft, members = _worked(chosen, facts)
    effective = _effective(policies, matching.values, draft)
    guards = [(guardrail, _seen_by(guardrail, effective)) for guardrail in policies.guardrails]
    return Explanation(
        facts=facts,
        decision=decision,
        profiles=profiles,
        members=members,
        completed={name: value for name, value in decision.metadata.items() if name not in draft.metadata},
        books=(
            teller.with_rules(teller.book(chosen, matching), chosen, _seen_by(chosen, effective)),
            *(teller.with_rules(teller.book(guardrail, seen), guardrail, seen) for guardrail, seen in guards),
        ),
        rooms=tuple(rooms(policies, decision, effective)) if facts.operation == "create" else (),
    )


def view(policies: PolicySet, facts: Facts, document: str = "") -> View:
    """What an expression sees: as a match condition of any profile, or as a rule (or limit) of the document of that name.

    A profile's validations see the client that its own `client:` block makes; a guardrail's, and limits, see the one that the
    deciding profile makes, and the client as it came where no profile applies. Raises KeyError when there is no such document.
    """
    shared = _shared(policies, _located(policies, facts))
    if not document:
        return View(policies.matching, shared)
    holders: tuple[Profile | Guardrail, ...] = (*policies.profiles, *policies.guardrails)
    owner = {holder.book.name: holder for holder in holders}.get(document)
    if owner is None and document not in limit_documents(policies):
        raise KeyError(document)
    name = document if isinstance(owner, Profile) else policies.decide(facts).profile
    maker = next((profile for profile in policies.profiles if profile.book.name == name), None)
    values = shared if maker is None else _effective(policies, shared, _worked(maker, facts)[0])
    return limit_view(policies, values, name) if owner is None else _seen_by(owner, values)


def limit_documents(policies: PolicySet) -> tuple[str, ...]:
    """The names of the documents that have limits."""
    return tuple(dict.fromkeys(limit.rule.partition("/")[0] for limit in policies.limits))


def _located(policies: PolicySet, facts: Facts) -> Facts:
    return replace(facts, source=replace(facts.source, networks=policies.networks.locate(facts.source.ip)))


def _shared(policies: PolicySet, facts: Facts) -> Mapping[str, object]:
    return {**bindings(facts, policies.extensions), "constants": policies.constants}


def _effective(policies: PolicySet, shared: Mapping[str, object], draft: Draft) -> Mapping[str, object]:
    metadata = wire.apply_defaults(draft.metadata)
    return {**shared, "client": wire.total(metadata, policies.extensions), "redirects": draft.redirects}


def _seen_by(holder: Profile | Guardrail, values: Mapping[str, object]) -> View:
    return View(holder.scope, values, holder.book.variables)


def _worked(profile: Profile, facts: Facts) -> tuple[Draft, tuple[MemberWork, ...]]:
    """The draft that the profile's member rules leave, and what each of them did to it."""
    draft = Draft(dict(facts.metadata), facts.redirects, facts.now, unobserved)
    works = []
    for rule in profile.members:
        before, changes, findings = _forms(draft, rule.member), len(draft.changes), len(draft.findings)
        rule.apply(draft)
        works.append(
            MemberWork(
                member=rule.member,
                rule=rule.rule,
                place=rule.place,
                before=before,
                after=_forms(draft, rule.member),
                changes=tuple(draft.changes[changes:]),
                findings=tuple(draft.findings[findings:]),
            )
        )
    return draft, tuple(works)


def _forms(draft: Draft, member: str) -> dict[str, object]:
    """The values of a member and of its language-tagged forms (RFC 7591 §2.2), by their full names."""
    return {name: draft.metadata[name] for name in (member, *draft.tagged(member)) if name in draft.metadata}


class _Teller:
    """Joins what the observer of a decision heard with what its expressions were."""

    def __init__(self, outcomes: Mapping[str, bool | None], decision: Decision, facts: Facts) -> None:
        self._outcomes = outcomes
        self._facts = facts
        self._profile = decision.profile
        self._messages = {finding.rule: finding.message for finding in _findings(decision)}

    def book(self, holder: Profile | Guardrail, seen: View) -> Book:
        """The conditions of a document. `seen` is what they see."""
        conditions = tuple(self._check(condition, seen) for condition in holder.book.conditions)
        kind = type(holder).__name__
        return Book(holder.book.name, kind, self._reach(holder, conditions), conditions)

    def with_rules(self, book: Book, holder: Profile | Guardrail, seen: View) -> Book:
        """The same with the validations, and the variables that rules read. `seen` is what the validations see."""
        rules: list[Condition | Validation] = [*holder.book.conditions, *holder.book.validations]
        read = {name for rule in rules if rule.rule in self._outcomes for name in rule.expression.reads}
        return replace(book, variables=_variables(seen, read), judgements=tuple(self._judgements(holder, seen)))

    def _judgements(self, holder: Profile | Guardrail, seen: View) -> Iterator[Judgement]:
        for validation in holder.book.validations:
            check = self._check(Condition(validation.rule, validation.expression, validation.place), seen)
            message = self._messages.get(validation.rule, validation.message)
            yield Judgement(check, validation.switch.at(self._facts.now), message)

    def _reach(self, holder: Profile | Guardrail, conditions: Sequence[Check]) -> Reach:
        outcomes = {check.outcome for check in conditions}
        if Outcome.FALSE in outcomes:
            return Reach.PASSED_OVER
        if Outcome.ERROR in outcomes:
            return Reach.FAILED
        # A profile without conditions tells the observer nothing: it is the one that decides, or nobody got to it.
        reached = Outcome.TRUE in outcomes or isinstance(holder, Guardrail) or holder.book.name == self._profile
        return Reach.APPLIES if reached else Reach.UNSEEN

    def _check(self, condition: Condition, seen: View) -> Check:
        rule, expression = condition.rule, condition.expression
        if rule not in self._outcomes:
            return Check(rule, condition.place, expression.text, Outcome.UNSEEN)
        outcome = _OUTCOMES[self._outcomes[rule]]
        error = failure_of(expression, seen) if outcome is Outcome.ERROR else None
        return Check(rule, condition.place, expression.text, outcome, seen.trace(expression), error)


_OUTCOMES: Mapping[bool | None, Outcome] = {True: Outcome.TRUE, False: Outcome.FALSE, None: Outcome.ERROR}


def _variables(seen: View, read: set[str]) -> tuple[Variable, ...]:
    """The variables among the names that are `read`, and those that they read themselves, which stand above them."""
    found = []
    for name, expression in reversed([*(seen.variables or {}).items()]):
        if f"variables.{name}" in read:
            read = read | expression.reads
            found.append(Variable(name, expression.text, value_of(expression, seen), seen.trace(expression)))
    return tuple(reversed(found))


def _findings(decision: Decision) -> Iterable[Finding]:
    return (*decision.violations, *decision.warnings, *decision.audited)
