"""What lints look at: a compiled policy set, its documents, the moment, and what its tests have seen."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from registrar.cel import Activation, EvaluationError, Expression
from registrar.documents import Document, format_path
from registrar.policy.members import MemberRule
from registrar.policy.policyset import PolicySet
from registrar.policy.reading import Path
from registrar.policy.rules import Condition, RuleBook, Validation
from registrar.policy.tree import HEAD
from registrar.policy.vocabulary import Variables
from registrar.review.lint.finding import LINTS, Lint
from registrar.wire import MEMBERS

_EPOCH = datetime.fromtimestamp(0, UTC)

# By rule id, the outcomes that the tests of a tree have seen (True, False, None for a runtime error).
Seen = Mapping[str, Collection[bool | None]]


@dataclass(frozen=True, slots=True)
class Subject:
    """The tree. `seen` is None when it has no tests."""

    policies: PolicySet
    documents: Mapping[str, Document]
    now: datetime = _EPOCH
    seen: Seen | None = None

    @property
    def head(self) -> Document:
        """policyset.yaml."""
        return self.documents[HEAD]

    def document(self, book: RuleBook) -> Document:
        """The document that `book` was compiled from."""
        return self.documents[book.place.file]

    def books(self) -> Iterator[RuleBook]:
        """The rules of every profile, then of every guardrail."""
        yield from (profile.book for profile in self.policies.profiles)
        yield from (guardrail.book for guardrail in self.policies.guardrails)

    def expressions(self) -> Iterator[Expression]:
        """Every expression of the tree."""
        for book in self.books():
            yield from (rule.expression for _, rule in self.rules(book))
            yield from book.variables.values()
            yield from (annotation.expression for annotation in book.annotations)
        yield from (expression for limit in self.policies.limits for expression in limit.expressions)

    def outcome(self, rule: Condition | Validation, book: RuleBook) -> bool | None:
        """What `rule` is for every client, when it reads nothing of a request: true, or not true. None when it depends."""
        expression = rule.expression
        if not fixed(expression, book.variables):
            return None
        values = {**dict.fromkeys(expression.scope.types), "constants": self.policies.constants}
        return holds(expression, Variables(book.variables).bind(expression.scope, values))

    def rules(self, book: RuleBook) -> Iterator[tuple[Path, Condition | Validation]]:
        """The conditions and validations of `book`, with the path of their expressions."""
        for index, condition in enumerate(book.conditions):
            yield ("spec", "matchConditions", index, "expression"), condition
        for index, validation in enumerate(book.validations):
            yield ("spec", "validations", index, "expression"), validation


def holds(expression: Expression, activation: Activation) -> bool:
    """Whether `expression` is true: false and an error are not."""
    try:
        return expression.evaluate(activation) is True
    except EvaluationError:
        return False


def fixed(expression: Expression, variables: Mapping[str, Expression]) -> bool:
    """Whether `expression` reads constants only, in the variables that it reads too."""
    for name in expression.reads:
        root, *members = name.split(".")
        if root == "variables":
            used = [variables[members[0]]] if members else variables.values()
            if not all(fixed(variable, variables) for variable in used):
                return False
        elif root != "constants":
            return False
    return True


def member_path(rule: MemberRule) -> Path:
    """Where the constraints on a member stand in a profile."""
    return ("spec", "client" if rule.member in MEMBERS else "extensions", rule.member)


def found(lint: str, document: Document, path: Path, message: str, *, key: bool = False, offset: int | None = None) -> Lint:
    """A finding at `path` of `document`, or at the character `offset` of the text there."""
    place = document.place(path, key=key) if offset is None else document.text_place(path, offset)
    return Lint(place, lint, LINTS[lint].severity, message, format_path(path))
