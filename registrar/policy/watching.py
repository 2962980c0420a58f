"""Redirect matchers, and overrides of limits, that tell an observer what they came to.

A decision that nobody watches pays nothing for this: matchers are watched in a copy of the policy set, overrides afterwards.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from registrar.errors import Place
from registrar.limits import LimitUse
from registrar.policy.facts import Source
from registrar.policy.limits import Limit
from registrar.policy.matchers import AnyOf, Matcher
from registrar.policy.members import MemberRule
from registrar.policy.policyset import PolicySet, Profile
from registrar.policy.rules import Observer
from registrar.policy.sources import documents, limit_keys, limit_path
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


def overrides(policies: PolicySet) -> Iterator[tuple[str, Place]]:
    """The id, `<limits>/<id>.overrides[<n>]`, and the place of every override of a limit."""
    written = documents(policies)
    for limit in policies.limits:
        document = written[limit_path(limit)]
        for index in range(len(limit.overrides)):
            yield _override_id(limit, index), document.place((*limit_keys(limit, document), "overrides", index))


def watch_overrides(policies: PolicySet, uses: Iterable[LimitUse], source: Source, observe: Observer) -> None:
    """Tell `observe` which overrides gave a client from `source`, with these `uses`, its numbers, and which did not."""
    networks = policies.networks.locate(source.ip)
    limits = {limit.rule: limit for limit in policies.limits}
    for limit in (limits[use.limit] for use in uses):
        ceilings = limit.ceilings_in(networks)
        for index, override in enumerate(limit.overrides):
            observe(_override_id(limit, index), override.ceilings is ceilings)


def _override_id(limit: Limit, index: int) -> str:
    return f"{limit.rule}.overrides[{index}]"


def _id(rule: MemberRule, index: int) -> str:
    return f"{rule.rule}.allow[{index}]"
