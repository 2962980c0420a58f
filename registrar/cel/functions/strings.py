"""Functions on text (the standard library, and cel-go's strings extension). Every position counts code points, from 0."""

import operator

from registrar.cel.errors import Failure
from registrar.cel.functions.format import format_text
from registrar.cel.functions.function import Function
from registrar.cel.types import BOOL, INT, LIST, STRING, ListType
from registrar.cel.values import bounded, check_size

# Unicode's White_Space property, which differs a little from what Python's strip() takes away.
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)

# The backslash first: the others bring backslashes of their own.
_ESCAPES = {"\\": r"\\", "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", '"': r"\""}
_STRINGS = ListType(STRING)
# Any text, a lone surrogate included.
_UTF_8 = ("utf-8", "surrogatepass")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise Failure("the index is outside the text")
    return text[index : index + 1]


def _index_of(text: str, part: str, offset: int = 0) -> int:
    _check_offset(text, offset)
    return text.find(part, offset)


def _last_index_of(text: str, part: str) -> int:
    return text.rfind(part)


def _last_index_up_to(text: str, part: str, offset: int) -> int:
    """The last place of `part` that does not begin after `offset`."""
    _check_offset(text, offset)
    return text.rfind(part, 0, offset + len(part))


def _check_offset(text: str, offset: int) -> None:
    if not 0 <= offset <= len(text):
        raise Failure("the offset is outside the text")


def _substring(text: str, start: int, end: int | None = None) -> str:
    last = len(text) if end is None else end
    if not 0 <= start <= last <= len(text):
        raise Failure("the range is outside the text")
    return text[start:last]


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    # Counted first, so that a result that is too long is never made.
    times = text.count(old) if limit < 0 else min(limit, text.count(old))
    check_size(len(text) + times * (len(new) - len(old)))
    return text.replace(old, new, times)


def _split(text: str, separator: str, limit: int = -1) -> tuple[str, ...]:
    if limit == 0:
        return ()
    if separator:
        return bounded(tuple(text.split(separator, limit - 1 if limit > 0 else -1)))
    if limit < 0 or limit >= len(text):
        return bounded(tuple(text))
    return bounded((*text[: limit - 1], text[limit - 1 :]))


def _join(texts: tuple[str, ...], separator: str = "") -> str:
    check_size(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _quote(text: str) -> str:
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return bounded(f'"{text}"')


# Of bytes, Python changes the case of ASCII letters only, and in UTF-8 no other character has a byte of theirs.
def _lower(text: str) -> str:
    return text.lower() if text.isascii() else text.encode(*_UTF_8).lower().decode(*_UTF_8)


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else text.encode(*_UTF_8).upper().decode(*_UTF_8)


_CONTAINS = "Whether the second text is a part of the first."
_REPLACE = "The text with every occurrence of the first argument replaced by the second"
_SPLIT = "The parts between the separators; an empty separator gives the code points"
_CASE = "The ASCII letters in {} case; every other character stays."

STRINGS = (
    Function("contains", STRING, (STRING,), BOOL, _CONTAINS, operator.contains, linear=True),
    Function("startsWith", STRING, (STRING,), BOOL, "Whether the text begins with another.", str.startswith),
    Function("endsWith", STRING, (STRING,), BOOL, "Whether the text ends with another.", str.endswith),
    Function("charAt", STRING, (INT,), STRING, "The code point at an index; at the very end, an empty text.", _char_at),
    Function("indexOf", STRING, (STRING,), INT, "Where another text first begins; -1 when nowhere.", _index_of, linear=True),
    Function("indexOf", STRING, (STRING, INT), INT, "The same, from an offset on.", _index_of, linear=True),
    Function(
        "lastIndexOf", STRING, (STRING,), INT, "Where another text last begins; -1 when nowhere.", _last_index_of, linear=True
    ),
    Function("lastIndexOf", STRING, (STRING, INT), INT, "The same, not after an offset.", _last_index_up_to, linear=True),
    Function("join", _STRINGS, (), STRING, "All texts, one after the other.", _join, linear=True),
    Function("join", _STRINGS, (STRING,), STRING, "All texts, with a separator between them.", _join, linear=True),
    Function("lowerAscii", STRING, (), STRING, _CASE.format("lower"), _lower, linear=True),
    Function("upperAscii", STRING, (), STRING, _CASE.format("upper"), _upper, linear=True),
    Function("replace", STRING, (STRING, STRING), STRING, f"{_REPLACE}.", _replace, linear=True),
    Function("replace", STRING, (STRING, STRING, INT), STRING, f"{_REPLACE}, so often at most.", _replace, linear=True),
    Function("split", STRING, (STRING,), _STRINGS, f"{_SPLIT}.", _split, linear=True),
    Function(
        "split", STRING, (STRING, INT), _STRINGS, f"{_SPLIT}; so many parts at most, the last one whole.", _split, linear=True
    ),
    Function("substring", STRING, (INT,), STRING, "The text from an index on.", _substring, linear=True),
    Function(
        "substring", STRING, (INT, INT), STRING, "The text from an index up to, not including, another.", _substring, linear=True
    ),
    Function(
        "trim", STRING, (), STRING, "The text without white space at its ends.", lambda text: text.strip(_SPACE), linear=True
    ),
    Function("reverse", STRING, (), STRING, "The code points from the last to the first.", lambda text: text[::-1], linear=True),
    Function(
        "format",
        STRING,
        (LIST,),
        STRING,
        "The text with `%s %d %f %e %b %o %x %X` replaced by the list's elements in turn; `%%` is a percent sign.",
        format_text,
        linear=True,
        # Every second character may begin a clause.
        rate=32,
    ),
    Function(
        "strings.quote",
        None,
        (STRING,),
        STRING,
        "The text as a literal, in double quotes, its escapes written.",
        _quote,
        linear=True,
    ),
)
