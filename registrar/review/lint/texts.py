"""Lints about how expressions, patterns and names are written."""

import re
from collections.abc import Iterator

from registrar.cel.syntax import Call, Conditional, Literal, Logic, Node, parse
from registrar.documents import Document
from registrar.policy.reading import Path
from registrar.policy.rules import RuleBook
from registrar.review.lint.anchors import loose_ends
from registrar.review.lint.finding import Lint
from registrar.review.lint.subject import Subject, found, member_path

_CONSTANT = re.compile(r"\bconstants\s*(?:\.\s*|\[\s*['\"])([a-z][a-z0-9_]*)")


def loose_patterns(subject: Subject) -> Iterator[Lint]:
    """Patterns that must fit and that are not tied to both ends: what stands around them is free.

    `pattern` of a member, and literal patterns of `matches` where it has to be true. A pattern that must not fit is none of them.
    """
    for profile in subject.policies.profiles:
        document = subject.document(profile.book)
        for rule in profile.members:
            ends = loose_ends(rule.pattern.text) if rule.pattern is not None else ""
            if ends:
                message = f"is not tied to the {ends} of the text: write ^ and $, or \\A and \\z"
                yield found("regex-unanchored", document, (*member_path(rule), "pattern"), message)
        yield from _loose_matches(subject, profile.book)
    for guardrail in subject.policies.guardrails:
        yield from _loose_matches(subject, guardrail.book)


def _loose_matches(subject: Subject, book: RuleBook) -> Iterator[Lint]:
    for path, rule in subject.rules(book):
        for literal in _required_patterns(parse(rule.expression.text), required=True):
            ends = loose_ends(str(literal.value))
            if ends:
                message = f"this pattern is not tied to the {ends} of the text: write ^ and $, or \\A and \\z"
                yield found("regex-unanchored", subject.document(book), path, message, offset=literal.offset)


def _required_patterns(node: Node, *, required: bool) -> Iterator[Literal]:
    """The literal patterns of the calls of `matches` on whose truth, not on whose falsehood, the truth of `node` depends."""
    match node:
        case Call(function="!_", args=(operand,)):
            yield from _required_patterns(operand, required=not required)
        case Logic(operands=operands):
            for operand in operands:
                yield from _required_patterns(operand, required=required)
        case Conditional(yes=yes, no=no):
            yield from _required_patterns(yes, required=required)
            yield from _required_patterns(no, required=required)
        case Call(function="all" | "exists", args=(_, predicate)):
            yield from _required_patterns(predicate, required=required)
        case Call(function="matches", args=(*_, Literal() as pattern)) if required:
            yield pattern


def unused_variables(subject: Subject) -> Iterator[Lint]:
    """Variables that no rule and no annotation reads, directly or by way of other variables."""
    for book in subject.books():
        used = _used_variables(book)
        for index, name in enumerate(book.variables):
            if name not in used:
                message = f"no rule reads the variable {name}"
                yield found("unused-variable", subject.document(book), ("spec", "variables", index, "name"), message)


def _used_variables(book: RuleBook) -> set[str]:
    expressions = [condition.expression for condition in book.conditions]
    expressions += [validation.expression for validation in book.validations]
    expressions += [annotation.expression for annotation in book.annotations]
    waiting = [name for expression in expressions for name in expression.reads]
    used: set[str] = set()
    while waiting:
        root, *members = waiting.pop().split(".")
        new = set(members[:1] or book.variables) - used if root == "variables" else set()
        used |= new
        waiting += [name for variable in new for name in book.variables[variable].reads]
    return used


def unused_constants(subject: Subject) -> Iterator[Lint]:
    """Constants that no document names. The text is searched, so that a name in a comment of an expression counts as a use."""
    named = {
        name for document in subject.documents.values() for text in _texts(document.value) for name in _CONSTANT.findall(text)
    }
    for name in subject.policies.constants:
        if name not in named:
            path: Path = ("spec", "constants", name)
            yield found("unused-constant", subject.head, path, f"nothing names the constant {name}", key=True)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)


def past_deadlines(subject: Subject) -> Iterator[Lint]:
    """Rules that are enforced since a moment that has passed: `mode` and `enforceAfter` only mislead then."""
    for profile in subject.policies.profiles:
        for rule in profile.members:
            if rule.switch.enforce_after is not None and rule.switch.enforce_after <= subject.now:
                yield _past(subject.document(profile.book), member_path(rule))
    for book in subject.books():
        for index, validation in enumerate(book.validations):
            if validation.switch.enforce_after is not None and validation.switch.enforce_after <= subject.now:
                yield _past(subject.document(book), ("spec", "validations", index))


def _past(document: Document, path: Path) -> Lint:
    message = "has passed, so the rule is enforced: enforceAfter, and a mode beside it, can go"
    return found("enforceAfter-in-past", document, (*path, "enforceAfter"), message)
