"""The operators, as functions with names like `_+_` (langdef, "List of Standard Definitions").

`==`, `!=` and `in` are here for the reference page; what they mean for two given types is compiled in registrar.cel.equality.
"""

import math
import operator
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from registrar.cel.errors import Failure
from registrar.cel.functions.function import Function
from registrar.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    NUMBERS,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    ParameterType,
)
from registrar.cel.values import Uint, bounded, check_size, integer, unsigned

_A = ParameterType("A")
_LIST = ListType(_A)

# google.protobuf.Duration: ±10,000 years.
MAX_DURATION = timedelta(seconds=315_576_000_000)
# Two moments may be as far apart as 64 bits of nanoseconds say (conformance tests, timestamps/timestamp_range).
MAX_DIFFERENCE = timedelta(microseconds=2**63 // 1000)


def duration(value: timedelta) -> timedelta:
    """`value` when it is a duration of the language."""
    if abs(value) > MAX_DURATION:
        raise Failure("duration out of range")
    return value


def _in_range(compute: Callable[[], datetime]) -> datetime:
    try:
        return compute()
    except OverflowError:
        raise Failure("timestamp out of range") from None


def _between(one: datetime, other: datetime) -> timedelta:
    difference = one - other
    if abs(difference) > MAX_DIFFERENCE:
        raise Failure("duration out of range")
    return difference


def _add_int(one: int, other: int) -> int:
    return integer(one + other)


def _subtract_int(one: int, other: int) -> int:
    return integer(one - other)


def _multiply_int(one: int, other: int) -> int:
    return integer(one * other)


def _quotient(one: int, other: int) -> int:
    """Division that cuts towards zero."""
    if other == 0:
        raise Failure("division by zero")
    quotient = abs(one) // abs(other)
    return quotient if (one < 0) == (other < 0) else -quotient


def _divide_int(one: int, other: int) -> int:
    return integer(_quotient(one, other))


def _remainder_int(one: int, other: int) -> int:
    if other == 0:
        raise Failure("modulus by zero")
    # The remainder has the sign of the dividend; the least int by -1 overflows as its division does.
    return one - integer(_quotient(one, other)) * other


def _remainder_uint(one: int, other: int) -> Uint:
    if other == 0:
        raise Failure("modulus by zero")
    return Uint(one % other)


def _divide_double(one: float, other: float) -> float:
    if other:
        return one / other
    if not one or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1.0, other)


def _concatenate_lists(one: Any, other: Any) -> tuple[Any, ...]:
    check_size(len(one) + len(other))
    return (*one, *other)


def _comparisons() -> Iterator[Function]:
    signs = {
        "<": (operator.lt, "before"),
        "<=": (operator.le, "before, or equal to,"),
        ">": (operator.gt, "after"),
        ">=": (operator.ge, "after, or equal to,"),
    }
    for sign, (compare, word) in signs.items():
        doc = f"Whether the left value stands {word} the right one. Texts compare by code points, numbers by what they count."
        for kind in (STRING, BYTES, BOOL, TIMESTAMP, DURATION):
            yield Function(f"_{sign}_", None, (kind, kind), BOOL, doc, compare)
        for one in NUMBERS:
            for other in NUMBERS:
                mixed = DOUBLE in (one, other) and one != other
                yield Function(f"_{sign}_", None, (one, other), BOOL, doc, _of_doubles(compare) if mixed else compare)


def _of_doubles(compare: Callable[[Any, Any], bool]) -> Callable[[int | float, int | float], bool]:
    """An int and a double compare as doubles (conformance tests, comparisons/lt_literal), where Python compares them exactly."""
    return lambda one, other: compare(float(one), float(other))


_SUM = "The sum; beyond 64 bits it is an error."
_PRODUCT = "The product; beyond 64 bits it is an error."
_QUOTIENT = "The quotient, cut towards zero; by zero it is an error."
_REMAINDER = "The remainder, with the sign of the left number; by zero it is an error."
_MOVED = "The moment that much later or earlier."

OPERATORS = (
    Function("_+_", None, (INT, INT), INT, _SUM, _add_int),
    Function("_+_", None, (UINT, UINT), UINT, _SUM, lambda one, other: unsigned(one + other)),
    Function("_+_", None, (DOUBLE, DOUBLE), DOUBLE, "The sum (IEEE 754).", operator.add),
    Function("_+_", None, (STRING, STRING), STRING, "Both texts.", lambda one, other: bounded(one + other), linear=True),
    Function("_+_", None, (BYTES, BYTES), BYTES, "Both sequences.", lambda one, other: bounded(one + other), linear=True),
    Function("_+_", None, (_LIST, _LIST), _LIST, "Both lists.", _concatenate_lists, linear=True),
    Function("_+_", None, (TIMESTAMP, DURATION), TIMESTAMP, _MOVED, lambda one, other: _in_range(lambda: one + other)),
    Function("_+_", None, (DURATION, TIMESTAMP), TIMESTAMP, _MOVED, lambda one, other: _in_range(lambda: one + other)),
    Function("_+_", None, (DURATION, DURATION), DURATION, "The sum.", lambda one, other: duration(one + other)),
    Function("_-_", None, (INT, INT), INT, "The difference; beyond 64 bits it is an error.", _subtract_int),
    Function(
        "_-_", None, (UINT, UINT), UINT, "The difference; below zero it is an error.", lambda one, other: unsigned(one - other)
    ),
    Function("_-_", None, (DOUBLE, DOUBLE), DOUBLE, "The difference (IEEE 754).", operator.sub),
    Function("_-_", None, (TIMESTAMP, TIMESTAMP), DURATION, "The time between, up to 292 years.", _between),
    Function("_-_", None, (TIMESTAMP, DURATION), TIMESTAMP, _MOVED, lambda one, other: _in_range(lambda: one - other)),
    Function("_-_", None, (DURATION, DURATION), DURATION, "The difference.", lambda one, other: duration(one - other)),
    Function("_*_", None, (INT, INT), INT, _PRODUCT, _multiply_int),
    Function("_*_", None, (UINT, UINT), UINT, _PRODUCT, lambda one, other: unsigned(one * other)),
    Function("_*_", None, (DOUBLE, DOUBLE), DOUBLE, "The product (IEEE 754).", operator.mul),
    Function("_/_", None, (INT, INT), INT, _QUOTIENT, _divide_int),
    Function("_/_", None, (UINT, UINT), UINT, _QUOTIENT, lambda one, other: unsigned(_quotient(one, other))),
    Function("_/_", None, (DOUBLE, DOUBLE), DOUBLE, "The quotient (IEEE 754: by zero it is infinite).", _divide_double),
    Function("_%_", None, (INT, INT), INT, _REMAINDER, _remainder_int),
    Function("_%_", None, (UINT, UINT), UINT, _REMAINDER, _remainder_uint),
    Function("-_", None, (INT,), INT, "The number with the other sign.", lambda value: integer(-value)),
    Function("-_", None, (DOUBLE,), DOUBLE, "The number with the other sign.", operator.neg),
    Function("!_", None, (BOOL,), BOOL, "The other truth value.", operator.not_),
    *_comparisons(),
)
