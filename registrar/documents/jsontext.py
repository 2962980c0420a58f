"""Strict JSON (RFC 8259 within the bounds of RFC 7493), for bytes from strangers."""

import json
import math
import re
from typing import NoReturn

from registrar.errors import RegistrarError

_BOM = b"\xef\xbb\xbf"
# A string, or one that never ends: matching both keeps the scan linear, since no quote is looked at twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_INT64 = range(-(1 << 63), 1 << 63)
_MAX_DIGITS = 20


class JSONError(RegistrarError):
    """Bytes that are not the JSON this program takes. `reason` begins with a verb and never repeats the input."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_json(data: bytes, *, max_depth: int) -> object:
    """The value that `data` holds.

    MUST: UTF-8 without a byte order mark; one JSON value; no key twice in an object (the second would slip in behind the one that
    was checked); no NaN or Infinity; integers of 64 bits, floats that do not overflow; no lone surrogate; arrays and objects
    nested at most `max_depth` deep. Raises JSONError.
    """
    if data.startswith(_BOM):
        raise JSONError("must not begin with a byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise JSONError("is not UTF-8") from None
    _check_depth(data, max_depth)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JSONError(f"is not JSON: line {error.lineno}, column {error.colno}") from None
    if _SURROGATE_ESCAPE.search(data):
        _check_encodable(value)
    return value


def _check_depth(data: bytes, max_depth: int) -> None:
    """MUST come before the parser, which answers deep nesting with RecursionError."""
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        if depth > max_depth:
            raise JSONError(f"is nested deeper than {max_depth}")


def _check_encodable(value: object) -> None:
    """A surrogate without its other half cannot be stored, logged or sent back."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise JSONError("has a lone surrogate") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JSONError("has the same key twice in one object")
    return members


def _int(digits: str) -> int:
    # Longer than any 64-bit integer, and beyond 4,300 digits int() would raise ValueError.
    if len(digits) > _MAX_DIGITS or (number := int(digits)) not in _INT64:
        raise JSONError("has an integer of more than 64 bits")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise JSONError("has a number that is too large")
    return number


def _constant(_name: str) -> NoReturn:
    raise JSONError("must not have NaN or Infinity")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_int, parse_float=_float, parse_constant=_constant)
