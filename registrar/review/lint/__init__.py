"""Lints: what is doubtful about a policy that loads. Pure; `metadata.annotations."registrar.lint/ignore"` silences by id."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from registrar.documents import Document
from registrar.policy.policyset import PolicySet
from registrar.review.lint import grants, limits, metadata, reach, texts
from registrar.review.lint.cost import Cost, RuleCost, estimate, over_budget
from registrar.review.lint.finding import LINTS, Kind, Lint, Severity
from registrar.review.lint.subject import Seen, Subject

__all__ = ["LINTS", "Cost", "Kind", "Lint", "RuleCost", "Severity", "costs", "lint"]

_LINTS: tuple[Callable[[Subject], Iterable[Lint]], ...] = (
    reach.unreachable_profiles,
    reach.constant_rules,
    reach.unenforced_trees,
    reach.missing_tests,
    reach.untested_rules,
    grants.empty_profiles,
    grants.host_wildcards,
    grants.public_credentials,
    grants.refused_defaults,
    texts.loose_patterns,
    texts.unused_variables,
    texts.unused_constants,
    texts.past_deadlines,
    limits.evadable_limits,
    limits.idle_limits,
    limits.constant_limits,
    limits.untested_limits,
    limits.idle_reuse,
    limits.unknown_profiles,
    limits.unused_networks,
    metadata.missing_owners,
    metadata.unknown_ignores,
    over_budget,
)


def costs(policies: PolicySet, documents: Mapping[str, Document]) -> Cost:
    """What decisions by `policies` can cost; `documents` as for `lint`."""
    return estimate(Subject(policies, documents))


def lint(policies: PolicySet, documents: Mapping[str, Document], now: datetime, seen: Seen | None = None) -> tuple[Lint, ...]:
    """What is doubtful about `policies`, sorted by place.

    `documents` are those that it was compiled from, by path in the tree (`registrar.policy.sources.documents`). `seen` has the
    outcomes that the tree's tests have seen, by rule id; None when it has no tests.
    """
    subject = Subject(policies, documents, now, seen)
    findings = (finding for kind in _LINTS for finding in kind(subject))
    return tuple(sorted(metadata.heard(findings, subject), key=lambda finding: (finding.place, finding.id)))
