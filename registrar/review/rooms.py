"""Limits, explained: for which of them a client needed room, and under which key. How much is used already is for the store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registrar.cel import EvaluationError
from registrar.errors import Place
from registrar.limits import LimitUse
from registrar.policy.decision import Decision
from registrar.policy.limits import Limit
from registrar.policy.policyset import PolicySet
from registrar.review.views import Check, Outcome, Variable, View, failure_of, value_of


@dataclass(frozen=True, slots=True)
class Room:
    """One limit. `when` is None where it is for everybody, `key` where it was not asked for, `use` where no room was needed.

    The value of `key` is the one of its expression, or why it has none; `use` has what is counted under.
    """

    rule: str
    place: Place
    when: Check | None
    key: Variable | None
    use: LimitUse | None


def rooms(policies: PolicySet, decision: Decision, values: Mapping[str, object]) -> Iterator[Room]:
    """Every limit of `policies`, as `decision` went through it; none where nobody got so far. `values`: the effective client."""
    failed = {finding.rule for finding in decision.violations if finding.errored} & {limit.rule for limit in policies.limits}
    if not failed and not decision.limits and not decision.allowed:
        return
    seen = limit_view(policies, values, decision.profile)
    uses = {use.limit: use for use in decision.limits}
    for limit in policies.limits:
        yield _room(limit, seen, uses.get(limit.rule), failed=limit.rule in failed)


def limit_view(policies: PolicySet, values: Mapping[str, object], profile: str) -> View:
    """What limits see of a client that `profile` decided about."""
    return View(policies.limiting, {**values, "profile": profile})


def _room(limit: Limit, seen: View, use: LimitUse | None, *, failed: bool) -> Room:
    when = _when(limit, seen, failed=failed)
    asked = when is None or when.outcome is Outcome.TRUE
    return Room(limit.rule, limit.place, when, _key(limit, seen, failed=failed) if asked else None, use)


def _when(limit: Limit, seen: View, *, failed: bool) -> Check | None:
    for condition in limit.conditions:
        expression = condition.expression
        value = value_of(expression, seen)
        error = value if isinstance(value, EvaluationError) else None
        outcome = Outcome.ERROR if error is not None else Outcome.TRUE if value is True else Outcome.FALSE
        if failed and outcome is Outcome.FALSE:
            outcome, error = Outcome.ERROR, failure_of(expression, seen)
        return Check(limit.rule, condition.place, expression.text, outcome, seen.trace(expression), error)
    return None


def _key(limit: Limit, seen: View, *, failed: bool) -> Variable:
    value = failure_of(limit.key, seen) if failed else value_of(limit.key, seen)
    return Variable("key", limit.key.text, value, seen.trace(limit.key))
