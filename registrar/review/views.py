"""What an expression of a policy sees of a request, and what it is there, part by part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from registrar.cel import Activation, EvaluationError, Expression, RecordType, Scope, Step
from registrar.errors import Place
from registrar.policy.vocabulary import Variables

_BUDGET = EvaluationError("the budget of this decision was exhausted by the rules before it", 0)


class Outcome(StrEnum):
    """What a condition or a validation came to in a decision."""

    TRUE = "true"
    FALSE = "false"
    ERROR = "error"
    UNSEEN = "not evaluated"


@dataclass(frozen=True, slots=True)
class Check:
    """One expression of a rule, and what it was. `steps` are its parts in the order in which they were evaluated.

    `error` says why it has no value, and is None when it has one.
    """

    rule: str
    place: Place
    text: str
    outcome: Outcome
    steps: tuple[Step, ...] = ()
    error: EvaluationError | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that some rule reads. `value` is an EvaluationError when it has none."""

    name: str
    text: str
    value: object
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class View:
    """What the expressions of one document see. Without `variables` there are none."""

    scope: Scope
    values: Mapping[str, object]
    variables: Mapping[str, Expression] | None = None

    def bind(self) -> Activation:
        """An activation with a budget of its own, so that what one expression spends is no other one's loss."""
        if self.variables is None:
            return self.scope.bind(self.values)
        return Variables(self.variables).bind(self.scope, self.values)

    def trace(self, expression: Expression) -> tuple[Step, ...]:
        """The parts of `expression` in the order in which they were evaluated.

        A record of facts in front of its member is left out: the member says it, and `variables` are only computed when read.
        """
        return tuple(step for step in expression.trace(self.bind()) if not self._selected(step, expression))

    def _selected(self, step: Step, expression: Expression) -> bool:
        record = isinstance(self.scope.types.get(step.text), RecordType)
        return record and expression.text[step.end :].lstrip().startswith((".", "["))


def origin(error: EvaluationError, steps: Sequence[Step]) -> int:
    """Where in an expression with these `steps` the error arose: an offset into its text.

    An error inside a variable has no place in the expression but that of the variable's name.
    """
    failed = next((step for step in steps if _same(step.value, error)), None)
    return error.offset if failed is None or failed.offset <= error.offset < failed.end else failed.offset


def _same(value: object, error: EvaluationError) -> bool:
    """Whether a step ended in this error, and not in another that `||` or `&&` passed over."""
    return isinstance(value, EvaluationError) and (value.reason, value.offset) == (error.reason, error.offset)


def value_of(expression: Expression, seen: View) -> object:
    """The value of `expression`, or the EvaluationError that it ends in."""
    try:
        return expression.evaluate(seen.bind())
    except EvaluationError as error:
        return error


def failure_of(expression: Expression, seen: View) -> EvaluationError:
    """Why `expression` had no value in the decision: when it has one now, there was no budget left for it."""
    value = value_of(expression, seen)
    return value if isinstance(value, EvaluationError) else _BUDGET
