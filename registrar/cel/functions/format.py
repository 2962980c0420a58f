"""`string.format(list)`, as cel-go's strings extension defines it."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from registrar.cel.errors import Failure
from registrar.cel.functions.conversions import shortest
from registrar.cel.functions.times import format_duration, format_timestamp
from registrar.cel.types import Type
from registrar.cel.values import check_size

_CLAUSE = re.compile(r"%(?:(?P<percent>%)|(?:\.(?P<precision>[0-9]{1,4}))?(?P<verb>.?))", re.DOTALL)
_MAX_PRECISION = 1_000
_DEFAULT_PRECISION = 6


class _Output:
    """The text so far; refuses what would make it too long before it is there."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0

    def add(self, text: str) -> None:
        self._size += len(text)
        check_size(self._size)
        self._parts.append(text)

    def text(self) -> str:
        return "".join(self._parts)


def format_text(text: str, values: tuple[object, ...]) -> str:
    """`text` with its clauses replaced by `values` in turn. Values too many are left over without an error, as in cel-go."""
    output, remaining, position = _Output(), iter(values), 0
    for clause in _CLAUSE.finditer(text):
        output.add(text[position : clause.start()])
        position = clause.end()
        if clause["percent"]:
            output.add("%")
        else:
            _clause(clause["verb"], clause["precision"], remaining, output)
    output.add(text[position:])
    return output.text()


def _clause(verb: str, precision: str | None, remaining: Iterator[object], output: _Output) -> None:
    places = _DEFAULT_PRECISION if precision is None else int(precision)
    if places > _MAX_PRECISION:
        raise Failure(f"a precision is greater than {_MAX_PRECISION:,}")
    if verb != "s" and verb not in _NUMERIC:
        raise Failure("the text has an unknown formatting clause")
    for value in remaining:
        if verb == "s":
            _write(value, output)
        else:
            output.add(_NUMERIC[verb](value, places))
        return
    raise Failure("the list has too few elements for the text")


def _write(value: object, output: _Output) -> None:
    """`%s`: any value; lists and maps with their elements, maps in the order of their keys' texts."""
    if isinstance(value, (tuple, list)):
        _write_all("[", [(None, item) for item in value], "]", output)
    elif isinstance(value, Mapping):
        keyed = sorted(((_scalar(key), value[key]) for key in value), key=lambda entry: entry[0])
        _write_all("{", keyed, "}", output)
    else:
        output.add(_scalar(value))


def _write_all(
    opening: str, entries: list[tuple[None, object]] | list[tuple[str, object]], closing: str, output: _Output
) -> None:
    output.add(opening)
    for number, (key, value) in enumerate(entries):
        output.add(", " if number else "")
        output.add("" if key is None else f"{key}: ")
        _write(value, output)
    output.add(closing)


def _scalar(value: object) -> str:
    for kind, write in _SCALARS:
        if isinstance(value, kind):
            return write(value)
    raise Failure("a value of this type has no text")


def _decode(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _double(value: float) -> str:
    return _not_finite(value) or format(shortest(value), "f")


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return ("Infinity" if value > 0 else "-Infinity") if math.isinf(value) else ""


_SCALARS: tuple[tuple[type, Callable[..., str]], ...] = (
    (str, lambda value: value),
    (bool, lambda value: "true" if value else "false"),
    (int, lambda value: str(int(value))),
    (float, _double),
    (type(None), lambda _: "null"),
    (bytes, _decode),
    (datetime, format_timestamp),
    (timedelta, format_duration),
    (Type, str),
)


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise Failure("this formatting clause takes whole numbers")


def _decimal(value: object, _: int) -> str:
    return _not_finite(value) if isinstance(value, float) and not math.isfinite(value) else str(_integer(value))


def _number(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise Failure("this formatting clause takes numbers")


def _fixed(value: object, places: int) -> str:
    number = _number(value)
    return _not_finite(number) or f"{number:.{places}f}"


def _scientific(value: object, places: int) -> str:
    number = _number(value)
    return _not_finite(number) or f"{number:.{places}e}"


def _binary(value: object, _: int) -> str:
    return format(int(value) if isinstance(value, bool) else _integer(value), "b")


def _octal(value: object, _: int) -> str:
    return format(_integer(value), "o")


def _hexadecimal(value: object, _: int) -> str:
    if isinstance(value, (str, bytes)):
        return (value.encode() if isinstance(value, str) else value).hex()
    return format(_integer(value), "x")


_NUMERIC: Mapping[str, Callable[[object, int], str]] = {
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": lambda value, places: _hexadecimal(value, places).upper(),
}
