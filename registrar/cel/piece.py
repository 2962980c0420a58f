"""What the compiler makes of one node: its type and the closure that computes it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from registrar.cel.evaluation import Run
from registrar.cel.types import Type

Attribute = tuple[int, Callable[[Any], Any]]


class Piece(NamedTuple):
    """A compiled node.

    `steps` is what running it is charged for, the bodies of macros apart, which charge for themselves; `cost` is the estimate of
    everything. `value` is what it always is, when `constant`. `fact` is the dotted name of the fact it reads, else "".
    `attribute`: the place of a variable in the frame and what reads an attribute there, when that is all that the node does.
    """

    type: Type
    run: Run
    steps: int = 1
    cost: int = 1
    constant: bool = False
    value: Any = None
    fact: str = ""
    attribute: Attribute | None = None


def constant(value: object, kind: Type) -> Piece:
    """A node that always has the same value."""
    return Piece(kind, lambda _: value, constant=True, value=value)


def steps_of(pieces: "tuple[Piece, ...]") -> tuple[int, int]:
    """The steps and the cost of a node over `pieces`, each of which it runs once at most."""
    return 1 + sum(piece.steps for piece in pieces), 1 + sum(piece.cost for piece in pieces)
