"""Whether a regular expression in RE2's syntax is tied to both ends of the text."""

import re
from collections.abc import Iterator, Sequence

# Flags such as `(?i)`; they are no part of what a quantifier after them repeats.
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")
# Under the flag m, wherever it is set, `^` and `$` are the ends of lines.
_BY_LINES = re.compile(r"\(\?[a-zA-Z]*m")
_PART = re.compile(
    r"""
      \(\?[a-zA-Z-]+\)                                    # flags
    | \\Q .*? (?:\\E|\Z)                                  # a quotation
    | \\ .                                                # an escape
    | \[ \^? \]? (?: \[:[^]]*:\] | \\. | [^]\\] )* \]     # a class, in which brackets and bars are characters
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_REPEATED = re.compile(r"[*+?]|\{[0-9]")


def loose_ends(pattern: str) -> str:
    """`start`, `end` or `start and end`: where text of any kind may stand around what fits. Empty when nowhere.

    Every alternative counts: `^a|b$` is loose at both ends. A pattern whose anchors are all inside groups counts as loose.
    """
    lines = _BY_LINES.search(pattern) is not None
    alternatives = list(_alternatives(pattern))
    starts, ends = (("\\A",), ("\\z",)) if lines else (("^", "\\A"), ("$", "\\z"))
    loose = {
        "start": any(not _begins(parts, starts) for parts in alternatives),
        "end": any(not parts or parts[-1] not in ends for parts in alternatives),
    }
    return " and ".join(end for end, is_loose in loose.items() if is_loose)


def _begins(parts: Sequence[str], starts: Sequence[str]) -> bool:
    """Whether the first part is an anchor, and one that is not optional."""
    return bool(parts) and parts[0] in starts and not _REPEATED.match("".join(parts[1:3]))


def _alternatives(pattern: str) -> Iterator[list[str]]:
    """The parts of each alternative outside of all groups."""
    parts: list[str] = []
    depth = 0
    for part in _PART.findall(pattern):
        depth += (part == "(") - (part == ")")
        if part == "|" and depth == 0:
            yield parts
            parts = []
        elif not _FLAGS.fullmatch(part):
            parts.append(part)
    yield parts
