"""What a policy set would decide about a request that was decided before, beside what that came to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Final

from registrar import wire
from registrar.policy.decision import Decision, Finding, Lifetimes
from registrar.policy.facts import Facts
from registrar.policy.intake import MalformedError, take_in
from registrar.policy.policyset import PolicySet
from registrar.schema import Schema

EXAMPLES: Final = 3
"""How many decisions are kept as examples of one difference."""

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_NO_RULES: Final[frozenset[str]] = frozenset()


class Kind(StrEnum):
    """In what two decisions about one request differ."""

    REFUSED = "refused"
    ADMITTED = "admitted"
    REASONS = "reasons"
    PROFILE = "profile"
    VALUES = "values"
    LIFETIMES = "lifetimes"
    LIMITS = "limits"
    NOTES = "notes"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a decision came to: the profile, and the ids of the rules that refused, warned, and were only recorded.

    `metadata` is the effective client, None where it is not known; `lifetimes` likewise. `limits` are the keys that it counts
    under, by the limit's id. `errored`: a rule failed at run time.
    """

    allowed: bool
    errored: bool = False
    profile: str = ""
    violations: frozenset[str] = _NO_RULES
    warnings: frozenset[str] = _NO_RULES
    audited: frozenset[str] = _NO_RULES
    metadata: Mapping[str, object] | None = None
    lifetimes: Lifetimes | None = None
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def result(self) -> str:
        """The outcome in one word, as decisions are recorded."""
        return "allow" if self.allowed else "error" if self.errored else "deny"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two outcomes differ.

    `name` is a rule id, a member, a lifetime or a part of a record. `old` and `new` say from what to what, in few words, so that
    equal differences can be counted; values of clients, which are many, stand in `values`.
    """

    kind: Kind
    name: str
    old: str
    new: str
    values: tuple[object, object] | None = None


def decide_again(policies: PolicySet, facts: Facts, schema: Schema) -> Outcome:
    """What `policies` make of the request that `facts` are about. `schema` is the one of registration requests.

    The request goes through the intake again: which members are known is a matter of the policy set. A document that the intake
    refuses is refused by rules `registrar/<member>`, as in test suites.
    """
    try:
        intake = take_in(facts.submitted, schema, policies.extensions)
    except MalformedError as error:
        return Outcome(allowed=False, violations=frozenset(f"registrar/{fault.member}" for fault in error.faults))
    return outcome_of(policies.decide(replace(facts, metadata=intake.metadata, redirects=intake.redirects)))


def outcome_of(decision: Decision) -> Outcome:
    """What `decision` came to."""
    return Outcome(
        allowed=decision.allowed,
        errored=decision.errored,
        profile=decision.profile,
        violations=_rules(decision.violations),
        warnings=_rules(decision.warnings),
        audited=_rules(decision.audited),
        metadata=decision.metadata,
        lifetimes=decision.lifetimes,
        limits={use.limit: use.key for use in decision.limits},
    )


def compare(old: Outcome, new: Outcome, hidden: frozenset[str] = frozenset()) -> tuple[Difference, ...]:
    """In what `new` differs from `old`; empty when the client is told and gets the same.

    The members `hidden` are not compared.
    """
    if old.allowed and new.allowed:
        grants = (*_profiles(old, new), *_values(old, new, hidden), *_lifetimes(old, new))
        return (*grants, *_limits(old, new), *_notes(old, new))
    if old.allowed:
        return _crossing(Kind.REFUSED, new.violations, old, new)
    if new.allowed:
        return _crossing(Kind.ADMITTED, old.violations, old, new)
    return tuple(_reasons(old, new))


def _crossing(kind: Kind, rules: frozenset[str], old: Outcome, new: Outcome) -> tuple[Difference, ...]:
    """One for each rule that refuses on the one side; one also where a record names none."""
    return tuple(Difference(kind, rule, old.result, new.result) for rule in sorted(rules) or ("no rule",))


def _profiles(old: Outcome, new: Outcome) -> Iterator[Difference]:
    if old.profile != new.profile:
        yield Difference(Kind.PROFILE, "profile", old.profile, new.profile)


def _values(old: Outcome, new: Outcome, hidden: frozenset[str]) -> Iterator[Difference]:
    """One for each member; its forms in other languages (RFC 7591 §2.2) are the member's, since clients choose the languages."""
    if old.metadata is None or new.metadata is None:
        return
    seen = set(hidden)
    for name in sorted({*old.metadata, *new.metadata}):
        before, after = plain(old.metadata.get(name)), plain(new.metadata.get(name))
        member = wire.base_name(name) or name
        if before != after and member not in seen:
            seen.add(member)
            yield Difference(Kind.VALUES, member, "", "", (before, after))


def _lifetimes(old: Outcome, new: Outcome) -> Iterator[Difference]:
    if old.lifetimes is None or new.lifetimes is None:
        return
    for item in fields(Lifetimes):
        before, after = getattr(old.lifetimes, item.name), getattr(new.lifetimes, item.name)
        if before != after:
            yield Difference(Kind.LIFETIMES, f"lifetimes.{item.name}", _duration(before), _duration(after))


def _limits(old: Outcome, new: Outcome) -> Iterator[Difference]:
    """How much room there is, and how much of it is used, is no part of a record."""
    for limit in sorted({*old.limits, *new.limits}):
        before, after = old.limits.get(limit), new.limits.get(limit)
        if before is None or after is None:
            words = "not counted" if before is None else "counted", "not counted" if after is None else "counted"
            yield Difference(Kind.LIMITS, limit, *words)
        elif before != after:
            yield Difference(Kind.LIMITS, limit, "counted", "counted by another key", (before, after))


def _duration(seconds: int) -> str:
    """As lifetimes are written in a profile."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}" if seconds else "for ever"


def _notes(old: Outcome, new: Outcome) -> Iterator[Difference]:
    for rule in sorted(old.warnings | old.audited | new.warnings | new.audited):
        before, after = _note(old, rule), _note(new, rule)
        if before != after:
            yield Difference(Kind.NOTES, rule, before, after)


def _note(outcome: Outcome, rule: str) -> str:
    return "warn" if rule in outcome.warnings else "audit" if rule in outcome.audited else "nothing"


def _reasons(old: Outcome, new: Outcome) -> Iterator[Difference]:
    for rule in sorted(old.violations | new.violations):
        before = old.result if rule in old.violations else "nothing"
        after = new.result if rule in new.violations else "nothing"
        if before != after:
            yield Difference(Kind.REASONS, rule, before, after)


def _rules(findings: Iterable[Finding]) -> frozenset[str]:
    return frozenset(finding.rule for finding in findings)


def plain(value: object) -> object:
    """`value` in the types that JSON reads: what is stored is compared with what was just made."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


@dataclass(slots=True)
class Count:
    """How often a difference was seen, and the first of the decisions (or clients) with it, each with the values in it."""

    number: int = 0
    examples: list[tuple[str, tuple[object, object] | None]] = field(default_factory=list)

    def note(self, subject: str, values: tuple[object, object] | None) -> None:
        """Count one more."""
        self.number += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append((subject, values))


Group = tuple[Kind, str, str, str]
"""Differences that are counted together: kind, name, old, new."""


@dataclass(slots=True)
class Tally:
    """Differences, counted. Its size depends on how many rules and members there are, not on how many decisions are noted."""

    subjects: int = 0
    unchanged: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    groups: dict[Group, Count] = field(default_factory=dict)

    def note(self, subject: str, differences: Iterable[Difference]) -> None:
        """Count one decision or client; those that come first are the examples."""
        differences = tuple(differences)
        self.subjects += 1
        self.unchanged += not differences
        self.kinds.update({difference.kind for difference in differences})
        for difference in differences:
            group = (difference.kind, difference.name, difference.old, difference.new)
            self.groups.setdefault(group, Count()).note(subject, difference.values)

    def most(self, kind: Kind) -> list[tuple[Group, Count]]:
        """The groups of one kind, the most frequent first."""
        found = [(group, count) for group, count in self.groups.items() if group[0] is kind]
        return sorted(found, key=lambda entry: (-entry[1].number, entry[0]))
