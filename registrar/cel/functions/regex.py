"""Regular expressions in RE2's syntax: no pattern takes more than linear time. A constant one is compiled at load."""

from registrar.cel.errors import Failure, PatternError
from registrar.cel.functions.function import Function
from registrar.cel.patterns import Pattern, compile_pattern
from registrar.cel.types import BOOL, INT, STRING, ListType


def _pattern(text: str) -> Pattern:
    try:
        return compile_pattern(text)
    except PatternError as error:
        raise Failure(str(error)) from None


def _matches(text: str, pattern: Pattern) -> bool:
    return pattern.search(text)


def _find(text: str, pattern: Pattern) -> str:
    return pattern.find(text)


def _find_all(text: str, pattern: Pattern) -> tuple[str, ...]:
    return pattern.find_all(text)


def _find_some(text: str, pattern: str, limit: int) -> tuple[str, ...]:
    return _pattern(pattern).find_all(text, limit)


_MATCHES = "Whether the pattern fits somewhere in the text; `^` and `$` tie it to the ends."
_STRINGS = ListType(STRING)

REGEX = (
    Function("matches", STRING, (STRING,), BOOL, _MATCHES, _matches, linear=True, prepare=_pattern),
    Function("matches", None, (STRING, STRING), BOOL, _MATCHES, _matches, linear=True, prepare=_pattern),
    Function(
        "find",
        STRING,
        (STRING,),
        STRING,
        "The first part that the pattern fits, or an empty text.",
        _find,
        linear=True,
        prepare=_pattern,
    ),
    Function(
        "findAll", STRING, (STRING,), _STRINGS, "Every part that the pattern fits.", _find_all, linear=True, prepare=_pattern
    ),
    Function("findAll", STRING, (STRING, INT), _STRINGS, "The same, so many at most when not negative.", _find_some, linear=True),
)
