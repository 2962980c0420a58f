"""Strict YAML for files that operators write: the core schema of YAML 1.2, and nothing in it that could surprise."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import yaml

from registrar.documents.scalars import ScalarError, resolve
from registrar.documents.tree import Document, Entry, Lines, Node, format_path
from registrar.errors import LoadError, Problem

MAX_BYTES = 1 << 20
MAX_NODES = 20_000
MAX_DEPTH = 64

# The parser in C when PyYAML was built with it. Both give the same events, so the composer below is the only one.
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Beside what YAML forbids: a lone CR, and the breaks and marks that editors and YAML versions count differently.
# Named one by one: naming what is allowed takes 2 ms to compile, since `re` looks at each character of a class in turn.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]|\r(?!\n)")
# How expressions begin that are no plain scalars of YAML: `!size(x) < 2`, `"a" in b`.
_MARK = re.compile(r"[-:,{\[][ ]+![^ ]*([ ].*)?\Z")
_QUOTED = re.compile(r"""[-:,{\[][ ]+("[^"]*"|'[^']*')[ ]+\Z""")
_BEGINS_WITH_MARK = "a value that begins with ! has to be quoted"
_BEGINS_WITH_QUOTE = "a value that begins with a quotation mark has to be quoted as a whole"
_DIRECTIVE = re.compile(r"^%(?!YAML[ \t]+1\.2[ \t]*(?:#.*)?\r?$).*", re.MULTILINE)


def read_yaml(text: str, file: str, *, loader: type = _LOADER) -> Document:
    """Read one document; `file` is the name that places carry.

    MUST: at most 1 MiB, one document, no directive but `%YAML 1.2`, no tags, no merge keys, string keys only, no key twice, no
    alias inside what it repeats, at most 20,000 values with aliases expanded, at most 64 levels; plain scalars are those of the
    core schema (YAML 1.2.2 §10.3), without the ones that readers understand differently.

    Raises LoadError with every mistake that could be found.
    """
    lines = Lines(text, file)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise LoadError([Problem(lines.place(0), "", f"the file is larger than {MAX_BYTES} bytes")])
    strange = [Problem(lines.place(match.start()), "", _strange(match)) for match in _FORBIDDEN.finditer(text)]
    if strange:
        raise LoadError(strange)
    return _Composer(lines).compose(yaml.parse(text, Loader=loader))


def _strange(match: re.Match[str]) -> str:
    if match[0] == "\ufeff" and match.start() == 0:
        return "save the file without a byte order mark"
    return f"the character U+{ord(match[0]):04X} is not allowed: write it as an escape in quotes"


class _Mark(Protocol):
    """A position as both parsers give it; line and column count from 0."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


class _UnreadableError(Exception):
    """Nothing after this point can be read."""


@dataclass(slots=True, eq=False)
class _Frame:
    """A collection that is still open; in a mapping, `key` is the key that waits for its value."""

    node: Node
    key: "_Key | None" = None


class _Key(NamedTuple):
    """A key of a mapping. `name` is None when the key is a mistake, so that its value is read and dropped."""

    name: str | None
    start: int


class _Composer:
    """Builds the tree of one document from parser events, without recursion, and collects what is wrong with it."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._problems: list[Problem] = []
        self._open: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._size = 0
        self._root: Node | None = None

    def compose(self, events: Iterable[yaml.Event]) -> Document:
        try:
            for event in events:
                self._take(event)
        except yaml.MarkedYAMLError as error:
            index = self._index(error.problem_mark or error.context_mark)
            self._problems.append(Problem(self._lines.place(index), "", _explained(error, self._lines.text, index)))
        except _UnreadableError:
            pass
        if self._problems:
            raise LoadError(self._problems)
        return Document(self._lines, self._root or Node(start=0))

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._check_tag(event)
            scalar = self._scalar(event)
            self._add(scalar, scalar.start)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._check_tag(event)
            self._descend(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            node = self._open.pop().node
            self._add(node, node.start)
        elif isinstance(event, yaml.AliasEvent):
            self._repeat(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._begin(event)

    def _begin(self, event: yaml.DocumentStartEvent) -> None:
        start = self._index(event.start_mark)
        if self._root is not None:
            self._report(start, "a file holds one document: this is a second one")
            raise _UnreadableError
        for directive in _DIRECTIVE.finditer(self._lines.text, 0, self._index(event.end_mark)):
            self._report(directive.start(), "directives are not supported")

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        start = self._index(event.start_mark)
        node = self._named(event, Node(start, event.value, event.style or ""))
        if not node.style:
            try:
                node.value = resolve(event.value)
            except ScalarError as error:
                self._report(start, str(error))
        elif _has_half(event.value):
            self._report(start, "an escape stands for half a character")
        return node

    def _descend(self, event: yaml.CollectionStartEvent) -> None:
        start = self._index(event.start_mark)
        if len(self._open) == MAX_DEPTH:
            self._report(start, f"nested deeper than {MAX_DEPTH} levels")
            raise _UnreadableError
        value: object = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Frame(self._named(event, Node(start, value, height=1))))

    def _repeat(self, event: yaml.AliasEvent) -> None:
        start = self._index(event.start_mark)
        node = self._anchors.get(event.anchor or "")
        if node is None:
            self._report(start, "no anchor of this name stands before it")
            node = Node(start)
        elif any(frame.node is node for frame in self._open):
            self._report(start, "an alias inside the value that it repeats")
            node = Node(start)
        elif len(self._open) + node.height > MAX_DEPTH:
            self._report(start, f"nested deeper than {MAX_DEPTH} levels")
        self._add(node, start, size=node.size)

    def _named(self, event: yaml.NodeEvent, node: Node) -> Node:
        if event.anchor in self._anchors:
            self._report(node.start, "an anchor of this name stands before it already")
        elif event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _add(self, node: Node, start: int, size: int = 1) -> None:
        """Put a finished node into the collection that is open; in a mapping it is by turns a key and a value."""
        self._size += size
        if self._size > MAX_NODES:
            self._report(start, f"more than {MAX_NODES} values, aliases expanded")
            raise _UnreadableError
        if not self._open:
            self._root = node
            return
        frame = self._open[-1]
        if isinstance(frame.node.value, list):
            self._attach(frame.node, len(frame.node.value), Entry(start, start, node))
        elif frame.key is None:
            frame.key = _Key(self._key(frame.node, node, start), start)
        else:
            if frame.key.name is not None:
                self._attach(frame.node, frame.key.name, Entry(frame.key.start, start, node))
            frame.key = None

    @staticmethod
    def _attach(parent: Node, step: str | int, entry: Entry) -> None:
        parent.entries[step] = entry
        parent.size += entry.node.size
        parent.height = max(parent.height, entry.node.height + 1)
        if isinstance(parent.value, list):
            parent.value.append(entry.node.value)
        elif isinstance(parent.value, dict):
            parent.value[step] = entry.node.value
            parent.size += 1  # the key

    def _key(self, mapping: Node, node: Node, start: int) -> str | None:
        name = node.value
        if name == "<<" and not node.style:
            self._report(start, "merge keys are not supported: write the keys out")
        elif not isinstance(name, str):
            self._report(start, "a key must be a string: quote it" if node.height == 0 else "a key must be a string")
        elif (first := mapping.entries.get(name)) is not None:
            self._report(start, f'the key "{name}" stands here twice, first on line {self._lines.place(first.key).line}')
        else:
            return name
        return None

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            self._report(self._index(event.start_mark), f"tags are not supported: {_BEGINS_WITH_MARK}")

    def _index(self, mark: _Mark | None) -> int:
        # Line and column, since the two parsers do not count the index alike.
        return 0 if mark is None else self._lines.index(mark.line, mark.column)

    def _report(self, index: int, message: str) -> None:
        steps = [
            frame.key.name if frame.key else None if isinstance(frame.node.value, dict) else len(frame.node.entries)
            for frame in self._open
        ]
        path = format_path([step for step in steps if step is not None])
        self._problems.append(Problem(self._lines.place(index), path, message))


def _has_half(text: str) -> bool:
    """Whether one half of a surrogate pair is in `text`, which is no character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _explained(error: yaml.MarkedYAMLError, text: str, index: int) -> str:
    """The parser's message in one line, with where the thing began that it could not finish."""
    problem = error.problem or "is not YAML"
    if "cannot start any token" in problem:
        char = text[index : index + 1]
        return "a tab cannot stand here: indent with spaces" if char == "\t" else f"{char} cannot begin a value: quote the value"
    before = text[text.rfind("\n", 0, index) + 1 : index]
    if _MARK.search(before):
        return _BEGINS_WITH_MARK
    if _QUOTED.search(before):
        return _BEGINS_WITH_QUOTE
    if error.context is None or error.context_mark is None:
        return problem
    return f"{problem} ({error.context} that begins on line {error.context_mark.line + 1})"
