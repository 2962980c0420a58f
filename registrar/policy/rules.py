"""Rules: what must be true, from when on, and what becomes of it when it is not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from registrar.cel import Activation, EvaluationError, Expression
from registrar.errors import Place
from registrar.policy.decision import Finding, Mode
from registrar.wire import ErrorCode, printable

# Told to whoever watches a decision being made: a rule id and what it came to; None is a runtime error.
Observer = Callable[[str, bool | None], None]

_LONGEST_MESSAGE = 300


def unobserved(_rule: str, _outcome: bool | None) -> None:
    """The observer of a decision that nobody watches."""


class Switch(NamedTuple):
    """A rule's mode, and the moment from which it is enforced whatever the mode says."""

    mode: Mode = Mode.ENFORCE
    enforce_after: datetime | None = None

    def at(self, now: datetime) -> Mode:
        """The mode that holds at `now`."""
        if self.enforce_after is not None and now >= self.enforce_after:
            return Mode.ENFORCE
        return self.mode


# `eq=False` here, and for the other compiled parts of a policy set: an expression equals itself alone, so what holds one does
# too, and a class without `==` of its own takes a third less time to define.
@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One of a document's `matchConditions`."""

    rule: str
    expression: Expression
    place: Place


def applies(conditions: Sequence[Condition], activation: Activation, observe: Observer) -> bool | Condition:
    """Whether all conditions are true. A definite false outweighs an error; an error without one is the condition that failed.

    Every condition is looked at until one is false, so that an error in front of a false does not refuse the client.
    """
    failed: Condition | None = None
    for condition in conditions:
        try:
            outcome = condition.expression.evaluate(activation) is True
        except EvaluationError:
            observe(condition.rule, None)
            failed = failed or condition
            continue
        if observe is not unobserved:
            observe(condition.rule, outcome)
        if not outcome:
            return False
    return True if failed is None else failed


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """One of a document's `validations`: an expression that must be true of the effective client."""

    rule: str
    expression: Expression
    place: Place
    message: str
    message_expression: Expression | None = None
    code: ErrorCode = ErrorCode.INVALID_CLIENT_METADATA
    field: str = ""
    switch: Switch = Switch()

    def finding(self, messages: Callable[[], Activation], now: datetime, *, errored: bool) -> Finding:
        """What is found when the expression is not true.

        `messages` makes an activation of the scope of messages, for the few that are computed.
        """
        message = self.message if errored else self._words(messages)
        return Finding(self.rule, self.place, message, self.code, self.field, self.switch.at(now), errored)

    def _words(self, messages: Callable[[], Activation]) -> str:
        if self.message_expression is None:
            return self.message
        try:
            return printable(str(self.message_expression.evaluate(messages())), _LONGEST_MESSAGE) or self.message
        except EvaluationError:
            return self.message


def broken(validations: Sequence[Validation], activation: Activation, observe: Observer) -> list[tuple[Validation, bool]]:
    """The validations that are not true, and whether it is for an error, an exhausted budget included."""
    found: list[tuple[Validation, bool]] = []
    for validation in validations:
        try:
            outcome = validation.expression.evaluate(activation) is True
        except EvaluationError:
            observe(validation.rule, None)
            found.append((validation, True))
            continue
        if observe is not unobserved:
            observe(validation.rule, outcome)
        if not outcome:
            found.append((validation, False))
    return found


class Annotation(NamedTuple):
    """One of a document's `auditAnnotations`: recorded, never told to the client, without a say in the decision."""

    key: str
    expression: Expression

    def value(self, activation: Activation) -> str:
        """What is recorded; an expression that fails is no reason to refuse anybody."""
        try:
            return str(self.expression.evaluate(activation))
        except EvaluationError:
            return "(error)"


@dataclass(frozen=True, slots=True, eq=False)
class RuleBook:
    """What a Profile and a Guardrail have in common: when they apply, their variables, their rules."""

    name: str
    place: Place
    conditions: tuple[Condition, ...] = ()
    variables: Mapping[str, Expression] = field(default_factory=dict)
    validations: tuple[Validation, ...] = ()
    annotations: tuple[Annotation, ...] = ()

    def rules(self) -> Iterator[tuple[str, Place]]:
        """The id and place of every condition and validation."""
        for condition in self.conditions:
            yield condition.rule, condition.place
        for validation in self.validations:
            yield validation.rule, validation.place
