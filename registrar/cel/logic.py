"""`&&`, `||`, `!` and `?:` (langdef, "Logical Operators").

`&&` and `||` are commutative: an operand that decides the outcome decides it whatever error the other one has.
"""

from typing import Any

from registrar.cel.errors import EvaluationError
from registrar.cel.evaluation import Frame, Run
from registrar.cel.piece import Piece
from registrar.cel.types import DYN


def truth(piece: Piece, offset: int) -> Run:
    """The closure of a condition; one whose type was not known at load is checked when it runs."""
    if piece.type != DYN:
        return piece.run
    run = piece.run

    def checked(frame: Frame) -> Any:
        value = run(frame)
        if value is True or value is False:
            return value
        raise EvaluationError("a condition is not a bool", offset)

    return checked


def _second(other: Run, frame: Frame, first: EvaluationError) -> Any:
    """The value of the second operand after the first one failed. Raises the first error when the second has none either."""
    try:
        return other(frame)
    except EvaluationError:
        raise first from None


def both(one: Run, other: Run) -> Run:
    """`one && other`."""

    def run(frame: Frame) -> Any:
        try:
            if not one(frame):
                return False
        except EvaluationError as first:
            if not _second(other, frame, first):
                return False
            raise
        return other(frame)

    return run


def either(one: Run, other: Run) -> Run:
    """`one || other`."""

    def run(frame: Frame) -> Any:
        try:
            if one(frame):
                return True
        except EvaluationError as first:
            if _second(other, frame, first):
                return True
            raise
        return other(frame)

    return run


def chain(runs: list[Run], *, decisive: bool) -> Run:
    """Three operands or more of `&&` (`decisive` False) or of `||` (`decisive` True), in a loop: a long chain is not deep."""

    def run(frame: Frame) -> Any:
        failed: EvaluationError | None = None
        for operand in runs:
            try:
                if operand(frame) is decisive:
                    return decisive
            except EvaluationError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return not decisive

    return run


def negation(operand: Run) -> Run:
    """`!operand`, which has a value whenever its operand has one."""
    return lambda frame: not operand(frame)


def choice(condition: Run, yes: Run, no: Run) -> Run:
    """`condition ? yes : no`; only the branch that is taken runs."""

    def run(frame: Frame) -> Any:
        return yes(frame) if condition(frame) else no(frame)

    return run
