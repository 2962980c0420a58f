"""What a decision can cost, by the caps of what its expressions go over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registrar.cel import BUDGET, Expression, Loop
from registrar.documents import Document
from registrar.errors import Place
from registrar.policy.reading import Path
from registrar.policy.rules import RuleBook
from registrar.policy.sources import limit_keys, limit_path
from registrar.review.lint.finding import Lint
from registrar.review.lint.subject import Subject, found


@dataclass(frozen=True, slots=True)
class RuleCost:
    """The greatest number of steps that one expression should take: a rule's, an annotation's or a variable's, by its id."""

    rule: str
    steps: int
    place: Place


@dataclass(frozen=True, slots=True)
class Cost:
    """Estimates in steps (`registrar.cel.BUDGET`) for the largest request; the usual one makes decisions far cheaper.

    `decision` is that of the dearest decision, `profile` the profile that makes it. `rules` begin with the dearest.
    """

    decision: int
    profile: str
    rules: tuple[RuleCost, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """One expression and where it stands."""

    rule: str
    expression: Expression
    document: Document
    path: Path


def estimate(subject: Subject) -> Cost:
    """What decisions by the tree can cost."""
    policies = subject.policies
    shared = _sum(
        [*_conditions(subject), *(part for guardrail in policies.guardrails for part in _parts(subject, guardrail.book))]
    )
    profiles = [(_sum(_judging(subject, profile.book)), profile.book.name) for profile in policies.profiles]
    # Of equal profiles the first is named.
    most, name = max(profiles, key=lambda profile: profile[0])
    limits = list(_limits(subject))
    parts = [*(part for book in subject.books() for part in _parts(subject, book)), *limits]
    rules = [RuleCost(part.rule, part.expression.cost, part.document.place(part.path)) for part in parts]
    return Cost(shared + most + _sum(limits), name, tuple(sorted(rules, key=lambda rule: (-rule.steps, rule.rule))))


def over_budget(subject: Subject) -> Iterator[Lint]:
    """Expressions that share one budget and could exceed it together: it refuses the client then, with an error of its own."""
    for what, parts in _budgets(subject):
        total = _sum(parts)
        if total <= BUDGET:
            continue
        dearest = max(parts, key=lambda part: part.expression.cost)
        message = f"{what} could take {total:,} steps, and have {BUDGET:,}: {_advice(dearest.expression)}"
        yield found("over-budget", dearest.document, dearest.path, message)


def _budgets(subject: Subject) -> Iterator[tuple[str, list[_Part]]]:
    """The groups of expressions that are evaluated under one budget, as `PolicySet.decide` makes them."""
    yield "the matchConditions of all profiles", _conditions(subject)
    for profile in subject.policies.profiles:
        yield f"the expressions of {profile.book.name}", _judging(subject, profile.book)
    books = [guardrail.book for guardrail in subject.policies.guardrails]
    plain = [part for book in books if not book.variables for part in _parts(subject, book)]
    yield "the expressions of the guardrails without variables", plain
    yield "the expressions of all limits", list(_limits(subject))
    for book in books:
        if book.variables:
            yield f"the expressions of {book.name}", _parts(subject, book)


def _conditions(subject: Subject) -> list[_Part]:
    books = [profile.book for profile in subject.policies.profiles]
    return [part for book in books for part in _parts(subject, book) if "matchConditions" in part.path]


def _judging(subject: Subject, book: RuleBook) -> list[_Part]:
    """What a profile evaluates once it has been chosen."""
    return [part for part in _parts(subject, book) if "matchConditions" not in part.path]


def _parts(subject: Subject, book: RuleBook) -> list[_Part]:
    document = subject.document(book)
    variables = [
        _Part(f"{book.name}/variables.{name}", expression, document, ("spec", "variables", index, "expression"))
        for index, (name, expression) in enumerate(book.variables.items())
    ]
    rules = [_Part(rule.rule, rule.expression, document, path) for path, rule in subject.rules(book)]
    annotations = [
        _Part(
            f"{book.name}/{annotation.key}",
            annotation.expression,
            document,
            ("spec", "auditAnnotations", index, "valueExpression"),
        )
        for index, annotation in enumerate(book.annotations)
    ]
    return [*variables, *rules, *annotations]


def _limits(subject: Subject) -> Iterator[_Part]:
    for limit in subject.policies.limits:
        document = subject.documents[limit_path(limit)]
        path = limit_keys(limit, document)
        yield from (_Part(limit.rule, condition.expression, document, (*path, "when")) for condition in limit.conditions)
        yield _Part(limit.rule, limit.key, document, (*path, "key"))


def _sum(parts: Iterable[_Part]) -> int:
    return sum(part.expression.cost for part in parts)


def _advice(expression: Expression) -> str:
    """What this expression takes of it, and which cap to lower: that of the longest list that it goes over, if it does."""
    longest = max(expression.loops, key=_cap, default=None)
    lower = "" if longest is None else f"; lower how many elements {longest.over} can have ({_words(longest)})"
    return f"{expression.cost:,} of them are of this one{lower}"


def _cap(loop: Loop) -> float:
    return float("inf") if loop.cap is None else loop.cap


def _words(loop: Loop) -> str:
    return "no cap is known" if loop.cap is None else f"at most {loop.cap:,}"
