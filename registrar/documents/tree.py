"""A YAML document as plain Python, with the place in the file of every key, value and character."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from registrar.errors import Place

Path = Sequence[str | int]


def format_path(path: Path) -> str:
    """`spec.validations[0].expression` for people; a key that is no identifier is quoted."""
    parts = ""
    for step in path:
        if isinstance(step, int):
            parts += f"[{step}]"
        elif step.replace("-", "_").replace("/", "_").isidentifier():
            parts += f".{step}" if parts else step
        else:
            parts += f'["{step}"]'
    return parts


class Lines:
    """Where each line of a text begins, to turn an index into a place; a line ends with LF or CRLF."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def index(self, line: int, column: int) -> int:
        """The index of a position whose line and column count from 0; a position after the end is the end."""
        if line >= len(self._starts):
            return len(self.text)
        return min(self._starts[line] + column, len(self.text))

    def place(self, index: int) -> Place:
        """The place of the character at `index`."""
        line = bisect_right(self._starts, index)
        return Place(self.file, line, index - self._starts[line - 1] + 1)


@dataclass(slots=True, eq=False)
class Node:
    """One value of the file. `start` is the index of its first character, `style` the quote or indicator of a scalar ("" plain).

    `size` counts the keys and values in it and itself, `height` the collections that nest in it and itself, aliases expanded.
    """

    start: int
    value: Any = None
    style: str = ""
    entries: dict[str | int, "Entry"] = field(default_factory=dict)
    size: int = 1
    height: int = 0


class Entry(NamedTuple):
    """One item of a collection: where its key begins, where the item stands (an alias, where there is one), and what it is."""

    key: int
    start: int
    node: Node


class Document:
    """What `read_yaml` returns: the plain value (dict, list, str, int, float, bool, None) and the places in the file."""

    def __init__(self, lines: Lines, root: Node) -> None:
        self._lines = lines
        self._root = root
        self.file = lines.file
        self.value = root.value

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at `path` begins, or its key with `key`. A path that is not there gives its nearest parent that is."""
        entry = self._entry(path)
        return self._lines.place(entry.key if key else entry.start)

    def text_place(self, path: Path, offset: int) -> Place:
        """Where character `offset` of the string at `path` stands in the file; the length of the string gives the place after it.

        A scalar that is no string, and an offset outside it, give the start of the scalar.
        """
        from registrar.documents.positions import character_positions  # noqa: PLC0415  only a mistake has a text place

        node = self._entry(path).node
        if not isinstance(node.value, str):
            return self._lines.place(node.start)
        positions = character_positions(self._lines.text, node.start, node.style, node.value)
        return self._lines.place(positions[offset] if 0 <= offset < len(positions) else node.start)

    def _entry(self, path: Path) -> Entry:
        entry = Entry(self._root.start, self._root.start, self._root)
        for step in path:
            if (child := entry.node.entries.get(step)) is None:
                break
            entry = child
        return entry
