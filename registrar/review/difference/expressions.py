"""What an expression means, as far as two of them can be compared: its conjuncts, and the values of the names that it reads."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from registrar.cel import Expression
from registrar.cel.syntax import Call, Index, Literal, Logic, MapLiteral, Node, parse
from registrar.policy.networks import Networks
from registrar.wire import MEMBERS, MemberKind

# Where a node stands in the text is no part of what it means.
_POSITIONS = frozenset({"offset", "end", "at"})

# Facts in which nothing can be missing when it is read: not maps, in which an entry may not be there, nor what a policy declares.
_TYPED = frozenset(
    {
        *(f"client.{name}" for name, member in MEMBERS.items() if member.kind is not MemberKind.OBJECT),
        *("redirects", "operation", "now", "source.ip", "source.prefix", "source.networks", "source.user_agent", "source.origin"),
        *("token.present", "token.id", "token.scopes"),
        *("software_statement.present", "software_statement.verified", "software_statement.issuer"),
    }
)
_SAFE_FUNCTIONS = frozenset({"_==_", "_!=_", "@in", "!_", "size", "contains", "startsWith", "endsWith", "all", "exists"})

Shape = tuple[Any, ...]


class Relation(Enum):
    """How the new of two meanings stands to the old one."""

    SAME = auto()
    STRICTER = auto()  # conjuncts were added, and nothing else
    LOOSER = auto()  # conjuncts were taken away, and nothing else
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Meaning:
    """Conjuncts that must all be true, and what the constants, variables and networks that they read stand for, by name."""

    conjuncts: frozenset[Shape] = frozenset()
    reads: Mapping[str, object] = field(default_factory=dict)

    def read(self, name: str) -> object:
        """What `name` stands for here; None when no conjunct reads it."""
        return self.reads.get(name)

    def names(self) -> frozenset[str]:
        """The names that the conjuncts read."""
        return frozenset(self.reads)


def relation(old: Meaning, new: Meaning) -> Relation:
    """How `new` stands to `old`. In a chain of `&&` a definite false outweighs an error, so their order says nothing."""
    if old.conjuncts == new.conjuncts:
        return Relation.OTHER if changed_reads(old, new) else Relation.SAME
    # What the smaller of two chains reads, the larger one reads as well; it has to stand for the same there.
    if old.conjuncts < new.conjuncts:
        return Relation.OTHER if changed_reads(old, new) else Relation.STRICTER
    if new.conjuncts < old.conjuncts:
        return Relation.OTHER if changed_reads(old, new) else Relation.LOOSER
    return Relation.OTHER


def changed_reads(old: Meaning, new: Meaning) -> list[str]:
    """The names that both meanings read, and that stand for something else in the new one."""
    return sorted(name for name in old.names() & new.names() if old.read(name) != new.read(name))


@dataclass(frozen=True, slots=True)
class Dictionary:
    """What the names of one document stand for."""

    constants: Mapping[str, object]
    networks: Networks
    variables: Mapping[str, Expression]

    def meaning(self, expressions: Iterable[Expression]) -> Meaning:
        """What it means that all of `expressions` are true."""
        expressions = list(expressions)
        shapes = frozenset(shape for expression in expressions for shape in conjuncts(expression.text))
        reads = {name: value for expression in expressions for name, value in self._read(expression)}
        return Meaning(shapes, reads)

    def facts(self, expressions: Iterable[Expression]) -> frozenset[str]:
        """The dotted names of all facts that `expressions` read, in variables too."""
        return frozenset(name for expression in expressions for name in self._facts(expression))

    def _facts(self, expression: Expression) -> Iterator[str]:
        for name in expression.reads:
            for variable in self._variables(name).values():
                yield from self._facts(variable)
            yield name

    def _read(self, expression: Expression) -> Iterator[tuple[str, object]]:
        for name in expression.reads:
            root, _, rest = name.partition(".")
            if root == "constants":
                known = self.constants if not rest else {rest.partition(".")[0]: self.constants[rest.partition(".")[0]]}
                yield from ((f"constants.{constant}", typed(value)) for constant, value in known.items())
            for variable, definition in self._variables(name).items():
                yield f"variables.{variable}", self.meaning([definition])
            if name in ("source", "source.networks"):
                yield "networks", {network: frozenset(blocks) for network, blocks in self.networks.blocks.items()}

    def _variables(self, name: str) -> Mapping[str, Expression]:
        """The variables that reading `name` reads."""
        root, _, rest = name.partition(".")
        if root != "variables":
            return {}
        variable = rest.partition(".")[0]
        return {variable: self.variables[variable]} if variable else self.variables


def conjuncts(text: str) -> frozenset[Shape]:
    """The operands of the `&&` at the top of an expression that compiles; spaces, comments and brackets apart."""
    return frozenset(map(_shape, _operands(parse(text))))


def _operands(node: Node) -> Iterator[Node]:
    if isinstance(node, Logic) and node.conjunction:
        for operand in node.operands:
            yield from _operands(operand)
    else:
        yield node


def never_fails(expression: Expression) -> bool:
    """Whether it is sure that `expression` has a value over any facts (its budget apart): it is made of nothing that can fail."""
    return expression.reads <= _TYPED and _safe(parse(expression.text))


def _safe(part: Any) -> bool:
    if isinstance(part, Index | MapLiteral) or (isinstance(part, Call) and part.function not in _SAFE_FUNCTIONS):
        return False
    return all(map(_safe, _inside(part)))


def _shape(part: Any) -> Any:
    """A node as nested tuples, comparable; a number's type is in it, since 1, 1u, 1.0 and true are equal in Python."""
    if isinstance(part, Literal):
        return ("Literal", *typed(part.value))
    return (type(part).__name__, *map(_shape, _inside(part))) if isinstance(part, tuple) else part


def _inside(part: Any) -> Iterator[Any]:
    """What a node or a tuple of nodes consists of, without where it stands in the text."""
    names = getattr(part, "_fields", None)
    if names is not None:
        yield from (getattr(part, name) for name in names if name not in _POSITIONS)
    elif isinstance(part, tuple):
        yield from part


def typed(value: object) -> tuple[Any, ...]:
    """A plain value with the types of all that is in it."""
    if isinstance(value, tuple | list):
        return ("list", *map(typed, value))
    if isinstance(value, Mapping):
        return ("map", *sorted((str(key), typed(inner)) for key, inner in value.items()))
    return (type(value).__name__, repr(value))
