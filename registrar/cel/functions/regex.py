"""Regular expressions in RE2's syntax: no pattern takes more than linear time. A constant one is compiled at load."""

from collections.abc import Callable

from registrar.cel.functions.function import PREPARING, Function, apply
from registrar.cel.patterns import compile_pattern
from registrar.cel.types import BOOL, INT, STRING, ListType
from registrar.cel.values import CHARACTERS_PER_STEP, bounded


def _matches(pattern: str) -> Callable[[str], bool]:
    return compile_pattern(pattern).search


def _find(pattern: str) -> Callable[[str], str]:
    return compile_pattern(pattern).find


def _find_all(pattern: str) -> Callable[[str], tuple[str, ...]]:
    find_all = compile_pattern(pattern).find_all
    return lambda text: bounded(find_all(text))


def _find_some(text: str, pattern: str, limit: int) -> tuple[str, ...]:
    return bounded(compile_pattern(pattern).find_all(text, limit))


_MATCHES = "Whether the pattern fits somewhere in the text; `^` and `$` tie it to the ends."
_STRINGS = ListType(STRING)
# Each character may be a match of its own, and the binding makes an object of each match: four steps.
_ALL = 4 * CHARACTERS_PER_STEP

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
    Function(
        "findAll",
        STRING,
        (STRING,),
        _STRINGS,
        "Every part that the pattern fits.",
        apply,
        linear=True,
        rate=_ALL,
        prepare=_find_all,
    ),
    # Its pattern is not the last argument, so it is never prepared at load: each call may be the first that compiles it.
    Function(
        "findAll",
        STRING,
        (STRING, INT),
        _STRINGS,
        "The same, so many at most when not negative.",
        _find_some,
        linear=True,
        rate=_ALL,
        price=PREPARING,
    ),
)
