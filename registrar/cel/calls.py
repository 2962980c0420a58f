"""Which overload a call means, and the closure that calls it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from registrar.cel.errors import EvaluationError, Failure
from registrar.cel.evaluation import Frame, Run, charge
from registrar.cel.functions import OVERLOADS
from registrar.cel.functions.function import PREPARING, Function
from registrar.cel.logic import negation
from registrar.cel.piece import Piece
from registrar.cel.types import (
    BYTES,
    DYN,
    STRING,
    URL,
    Fit,
    ListType,
    MapType,
    RecordType,
    SimpleType,
    StringType,
    Type,
    as_map,
    fit,
    substitute,
)
from registrar.cel.values import CHARACTERS_PER_STEP, Url, accepts, weigh

_ASSUMED_CAP = 1_000
_TEXTS = ListType(STRING)


class Overloads:
    """The overloads of `name` that operands of certain types may mean.

    `certain` is the one that they mean for sure; otherwise `possible` are those that the values may turn out to fit.
    """

    __slots__ = ("certain", "possible", "result")

    def __init__(self, name: str, kinds: Sequence[Type], *, method: bool) -> None:
        self.certain: Function | None = None
        self.possible: list[Function] = []
        results: list[Type] = []
        for function in shaped(name, len(kinds), method=method):
            bound: dict[str, Type] = {}
            fits = min((fit(kind, wanted, bound) for kind, wanted in zip(kinds, function.operands, strict=True)), default=Fit.YES)
            if fits is Fit.NO:
                continue
            results.append(substitute(function.result, bound))
            if fits is Fit.YES:
                self.certain = function
                break
            self.possible.append(function)
        self.result = results[-1] if self.certain or len(set(results)) == 1 else DYN
        if name == "_+_":
            self.result = _sum(self.result, kinds)
        elif self.result == _TEXTS and isinstance(kinds[0], StringType) and kinds[0].cap is not None:
            # Parts of a text: no more than it has characters, and one, none longer than all of it.
            self.result = ListType(kinds[0], kinds[0].cap + 1)

    def __bool__(self) -> bool:
        return self.certain is not None or bool(self.possible)


def _sum(result: Type, kinds: Sequence[Type]) -> Type:
    """The type of a concatenation: it is as long as its parts together, where their caps are known."""
    caps = [kind.cap for kind in kinds if isinstance(kind, (StringType, ListType))]
    if len(caps) < len(kinds) or None in caps or not isinstance(result, (StringType, ListType)):
        return result
    return replace(result, cap=sum(cap for cap in caps if cap is not None))


def shaped(name: str, count: int, *, method: bool) -> Iterator[Function]:
    """The overloads of `name` with `count` operands, called with a dot (`method`) or without."""
    for function in OVERLOADS.get(name, ()):
        if (function.receiver is not None) == method and len(function.operands) == count:
            yield function


def certain_call(function: Function, operands: tuple[Piece, ...], offset: int) -> Run:
    """The closure of a call whose overload is known. Raises Failure when a constant last argument cannot be prepared."""
    if function.prepare is not None and operands[-1].constant:
        function = function._replace(implementation=function.prepare(operands[-1].value), prepare=None)
        operands = operands[:-1]
    runs = [piece.run for piece in operands]
    if function.prepare is not None:
        runs[-1] = _prepared(function.prepare, operands[-1].run, offset)
    read = operands if function.prepare is None else operands[:-1]
    weights = [(number, _per_step(piece.type, function.rate)) for number, piece in enumerate(read) if _sized(piece.type)]
    if function.linear and weights:
        return _weighed(function, runs, weights, operands[-1], offset)
    match runs:
        case [only] if function.name == "!_":
            return negation(only)
        case [only]:
            return _unary(function, only, offset)
        case [first, second]:
            return _binary(function, first, second, operands[-1], offset)
    return _general(function, runs, offset)


def greatest(cap: int | None) -> int:
    """The cap, or what the estimate of the cost takes for one that is not known."""
    return _ASSUMED_CAP if cap is None else cap


def estimate(function: Function, operands: Sequence[Piece]) -> int:
    """How many steps a call of `function` may be charged besides those of its operands and its own."""
    preparing = PREPARING if function.prepare is not None and not operands[-1].constant else 0
    return function.price + preparing + (_reading(operands, function.rate) if function.linear else 0)


def estimate_any(functions: Sequence[Function], operands: Sequence[Piece]) -> int:
    """The same where the values decide which of `functions` is called: they are weighed to find out."""
    return _reading(operands, 1) + max(estimate(function, operands) for function in functions)


def _reading(operands: Sequence[Piece], rate: int) -> int:
    return sum(steps_to_read(operand.type, rate) for operand in operands)


def steps_to_read(kind: Type, rate: int = 1) -> int:
    """How many steps reading all of a value is estimated at; what a list holds is not looked into."""
    match as_map(kind):
        case StringType(cap=cap):
            return greatest(cap) * rate // CHARACTERS_PER_STEP
        case ListType(cap=cap) | MapType(cap=cap):
            return greatest(cap)
    if kind in (BYTES, URL):
        return greatest(None) * rate // CHARACTERS_PER_STEP
    return greatest(None) if kind == DYN else 0


def _sized(kind: Type) -> bool:
    return isinstance(kind, (StringType, ListType, MapType, RecordType)) or kind in (BYTES, DYN, URL)


def _per_step(kind: Type, rate: int) -> int:
    """How many characters or elements of a value count as one step; 0 when its elements have sizes of their own."""
    if isinstance(kind, StringType) or kind in (BYTES, URL):
        return max(CHARACTERS_PER_STEP // rate, 1)
    return 1 if isinstance(kind, ListType) and isinstance(kind.element, (SimpleType, StringType)) and kind.element != DYN else 0


def _prepared(prepare: Callable[[Any], Any], run: Run, offset: int) -> Run:
    def prepared(frame: Frame) -> Any:
        charge(frame[0], PREPARING, offset)
        return prepare(run(frame))

    return prepared


def _unary(function: Function, operand: Run, offset: int) -> Run:
    implementation = function.implementation

    def run(frame: Frame) -> Any:
        try:
            return implementation(operand(frame))
        except Failure as failure:
            raise EvaluationError(str(failure), offset) from None

    return run


def _binary(function: Function, first: Run, second: Run, last: Piece, offset: int) -> Run:
    implementation = function.implementation
    if last.constant:
        value = last.value

        def run_with_constant(frame: Frame) -> Any:
            try:
                return implementation(first(frame), value)
            except Failure as failure:
                raise EvaluationError(str(failure), offset) from None

        return run_with_constant

    def run(frame: Frame) -> Any:
        try:
            return implementation(first(frame), second(frame))
        except Failure as failure:
            raise EvaluationError(str(failure), offset) from None

    return run


def _general(function: Function, runs: list[Run], offset: int) -> Run:
    implementation = function.implementation

    def run(frame: Frame) -> Any:
        try:
            return implementation(*[operand(frame) for operand in runs])
        except Failure as failure:
            raise EvaluationError(str(failure), offset) from None

    return run


def _weighed(function: Function, runs: list[Run], weights: list[tuple[int, int]], last: Piece, offset: int) -> Run:
    """A call that charges for the size of what it reads."""
    times = max(function.rate // CHARACTERS_PER_STEP, 1)
    flat = times == 1 and all(per_step for _, per_step in weights) and weights[0][0] == 0
    match runs:
        case [only] if flat:
            return _weighed_unary(function, only, weights[0][1], offset)
        case [first, second] if flat and last.constant:
            fixed = sum(len(last.value) // per_step for _, per_step in weights[1:])
            return _weighed_constant(function, first, second([]), (weights[0][1], fixed), offset)
        case [first, second] if flat:
            return _weighed_binary(function, first, second, [per_step for _, per_step in weights], offset)
    implementation = function.implementation

    def run(frame: Frame) -> Any:
        try:
            values = [operand(frame) for operand in runs]
            steps = 0
            for number, per_step in weights:
                value = values[number]
                steps += len(value) // per_step if per_step else weigh(value, frame[0].left)
            charge(frame[0], steps * times, offset)
            return implementation(*values)
        except Failure as failure:
            raise EvaluationError(str(failure), offset) from None

    return run


def _weighed_unary(function: Function, operand: Run, per_step: int, offset: int) -> Run:
    implementation = function.implementation

    def run(frame: Frame) -> Any:
        try:
            value = operand(frame)
            if len(value) >= per_step:
                charge(frame[0], len(value) // per_step, offset)
            return implementation(value)
        except Failure as failure:
            raise EvaluationError(str(failure), offset) from None

    return run


def _weighed_binary(function: Function, first: Run, second: Run, per_step: list[int], offset: int) -> Run:
    implementation = function.implementation
    one_step, other_step = (*per_step, 0)[:2]

    def run(frame: Frame) -> Any:
        try:
            one, other = first(frame), second(frame)
            steps = len(one) // one_step
            if other_step:
                steps += len(other) // other_step
            if steps:
                charge(frame[0], steps, offset)
            return implementation(one, other)
        except Failure as failure:
            raise EvaluationError(str(failure), offset) from None

    return run


def _weighed_constant(function: Function, first: Run, value: Any, price: tuple[int, int], offset: int) -> Run:
    """The same with a constant after what is read, as `s.startsWith("https://")`.

    `price`: how many characters or elements are a step, and how many steps the constant is.
    """
    implementation = function.implementation
    per_step, fixed = price

    def run(frame: Frame) -> Any:
        try:
            one = first(frame)
            if steps := len(one) // per_step + fixed:
                charge(frame[0], steps, offset)
            return implementation(one, value)
        except Failure as failure:
            raise EvaluationError(str(failure), offset) from None

    return run


def possible_call(functions: Sequence[Function], operands: tuple[Piece, ...], offset: int) -> Run:
    """The closure of a call whose overload depends on the values."""
    runs = [piece.run for piece in operands]
    tests = [(function, [accepts(kind) for kind in function.operands]) for function in functions]

    def run(frame: Frame) -> Any:
        values = [operand(frame) for operand in runs]
        meter = frame[0]
        charge(meter, weigh(values, meter.left), offset)
        for function, accepted in tests:
            if all(test(value) for test, value in zip(accepted, values, strict=True)):
                return _call(function, values, frame, offset)
        raise EvaluationError("no such overload", offset)

    return run


def _call(function: Function, values: list[Any], frame: Frame, offset: int) -> Any:
    """A call of operands that were weighed already."""
    charge(frame[0], function.price + _above_weight(function, values), offset)
    try:
        if function.prepare is not None:
            charge(frame[0], PREPARING, offset)
            values[-1] = function.prepare(values[-1])
        return function.implementation(*values)
    except Failure as failure:
        raise EvaluationError(str(failure), offset) from None


def _above_weight(function: Function, values: list[Any]) -> int:
    """What a function is charged for texts beyond their weight, when its rate is above that of others."""
    if function.rate == 1:
        return 0
    return sum(len(value) * function.rate // CHARACTERS_PER_STEP for value in values if isinstance(value, (str, bytes, Url)))
