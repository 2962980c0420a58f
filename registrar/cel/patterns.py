"""The door to RE2: regular expressions that take time linear in the text, whatever the pattern."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from registrar.cel.errors import PatternError

# A pattern may come from a fact, so what compiling it may take is bounded: the default of RE2 is 8 MiB.
_MAX_MEMORY = 1 << 20
MAX_PATTERN = 1_024
# How many compiled patterns are kept for expressions that take theirs from a constant: compiling takes six times as long as
# matching. Few, since each may hold as much as _MAX_MEMORY.
_KEPT = 64

# Strangers write what is searched, and what is learned from it is copied when something is added.
_MOST_CHARACTERS = 4_096
# One class, as `\p{Latin}` or `[^a-z\p{Han}]`, without classes in brackets (`[[:alpha:]]`) inside.
_ONE_CHARACTER = re.compile(r"\\[pP]\{\w+\}|\[(?:\\[pPx]\{\^?\w+\}|\\[^pPxQ\w]|[^\\\[\]])+\]")


class Pattern:
    """A compiled regular expression; safe to share between threads."""

    __slots__ = ("_regexp", "find", "search", "text")

    search: Callable[[str], bool]
    """Whether the pattern fits somewhere in a text."""
    find: Callable[[str], str]
    """The first part of a text that fits; "" when none does."""

    def __init__(self, text: str, regexp: Any) -> None:
        self.text = text
        self._regexp = regexp
        found = _Characters(regexp) if _ONE_CHARACTER.fullmatch(text) else _Parts(regexp)
        self.search, self.find = found.search, found.find

    def fullmatch(self, text: str) -> bool:
        """Whether the pattern fits all of `text`."""
        return self._regexp.fullmatch(text.encode()) is not None

    def find_all(self, text: str, limit: int = -1) -> tuple[str, ...]:
        """The parts of `text` that fit, from left to right, not overlapping; at most `limit` when it is not negative."""
        found: list[str] = []
        for match in self._regexp.finditer(text):
            if len(found) == limit:
                break
            found.append(match.group())
        return tuple(found)


class _Parts:
    """A pattern of which nothing is known."""

    __slots__ = ("_regexp",)

    def __init__(self, regexp: Any) -> None:
        self._regexp = regexp

    def search(self, text: str) -> bool:
        """Whether a part of `text` fits."""
        # Given bytes, the binding does not work out where the characters of the match are, which nobody asks for here; and its
        # own `search` is no more than the first of `finditer`.
        return next(self._regexp.finditer(text.encode()), None) is not None

    def find(self, text: str) -> str:
        """The first part of `text` that fits; "" when none does."""
        found = self._regexp.search(text)
        return "" if found is None else str(found.group())


class _Characters:
    """What is known of a pattern that fits single characters: those that it fits, and those that it does not.

    The binding lets go of the interpreter's lock for every match. Where many threads decide at once, getting it back costs fifty
    times what the match does, and the characters of names are few.
    """

    __slots__ = ("_fitting", "_others", "_regexp")

    def __init__(self, regexp: Any) -> None:
        self._regexp = regexp
        self._fitting: frozenset[str] = frozenset()
        self._others: frozenset[str] = frozenset()

    def search(self, text: str) -> bool:
        """Whether one of the characters of `text` fits."""
        if self._others.issuperset(text):
            return False
        if not self._fitting.isdisjoint(text):
            return True
        return self._asked(text) != ""

    def find(self, text: str) -> str:
        """The first character of `text` that fits; "" when none does."""
        if self._others.issuperset(text):
            return ""
        for character in text:
            if character in self._fitting:
                return character
            if character not in self._others:
                break
        return self._asked(text)

    def _asked(self, text: str) -> str:
        """What `find` has to answer, from the binding, and learned: what stands before the first that fits does not."""
        found = self._regexp.search(text)
        first = "" if found is None else str(found.group())
        self._others = _more(self._others, text if found is None else text[: found.start()])
        self._fitting = _more(self._fitting, first)
        return first


def _more(known: frozenset[str], characters: str) -> frozenset[str]:
    """`known` with more characters, unless there are many already. Threads may lose what others learn at the same time."""
    return known.union(characters) if len(known) < _MOST_CHARACTERS else known


@lru_cache(maxsize=_KEPT)
def compile_pattern(pattern: str) -> Pattern:
    """`pattern` in RE2's syntax. Raises PatternError, whose message says what is wrong and never repeats the pattern."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"the pattern is longer than {MAX_PATTERN:,} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    options.never_capture = True
    try:
        return Pattern(pattern, re2.compile(pattern, options))
    except (re2.error, UnicodeError) as error:
        raise PatternError(f"the pattern is wrong: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """RE2's words for what is wrong, without the part of the pattern that it repeats after the colon."""
    words = error.args[0] if error.args else ""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return "it is no Unicode text" if isinstance(error, UnicodeError) else text.partition(":")[0]
