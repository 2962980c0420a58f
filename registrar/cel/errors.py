"""What can go wrong with an expression. No text here ever holds a value of a fact."""

from typing import TYPE_CHECKING, NamedTuple

from registrar.errors import RegistrarError

if TYPE_CHECKING:
    from registrar.cel.evaluation import Expression


class CompileProblem(NamedTuple):
    """One mistake in an expression; `offset` is the index of the character in its text, from 0."""

    offset: int
    message: str


class CompileError(RegistrarError):
    """An expression that may not be used; `problems` has every mistake, in the order of the text."""

    def __init__(self, *problems: CompileProblem) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("; ".join(f"{problem.offset}: {problem.message}" for problem in self.problems))


class EvaluationError(RegistrarError):
    """An expression without a value. `reason` never repeats a fact.

    `offset` is the index of the character in the text of `expression`, which is None until an expression has passed the error on.
    """

    def __init__(self, reason: str, offset: int) -> None:
        self.reason = reason
        self.offset = offset
        self.expression: Expression | None = None
        super().__init__(reason)


class Failure(Exception):  # noqa: N818  what a function has to say, not yet an error with a position
    """Raised by the implementation of a function; the call turns it into an EvaluationError at its place."""


class PatternError(RegistrarError, Failure):
    """A regular expression that RE2 does not accept."""
