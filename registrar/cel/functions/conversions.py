"""Conversions between types, and `size`, `type` and `dyn` (langdef, "Standard Definitions")."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from registrar.cel.errors import Failure
from registrar.cel.functions.function import PARSING, Function
from registrar.cel.functions.times import format_duration, format_timestamp, parse_duration, parse_timestamp
from registrar.cel.types import (
    BOOL,
    BYTES,
    CIDR,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    IP,
    LIST,
    MAP,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    ParameterType,
)
from registrar.cel.values import MAX_UINT, MIN_INT, Uint, integer, type_of, unsigned

if TYPE_CHECKING:
    from decimal import Decimal

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_UNSIGNED = re.compile(r"[0-9]{1,30}")
_DOUBLE = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE)
_TRUTH = {"1": True, "t": True, "T": True, "true": True, "TRUE": True, "True": True}
_FALSEHOOD = {"0": False, "f": False, "F": False, "false": False, "FALSE": False, "False": False}
_BOOLEANS = _TRUTH | _FALSEHOOD
_MAX_NUMBER = 400
# Powers of ten outside these are written with an exponent: C's %g, and so the implementations of CEL in Go and C++.
_LEAST_POWER, _MOST_POWER = -4, 6


def _int_of_double(value: float) -> int:
    # The double -2**63 may stand for lesser numbers too, so it is out of range as well (conformance tests, conversions/int).
    if not MIN_INT < value < -MIN_INT:
        raise Failure("int overflow")
    return int(value)


def _int_of_string(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise Failure("the text is no int")
    return integer(int(text))


def _uint_of_double(value: float) -> Uint:
    # Asked of the double: cut first, one between -1 and 0 would be 0. A NaN is in no range either.
    if not 0 <= value <= MAX_UINT:
        raise Failure("uint overflow")
    return unsigned(int(value))


def _uint_of_string(text: str) -> Uint:
    if not _UNSIGNED.fullmatch(text):
        raise Failure("the text is no uint")
    return unsigned(int(text))


def _double_of_string(text: str) -> float:
    if len(text) > _MAX_NUMBER or not _DOUBLE.fullmatch(text):
        raise Failure("the text is no double")
    return float(text)


def _bool_of_string(text: str) -> bool:
    if text not in _BOOLEANS:
        raise Failure("the text is no bool")
    return _BOOLEANS[text]


def format_double(value: float) -> str:
    """The shortest decimal text that reads back as `value`, laid out as C's %g does; `+Inf`, `-Inf`, `NaN` for what is none."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = shortest(value).as_tuple()
    written = "".join(map(str, digits))
    power = len(written) - 1 + int(exponent) if value else 0
    minus = "-" if sign else ""
    if _LEAST_POWER <= power < _MOST_POWER:
        return minus + positional(written, power)
    mantissa = f"{written[0]}.{written[1:]}" if written[1:] else written
    return f"{minus}{mantissa}e{power:+03d}"


def shortest(value: float) -> "Decimal":
    """The decimal number with the fewest digits that reads back as `value`."""
    from decimal import Decimal  # noqa: PLC0415  1 ms, and few policies write doubles

    return Decimal(repr(value)).normalize()


def positional(digits: str, power: int) -> str:
    """Decimal `digits`, the first of which counts 10 ** power, without an exponent."""
    if power < 0:
        return f"0.{'0' * (-power - 1)}{digits}"
    whole, fraction = digits[: power + 1].ljust(power + 1, "0"), digits[power + 1 :]
    return f"{whole}.{fraction}" if fraction else whole


def _string_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Failure("the bytes are no UTF-8") from None


def _timestamp_of_int(seconds: int) -> datetime:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        raise Failure("timestamp out of range") from None


def _seconds(value: datetime) -> int:
    return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


_A = ParameterType("A")
_SAME = "The value itself."
_SIZE = "How many: code points of a text, bytes, elements of a list, entries of a map."

CONVERSIONS = (
    *(Function("size", None, (kind,), INT, _SIZE, len) for kind in (STRING, BYTES, LIST, MAP)),
    *(Function("size", kind, (), INT, _SIZE, len) for kind in (STRING, BYTES, LIST, MAP)),
    Function("type", None, (_A,), TYPE, "The type of a value.", type_of),
    Function("dyn", None, (_A,), DYN, "The value, its type forgotten: checked at run time only.", lambda value: value),
    Function("int", None, (INT,), INT, _SAME, int),
    Function(
        "int", None, (UINT,), INT, "The same number; an error beyond 64 bits with a sign.", lambda value: integer(int(value))
    ),
    Function("int", None, (DOUBLE,), INT, "The number cut towards zero; an error beyond 64 bits.", _int_of_double),
    Function("int", None, (STRING,), INT, "The decimal number that the text writes.", _int_of_string),
    Function("int", None, (TIMESTAMP,), INT, "Seconds since 1970-01-01T00:00:00Z.", _seconds),
    Function("uint", None, (UINT,), UINT, _SAME, Uint),
    Function("uint", None, (INT,), UINT, "The same number; an error when it is negative.", unsigned),
    Function("uint", None, (DOUBLE,), UINT, "The number cut towards zero; an error beyond 64 bits.", _uint_of_double),
    Function("uint", None, (STRING,), UINT, "The decimal number that the text writes.", _uint_of_string),
    Function("double", None, (DOUBLE,), DOUBLE, _SAME, float),
    Function("double", None, (INT,), DOUBLE, "The nearest double.", float),
    Function("double", None, (UINT,), DOUBLE, "The nearest double.", float),
    Function("double", None, (STRING,), DOUBLE, "The number that the text writes.", _double_of_string),
    Function("bool", None, (BOOL,), BOOL, _SAME, bool),
    Function("bool", None, (STRING,), BOOL, "`true`, `t`, `1` and `false`, `f`, `0`, also with capitals.", _bool_of_string),
    Function("string", None, (STRING,), STRING, _SAME, str),
    Function("string", None, (BOOL,), STRING, "`true` or `false`.", lambda value: "true" if value else "false"),
    Function("string", None, (INT,), STRING, "The number in decimal.", str),
    Function("string", None, (UINT,), STRING, "The number in decimal.", lambda value: str(int(value))),
    Function(
        "string",
        None,
        (DOUBLE,),
        STRING,
        "The shortest decimal text that reads back as the number.",
        format_double,
        price=PARSING,
    ),
    Function(
        "string",
        None,
        (BYTES,),
        STRING,
        "The text that the bytes encode; an error when they are no UTF-8.",
        _string_of_bytes,
        linear=True,
    ),
    Function("string", None, (TIMESTAMP,), STRING, "As RFC 3339 writes it, in UTC.", format_timestamp, price=PARSING),
    Function("string", None, (DURATION,), STRING, "In seconds: `5400s`, `1.5s`.", format_duration),
    Function("string", None, (IP,), STRING, "The address in its canonical form.", str, price=PARSING),
    Function("string", None, (CIDR,), STRING, "The address and the length of the prefix.", str, price=PARSING),
    Function("bytes", None, (BYTES,), BYTES, _SAME, bytes),
    Function("bytes", None, (STRING,), BYTES, "The text in UTF-8.", str.encode, linear=True),
    Function("timestamp", None, (TIMESTAMP,), TIMESTAMP, _SAME, lambda value: value),
    Function(
        "timestamp",
        None,
        (STRING,),
        TIMESTAMP,
        "A moment as RFC 3339 writes it, to the microsecond.",
        parse_timestamp,
        price=PARSING,
        checked=True,
    ),
    Function(
        "timestamp", None, (INT,), TIMESTAMP, "That many seconds after 1970-01-01T00:00:00Z.", _timestamp_of_int, checked=True
    ),
    Function("duration", None, (DURATION,), DURATION, _SAME, lambda value: value),
    Function(
        "duration",
        None,
        (STRING,),
        DURATION,
        "A length of time such as `1h30m` or `1.5s`, to the microsecond.",
        parse_duration,
        price=PARSING,
        checked=True,
    ),
)
