"""Comparing the rules of two documents of one name: their conditions, validations and what they record."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registrar.cel import Expression
from registrar.policy.policyset import PolicySet
from registrar.policy.rules import Condition, RuleBook, Validation
from registrar.review.difference.differences import (
    Difference,
    Direction,
    Side,
    Step,
    compare_switches,
    ever_enforced,
)
from registrar.review.difference.expressions import Dictionary, Meaning, Relation, changed_reads, relation
from registrar.review.words import one_line

_DIRECTIONS = {
    Relation.STRICTER: (Direction.NARROWER, "demands more: a conjunct was added"),
    Relation.LOOSER: (Direction.WIDER, "demands less: a conjunct was taken away"),
    Relation.OTHER: (Direction.MAY_WIDEN, "is another expression"),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """A document's rules, with what the names in them stand for."""

    book: RuleBook
    dictionary: Dictionary

    @classmethod
    def of(cls, policies: PolicySet, book: RuleBook) -> "Rules":
        """The rules of `book`, a document of `policies`."""
        return cls(book, Dictionary(policies.constants, policies.networks, book.variables))

    def conditions(self) -> Meaning:
        """What must be true for the document to apply."""
        return self.dictionary.meaning(condition.expression for condition in self.book.conditions)

    def condition_words(self) -> str:
        """The conditions in one line."""
        return " && ".join(f"({one_line(condition.expression)})" for condition in self.book.conditions) or "everybody"

    def meaning(self, validation: Validation) -> Meaning:
        """What a validation demands."""
        return self.dictionary.meaning([validation.expression])

    def facts(self, rules: Sequence[Condition] | Sequence[Validation]) -> frozenset[str]:
        """The dotted names of the facts that `rules` read."""
        return self.dictionary.facts(rule.expression for rule in rules)


def compare_validations(old: Rules, new: Rules) -> Iterator[Difference]:
    """What changes for the validations. One that kept its meaning under another id was renamed."""
    before = {validation.rule: validation for validation in old.book.validations}
    after = {validation.rule: validation for validation in new.book.validations}
    for rule in [rule for rule in before if rule not in after]:
        match = next((name for name in after if name not in before and _same(old, before[rule], new, after[name])), None)
        if match is not None:
            yield Difference(
                Direction.NEUTRAL, match, "has another id, and the same meaning", after[match].place, Side.NEW, rule, match
            )
            before[match] = before.pop(rule)
    for rule, validation in before.items():
        if rule in after:
            yield from _compare_validation(old, validation, new, after[rule])
        else:
            yield _removed(validation)
    yield from (_added(validation) for rule, validation in after.items() if rule not in before)


def _same(old: Rules, before: Validation, new: Rules, after: Validation) -> bool:
    return relation(old.meaning(before), new.meaning(after)) is Relation.SAME and before.switch == after.switch


def _removed(validation: Validation) -> Difference:
    refused = ever_enforced(validation.switch)
    direction = Direction.WIDER if refused else Direction.NEUTRAL
    message = "is no longer demanded" if refused else "is gone; it was never enforced"
    return Difference(direction, validation.rule, message, validation.place, Side.OLD, old=one_line(validation.expression))


def _added(validation: Validation) -> Difference:
    refuses = ever_enforced(validation.switch)
    direction = Direction.NARROWER if refuses else Direction.NEUTRAL
    message = "is demanded" if refuses else "is there; it is never enforced"
    return Difference(direction, validation.rule, message, validation.place, new=one_line(validation.expression))


def _compare_validation(old: Rules, before: Validation, new: Rules, after: Validation) -> Iterator[Difference]:
    yield from _compare_expressions(old, before, new, after)
    for step in (*compare_switches(before.switch, after.switch), *_words(before, after)):
        yield Difference(step.direction, after.rule, f"{step.keyword} {step.message}", after.place, Side.NEW, step.old, step.new)


def _compare_expressions(old: Rules, before: Validation, new: Rules, after: Validation) -> Iterator[Difference]:
    meanings = old.meaning(before), new.meaning(after)
    related = relation(*meanings)
    if related is Relation.SAME:
        return
    direction, message = _DIRECTIONS[related]
    if not ever_enforced(before.switch) and direction.widens:
        direction, message = Direction.NEUTRAL, f"{message}; it was not enforced before"
    yield Difference(
        direction,
        after.rule,
        message + changed_words(*meanings),
        after.place,
        Side.NEW,
        one_line(before.expression),
        one_line(after.expression),
    )


def changed_words(old: Meaning, new: Meaning) -> str:
    """Which names stand for something else, as an addition to a message; "" when none does."""
    names = changed_reads(old, new)
    return f"; what it reads stands for something else: {', '.join(names)}" if names else ""


def _words(before: Validation, after: Validation) -> Iterator[Step]:
    for keyword, old, new in (
        ("message", before.message, after.message),
        ("messageExpression", _text(before.message_expression), _text(after.message_expression)),
        ("error", before.code.value, after.code.value),
        ("field", before.field, after.field),
    ):
        if old != new:
            yield Step(Direction.NEUTRAL, keyword, "is another", old, new)


def _text(expression: Expression | None) -> str:
    return "" if expression is None else one_line(expression)


def compare_records(old: Rules, new: Rules) -> Iterator[Difference]:
    """What changes for `auditAnnotations`, which are recorded and have no say."""
    before = {annotation.key: one_line(annotation.expression) for annotation in old.book.annotations}
    after = {annotation.key: one_line(annotation.expression) for annotation in new.book.annotations}
    for key in dict.fromkeys((*before, *after)):
        words = before.get(key, ""), after.get(key, "")
        if words[0] != words[1]:
            subject = f"{new.book.name}/{key}"
            yield Difference(Direction.NEUTRAL, subject, "is recorded otherwise", new.book.place, Side.NEW, *words)
