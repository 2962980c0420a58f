"""Facts bound to a scope, and expressions evaluated over them.

An expression is a tree of closures over immutable things; all that changes while it runs is in the frame, a list that belongs to
one activation: so any number of threads may share an expression, and each decision has an activation of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from registrar.cel.errors import EvaluationError
from registrar.cel.types import Type

# What one decision may take, in steps: a step is one node of an expression, or 64 characters or one element that a function
# reads. Slow functions are charged more (`Function.rate` and `price`), so that steps bound the time.
BUDGET = 200_000

# The meter, then the values of the scope in its order, then one place for the variable of each macro around the current one.
Frame = list[Any]
Run = Callable[[Frame], Any]

MAX_LOOPS = 2


class Meter:
    """How many steps an activation has left; below zero nothing has a value any more."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


def charge(meter: Meter, steps: int, offset: int) -> None:
    """Take `steps` from the budget. Raises EvaluationError when there were not so many left."""
    meter.left -= steps
    if meter.left < 0:
        raise exhausted(offset)


def exhausted(offset: int) -> EvaluationError:
    """The error of an expression that needs more steps than its activation has left."""
    return EvaluationError("the budget of this decision is exhausted", offset)


class Activation:
    """The values of a scope's variables for one decision, and what is left of its budget. Not to be shared between threads."""

    __slots__ = ("frame",)

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    @property
    def remaining(self) -> int:
        """Steps left; negative when the budget was exceeded."""
        left: int = self.frame[0].left
        return left

    def apart(self) -> "Activation":
        """The same values and the same budget for an expression that runs while another one does: macros write into the frame."""
        return Activation(self.frame.copy())


class Scope:
    """The variables that expressions may name, with their types."""

    __slots__ = ("_names", "_slots", "_values", "types")

    def __init__(self, types: Mapping[str, Type]) -> None:
        self.types = dict(types)
        self._names = tuple(types)
        self._slots = {name: number for number, name in enumerate(types, start=1)}
        self._values = _reader(self._names)

    def slot(self, name: str) -> int:
        """The place of a variable in the frame."""
        return self._slots[name]

    def loop_slot(self, depth: int) -> int:
        """The place in the frame of the variable of a macro inside `depth` others."""
        return len(self._names) + 1 + depth

    def bind(self, values: Mapping[str, object], *, budget: int = BUDGET) -> Activation:
        """An activation in which each variable has its value from `values`; others are ignored.

        Raises ValueError when a variable has none.
        """
        try:
            return Activation([Meter(budget), *self._values(values), *(None,) * MAX_LOOPS])
        except KeyError:
            missing = [name for name in self._names if name not in values]
            raise ValueError(f"no value for {', '.join(missing)}") from None


def _reader(names: Sequence[str]) -> Callable[[Mapping[str, object]], Iterable[object]]:
    """What reads the values of several names; of one, `itemgetter` would give the value and no tuple."""
    return itemgetter(*names) if len(names) > 1 else lambda values: [values[name] for name in names]


class Step(NamedTuple):
    """What one part of an expression was when it ran: the characters from `offset` up to `end`, and a value or an error."""

    offset: int
    end: int
    text: str
    value: object


class Loop(NamedTuple):
    """A macro that runs once for each element of what `over` says; `cap` is the greatest number of them, None when not known."""

    offset: int
    over: str
    cap: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A checked expression.

    `constant`: it reads no variable. `reads` are the dotted names it reads, as far as they lead through records. `cost` is the
    greatest number of steps it should take, by the caps of the types; `loops` say which caps that comes from.
    """

    text: str
    type: Type
    constant: bool
    reads: frozenset[str]
    cost: int
    loops: tuple[Loop, ...]
    scope: Scope
    run: Run
    steps: int

    def evaluate(self, activation: Activation) -> Any:
        """The value over the facts of `activation`, which must be of this expression's scope: plain Python.

        Raises EvaluationError when there is none, the budget being exhausted included.
        """
        frame = activation.frame
        meter = frame[0]
        try:
            meter.left -= self.steps
            value = self.run(frame)
        except EvaluationError as error:
            error.expression = error.expression or self
            raise
        except Exception as error:  # noqa: BLE001  a fact that is not of its declared type must deny, and its value must not show
            raise self._failed(f"internal error ({type(error).__name__})") from None
        # Asked last as well: `||` may have absorbed the error of an exhausted budget.
        if meter.left < 0:
            raise self._failed(exhausted(0).reason)
        return value

    def _failed(self, reason: str) -> EvaluationError:
        error = EvaluationError(reason, 0)
        error.expression = self
        return error

    def trace(self, activation: Activation) -> list[Step]:
        """Each part of the expression as it was evaluated, in that order; what short circuit passed over is not there.

        For the operator's own eyes: values are facts. The last step is the whole expression, unless the budget ran out.
        """
        from registrar.cel.compiler import traced  # noqa: PLC0415  the compiler makes expressions, and stands above them

        return traced(self, activation)
