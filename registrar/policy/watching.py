"""Redirect matchers that tell an observer what they came to.

A decision that nobody watches pays nothing for this: it is a copy of the policy set that has matchers of this kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from registrar.errors import Place
from registrar.policy.matchers import AnyOf, Matcher
from registrar.policy.members import MemberRule
from registrar.policy.policyset import PolicySet, Profile
from registrar.policy.rules import Observer
from registrar.policy.sources import documents
from registrar.wire import RedirectUri


@dataclass(frozen=True, slots=True)
class _Watched:
    """An `allow` list that asks all of its matchers, where `AnyOf` stops at the first that fits."""

    matchers: tuple[tuple[str, Matcher], ...]
    observe: Observer

    def __call__(self, redirect: RedirectUri) -> bool:
        """Whether `redirect` fits."""
        outcomes = [(rule, matcher(redirect)) for rule, matcher in self.matchers]
        for rule, outcome in outcomes:
            self.observe(rule, outcome)
        return any(outcome for _, outcome in outcomes)


def watched(policies: PolicySet, observe: Observer) -> PolicySet:
    """A policy set that decides as `policies` does, and whose redirect matchers tell `observe` whether they fit."""
    return replace(policies, profiles=tuple(_watched_profile(profile, observe) for profile in policies.profiles))


def _watched_profile(profile: Profile, observe: Observer) -> Profile:
    return replace(profile, members=tuple(_watched_rule(rule, observe) for rule in profile.members))


def _watched_rule(rule: MemberRule, observe: Observer) -> MemberRule:
    if not isinstance(rule.allow, AnyOf):
        return rule
    named = tuple((_id(rule, index), matcher) for index, matcher in enumerate(rule.allow.matchers))
    return replace(rule, allow=_Watched(named, observe))


def matchers(policies: PolicySet) -> Iterator[tuple[str, Place]]:
    """The id, `<profile>/client.redirect_uris.allow[<n>]`, and the place of every redirect matcher."""
    written = documents(policies)
    for profile in policies.profiles:
        for rule in profile.members:
            for index in range(len(rule.allow.matchers) if isinstance(rule.allow, AnyOf) else 0):
                document = written[profile.book.place.file]
                yield _id(rule, index), document.place(("spec", "client", rule.member, "allow", index))


def _id(rule: MemberRule, index: int) -> str:
    return f"{rule.rule}.allow[{index}]"
