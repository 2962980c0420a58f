"""From the characters of a YAML string back to where they stand in the file, for each of the five scalar styles.

Each style is read once more, keeping what every character came from. The result is compared with the string that the YAML parser
made: where the two differ, no position is claimed.
"""

import re
from collections.abc import Iterator
from itertools import islice

# An anchor before the scalar, with the white space and comments after it.
_ANCHOR = re.compile(r"(?:&[^\s,\[\]{}]+(?:[ \t]|\r?\n|(?<=[ \t\n])#[^\n]*)*)?")
_HEADER = re.compile(r"[|>]([-+]?)([1-9]?)[-+]?[ \t]*(?:(?<=[ \t])#[^\n]*)?\r?\n")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_ESCAPED_BREAK = re.compile(r"\\\r?\n([ \t\r\n]*)")
_FOLD = re.compile(r"[ \t]*\r?\n[ \t\r\n]*")
_BLANK = re.compile(r"[ ]*\r?\n")
# YAML 1.2.2 §5.7
_NAMED_ESCAPES = dict(zip('0abt\tnvfre "/\\N_LP', '\0\a\b\t\t\n\v\f\r\x1b "/\\\x85\xa0\u2028\u2029', strict=True))

# A character of the value, and the indices where its source begins and ends.
_Mapped = tuple[str, int, int]


def character_positions(text: str, start: int, style: str, value: str) -> list[int]:
    """The index in `text` of each character of `value`, and last the index after them all; empty when they cannot be told.

    `value` is the scalar that begins at `start`, an anchor included, in `style`: "" (plain), ', ", | or >.
    """
    anchor = _ANCHOR.match(text, start)
    start = start if anchor is None else anchor.end()
    if not value:
        return [start + 1] if style in ("'", '"') else [start]
    for reading in _readings(text, start, style):
        mapped = list(islice(reading, len(value)))
        if "".join(char for char, _, _ in mapped) == value:
            return [*(begin for _, begin, _ in mapped), mapped[-1][2]]
    return []


def _readings(text: str, start: int, style: str) -> Iterator[Iterator[_Mapped]]:
    """The ways to read a scalar. A block scalar has one for each indentation that it may have."""
    if style in ("|", ">"):
        header = _HEADER.match(text, start)
        if header is not None:
            for indent in _indents(text, header.end()):
                yield _block(text, header.end(), indent, folded=style == ">")
    else:
        yield {"": _plain, "'": _single_quoted, '"': _double_quoted}[style](text, start)


def _plain(text: str, index: int) -> Iterator[_Mapped]:
    while index < len(text):
        if (fold := _FOLD.match(text, index)) is not None:
            yield from _folded(fold)
            index = fold.end()
        else:
            yield text[index], index, index + 1
            index += 1


def _single_quoted(text: str, start: int) -> Iterator[_Mapped]:
    index = start + 1
    while index < len(text):
        if (fold := _FOLD.match(text, index)) is not None:
            yield from _folded(fold)
            index = fold.end()
            continue
        length = 2 if text[index] == "'" else 1
        yield text[index], index, index + length
        index += length


def _double_quoted(text: str, start: int) -> Iterator[_Mapped]:
    index = start + 1
    while index < len(text):
        if (fold := _FOLD.match(text, index)) is not None:
            yield from _folded(fold)
            index = fold.end()
        elif (joined := _ESCAPED_BREAK.match(text, index)) is not None:
            yield from _breaks(text, joined.start(1), joined.end())
            index = joined.end()
        elif (escape := _ESCAPE.match(text, index)) is not None:
            yield _unescaped(escape), index, escape.end()
            index = escape.end()
        else:
            yield text[index], index, index + 1
            index += 1


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    return chr(int(code, 16)) if code else _NAMED_ESCAPES[escape[4]]


def _folded(fold: re.Match[str]) -> Iterator[_Mapped]:
    """One line break is a space; of several the first is dropped (YAML 1.2.2 §6.5)."""
    breaks = list(_breaks(fold.string, fold.start(), fold.end()))
    if len(breaks) == 1:
        _, begin, end = breaks[0]
        yield " ", begin, end
    else:
        yield from breaks[1:]


def _breaks(text: str, begin: int, end: int) -> Iterator[_Mapped]:
    for index in range(begin, end):
        if text[index] == "\n":
            yield "\n", index, index + 1


def _indents(text: str, index: int) -> Iterator[int]:
    """The indentations that a block scalar may have: that of its first line, or less when its header or a blank line says so."""
    while (blank := _BLANK.match(text, index)) is not None:
        index = blank.end()
    first = len(text[index:]) - len(text[index:].lstrip(" ")) if index < len(text) else 0
    yield from range(first, -1, -1)


def _block(text: str, index: int, indent: int, *, folded: bool) -> Iterator[_Mapped]:
    """The lines of a block scalar with every trailing break; what the chomping dropped is at the end and not asked for."""
    index, inside, breaks = _next_line(text, index, indent)
    while inside:
        yield from breaks
        line_break = text.find("\n", index)
        line_end = len(text) if line_break < 0 else line_break
        content_end = line_end - 1 if text.endswith("\r", index, line_end) else line_end
        yield from ((text[at], at, at + 1) for at in range(index, content_end))
        is_text = text[index] not in " \t"
        index, inside, breaks = _next_line(text, line_end + 1, indent)
        if not (folded and inside and is_text and text[index] not in " \t"):
            yield "\n", line_end, line_end + 1
        elif not breaks:
            yield " ", line_end, line_end + 1
    yield from breaks


def _next_line(text: str, index: int, indent: int) -> tuple[int, bool, list[_Mapped]]:
    """Where the content of the next line begins, whether that line still belongs to the scalar, and the blank lines before it."""
    breaks: list[_Mapped] = []
    while True:
        column = 0
        while column < indent and text.startswith(" ", index):
            index, column = index + 1, column + 1
        if not text.startswith(("\n", "\r\n"), index):
            return index, column == indent and index < len(text), breaks
        end = index + (2 if text[index] == "\r" else 1)
        breaks.append(("\n", index, end))
        index = end
