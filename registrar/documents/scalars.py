"""What an unquoted YAML scalar means: the core schema of YAML 1.2.2 §10.3.2, less its traps."""

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9A-Fa-f]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_INT64 = range(-(1 << 63), 1 << 63)
_MAX_DIGITS = 22  # of 64 bits in octal
_NUMERIC = frozenset("-+.0123456789")  # what a number begins with


class ScalarError(ValueError):
    """A plain scalar that different readers understand differently, or whose number does not fit."""


def resolve(text: str) -> str | int | float | bool | None:
    """The value of the plain scalar `text`: null, a boolean, a number, else a string (`no`, `on`, `1:30`, `2026-01-01`).

    Raises ScalarError for an integer with a leading zero (8 or 10?), for NaN and infinity, and for numbers that do not fit.
    """
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    return _number(text) if text[0] in _NUMERIC else text


def _number(text: str) -> str | int | float:
    if _LEADING_ZERO.fullmatch(text):
        raise ScalarError("a number with a leading zero: drop the zero, or quote it to make it a string")
    if _INT.fullmatch(text):
        return _int64(text, 10)
    if _OCTAL.fullmatch(text):
        return _int64(text[2:], 8)
    if _HEX.fullmatch(text):
        return _int64(text[2:], 16)
    if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and math.isinf(float(text))):
        raise ScalarError("not a finite number: quote it to make it a string")
    return float(text) if _FLOAT.fullmatch(text) else text


def _int64(digits: str, base: int) -> int:
    # int() raises ValueError beyond 4,300 decimal digits, so the length comes first.
    if len(digits.lstrip("+-0")) > _MAX_DIGITS or (number := int(digits, base)) not in _INT64:
        raise ScalarError("an integer of more than 64 bits")
    return number
