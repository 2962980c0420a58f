"""Lints about what is never reached, and about what is the same for everybody."""

from collections.abc import Iterator

from registrar.policy.decision import Mode
from registrar.policy.policyset import Profile
from registrar.policy.rules import Condition, RuleBook
from registrar.review.difference.expressions import Shape, conjuncts
from registrar.review.lint.finding import Lint
from registrar.review.lint.subject import Subject, found, member_path


def unreachable_profiles(subject: Subject) -> Iterator[Lint]:
    """Profiles whose conditions hold only where those of an earlier profile hold as well: that one is always first.

    Conditions are compared as they are written, brackets and spaces apart: `&&` within one and several in a list are the same.
    """
    earlier: list[tuple[str, frozenset[Shape]]] = []
    for index, profile in enumerate(subject.policies.profiles):
        demands = _demands(subject, profile)
        covering = next((name for name, others in earlier if others <= demands), None)
        if covering is not None:
            message = f'can never be reached: whatever matches "{profile.book.name}" matches "{covering}" before it'
            yield found("unreachable-profile", subject.head, ("spec", "profiles", index), message)
        earlier.append((profile.book.name, demands))


def _demands(subject: Subject, profile: Profile) -> frozenset[Shape]:
    """The conjuncts of a profile's conditions, without conditions that are always true."""
    demanding = [condition for condition in profile.book.conditions if subject.outcome(condition, profile.book) is not True]
    return frozenset(shape for condition in demanding for shape in conjuncts(condition.expression.text))


def constant_rules(subject: Subject) -> Iterator[Lint]:
    """Rules that read nothing of a request. That a profile's rules are never true is for `profile-grants-nothing` to say."""
    profiles = {profile.book.name for profile in subject.policies.profiles}
    for book in subject.books():
        for path, rule in subject.rules(book):
            outcome = subject.outcome(rule, book)
            if outcome is None or (outcome is False and book.name in profiles):
                continue
            what = "condition" if isinstance(rule, Condition) else "rule"
            clients = "every client" if outcome else "no client"
            message = f"this {what} reads nothing of the request: it is true for {clients}"
            yield found("always-true", subject.document(book), path, message)


def unenforced_trees(subject: Subject) -> Iterator[Lint]:
    """A tree that is only tried out: what it finds is recorded, or told, and stops nobody."""
    mode = subject.policies.mode
    if mode is not Mode.ENFORCE:
        yield found("not-enforced", subject.head, ("spec", "mode"), f"{mode}: rules that do not say otherwise refuse nobody")


def missing_tests(subject: Subject) -> Iterator[Lint]:
    """A tree without tests, in which no rule can be said to be untested: what would pass for well tested."""
    if subject.seen is None:
        yield found("no-tests", subject.head, (), "there are no tests beside this tree: tests/*_test.yaml")


def untested_rules(subject: Subject) -> Iterator[Lint]:
    """Rules that no test has seen say no; nothing when the tree has no tests."""
    if subject.seen is None:
        return
    for profile in subject.policies.profiles:
        yield from _untested(subject, profile.book)
        for rule in profile.members:
            if rule.decides and False not in subject.seen.get(rule.rule, ()):
                message = f"no test sees {rule.rule} refuse or change anything"
                yield found("never-tested-rule", subject.document(profile.book), member_path(rule), message, key=True)
    for guardrail in subject.policies.guardrails:
        yield from _untested(subject, guardrail.book)


def _untested(subject: Subject, book: RuleBook) -> Iterator[Lint]:
    seen = subject.seen or {}
    for path, rule in subject.rules(book):
        if False not in seen.get(rule.rule, ()):
            message = f"no test sees {rule.rule} not true"
            yield found("never-tested-rule", subject.document(book), path, message)
