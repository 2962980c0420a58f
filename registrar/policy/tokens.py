"""Whether a policy asks for an initial access token (RFC 7591 §3), as far as that can be seen without a request."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from registrar.cel import EvaluationError, Expression, compile_expression
from registrar.cel.syntax import Logic, Node, parse
from registrar.policy.facts import Token
from registrar.policy.rules import RuleBook

TokenUse = Literal["none", "some", "all"]
"""How many profiles look at the token in their conditions. `all`: nobody without a token fits any of them."""

_KNOWN = frozenset({"token", "constants"})


def token_use(books: Iterable[RuleBook], constants: Mapping[str, object]) -> TokenUse:
    """What the profiles with these rules make of a request without a token."""
    books = tuple(books)
    if all(_demanded(book, constants) for book in books):
        return "all"
    return "some" if any(_reads_token(book) for book in books) else "none"


def _reads_token(book: RuleBook) -> bool:
    return any(name.partition(".")[0] == "token" for condition in book.conditions for name in condition.expression.reads)


def _demanded(book: RuleBook, constants: Mapping[str, object]) -> bool:
    """Whether some conjunct of the conditions, one that reads the token and constants only, is false without a token."""
    parts = (part for condition in book.conditions for part in _conjuncts(condition.expression))
    return any(_false_without(part, constants) for part in parts)


def _conjuncts(expression: Expression) -> Iterator[Expression]:
    for node in _operands(parse(expression.text)):
        yield compile_expression(expression.text[node.offset : node.end], expression.scope)


def _operands(node: Node) -> Iterator[Node]:
    if isinstance(node, Logic) and node.conjunction:
        for operand in node.operands:
            yield from _operands(operand)
    else:
        yield node


def _false_without(expression: Expression, constants: Mapping[str, object]) -> bool:
    roots = {name.partition(".")[0] for name in expression.reads}
    if not roots <= _KNOWN or "token" not in roots:
        return False
    values = {**dict.fromkeys(expression.scope.types), "token": Token(), "constants": constants}
    try:
        return expression.evaluate(expression.scope.bind(values)) is False
    except EvaluationError:
        return False
