"""Regular expressions in RE2's syntax: no pattern takes more than linear time. A constant one is compiled at load."""

from collections.abc import Callable

from registrar.cel.functions.function import Function, apply
from registrar.cel.patterns import compile_pattern
from registrar.cel.types import BOOL, INT, STRING, ListType


def _matches(pattern: str) -> Callable[[str], bool]:
    return compile_pattern(pattern).search


def _find(pattern: str) -> Callable[[str], str]:
    return compile_pattern(pattern).find


def _find_all(pattern: str) -> Callable[[str], tuple[str, ...]]:
    return compile_pattern(pattern).find_all


def _find_some(text: str, pattern: str, limit: int) -> tuple[str, ...]:
    return compile_pattern(pattern).find_all(text, limit)


_MATCHES = "Whether the pattern fits somewhere in the text; `^` and `$` tie it to the ends."
_STRINGS = ListType(STRING)

REGEX = (
    Function("matches", STRING, (STRING,), BOOL, _MATCHES, apply, linear=True, prepare=_matches),
    Function("matches", None, (STRING, STRING), BOOL, _MATCHES, apply, linear=True, prepare=_matches),
    Function(
        "find",
        STRING,
        (STRING,),
        STRING,
        "The first part that the pattern fits, or an empty text.",
        apply,
        linear=True,
        prepare=_find,
    ),
    Function("findAll", STRING, (STRING,), _STRINGS, "Every part that the pattern fits.", apply, linear=True, prepare=_find_all),
    Function("findAll", STRING, (STRING, INT), _STRINGS, "The same, so many at most when not negative.", _find_some, linear=True),
)
