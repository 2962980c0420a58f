"""An expression's text as a tree of nodes, each with its place; lark's tree has one for every level of precedence besides."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, NoReturn, TypeAlias

from lark import Token, Tree
from lark.exceptions import UnexpectedInput

from registrar.cel import literals
from registrar.cel.errors import CompileError, CompileProblem
from registrar.cel.grammar import parser
from registrar.cel.types import Type

MAX_LENGTH = 4_096
MAX_NESTING = 40

_RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import"}
    | {"let", "loop", "package", "namespace", "return", "var", "void", "while"}
)
_KEYWORDS = frozenset(("true", "false", "null", "in"))


# A part of an expression is the characters of its text from `offset` up to `end`.


class Literal(NamedTuple):
    """A value that is written out."""

    offset: int
    end: int
    value: object
    type: Type


class Name(NamedTuple):
    """A variable, or a type. `absolute`: written with a leading dot, which passes over the variables of macros."""

    offset: int
    end: int
    name: str
    absolute: bool


class Select(NamedTuple):
    """`target.member`; `at` is where the member's name stands."""

    offset: int
    end: int
    target: "Node"
    member: str
    at: int


class Call(NamedTuple):
    """`function(args)` or `target.function(args)`; operators are calls of `_+_`, `@in` and the like. `at` is the name's place."""

    offset: int
    end: int
    function: str
    target: "Node | None"
    args: "tuple[Node, ...]"
    at: int


class Index(NamedTuple):
    """`target[key]`; `at` is where the bracket opens."""

    offset: int
    end: int
    target: "Node"
    key: "Node"
    at: int


class Logic(NamedTuple):
    """A chain of `&&` (`conjunction`) or of `||`."""

    offset: int
    end: int
    conjunction: bool
    operands: "tuple[Node, ...]"


class Conditional(NamedTuple):
    """`condition ? yes : no`."""

    offset: int
    end: int
    condition: "Node"
    yes: "Node"
    no: "Node"


class ListLiteral(NamedTuple):
    """`[items]`."""

    offset: int
    end: int
    items: "tuple[Node, ...]"


class MapLiteral(NamedTuple):
    """`{key: value}`, the entries in their order."""

    offset: int
    end: int
    entries: "tuple[tuple[Node, Node], ...]"


Node: TypeAlias = Literal | Name | Select | Call | Index | Logic | Conditional | ListLiteral | MapLiteral


def is_name(text: str) -> bool:
    """Whether `text` may name a variable."""
    return text.isidentifier() and text.isascii() and text not in _RESERVED and text not in _KEYWORDS


def parse(text: str) -> Node:
    """The tree of `text`. Raises CompileError with one problem when it is too long, too deep or no expression."""
    if len(text) > MAX_LENGTH:
        _refuse(f"the expression is longer than {MAX_LENGTH:,} characters", MAX_LENGTH)
    _check_characters(text)
    _check_quotes(text)
    try:
        tree = parser().parse(text)
    except UnexpectedInput as error:
        _refuse(_syntax_error(error, text), _position(error, text))
    return _Reader().node(tree, 0)


def _refuse(message: str, offset: int) -> NoReturn:
    raise CompileError(CompileProblem(offset, message)) from None


def _check_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        _refuse("half of a surrogate pair is no character", error.start)


def _check_quotes(text: str) -> None:
    """Refuse a string or bytes literal without an end before the grammar's regular expressions see it.

    They try every way to read its escapes, which takes time exponential in the number of backslashes (cel-python 0.5.0). With an
    end they find it on the first way. Comments are passed over, for their quotes mean nothing.
    """
    position = 0
    while found := _OPENING.search(text, position):
        position = found.end()
        if found["quote"]:
            closed = _CLOSED[found["quote"]].match(text, position)
            if closed is None:
                _refuse("a literal begins here and has no end", found.start())
            position = closed.end()


# Each way through a body takes one character or one pair, so these do not backtrack.
_OPENING = re.compile(r"""//[^\n]*|(?P<quote>\"\"\"|'''|"|')""")
_CLOSED = {
    '"': re.compile(r"""(?:[^"\\\n]|\\[^\n])*+\""""),
    "'": re.compile(r"""(?:[^'\\\n]|\\[^\n])*+'"""),
    '"""': re.compile(r"""(?:[^"\\]|\\.|"(?!""))*+\"\"\"""", re.DOTALL),
    "'''": re.compile(r"""(?:[^'\\]|\\.|'(?!''))*+'''""", re.DOTALL),
}


def _position(error: UnexpectedInput, text: str) -> int:
    if _at_end(error):
        return len(text.rstrip())
    position: int | None = error.pos_in_stream
    return max(position or 0, 0)


def _syntax_error(error: UnexpectedInput, text: str) -> str:
    if _at_end(error):
        return "the expression ends too early" if text.strip() else "the expression is empty"
    unexpected = str(getattr(error, "token", "")) or text[_position(error, text)]
    return f"syntax error at {unexpected[:20]!r}"


def _at_end(error: UnexpectedInput) -> bool:
    return getattr(getattr(error, "token", None), "type", "") == "$END"


_LOGIC = {"conditionalor": False, "conditionaland": True}


def _start(part: Any) -> int:
    """Where a tree's first token begins; no rule of the grammar is without one."""
    while isinstance(part, Tree):
        part = part.children[0]
    start: int = part.start_pos
    return start


def _end(part: Any) -> int:
    """Where a tree's last token ends."""
    while isinstance(part, Tree):
        part = part.children[-1]
    end: int = part.end_pos
    return end


class _Reader:
    """One walk over lark's tree. Its recursion is what MAX_NESTING counts, so a tree that is too deep is refused, not overrun."""

    def node(self, tree: Any, depth: int) -> Node:
        """The node that `tree` stands for, past the levels of precedence that it does not use."""
        depth += 1
        while True:
            if depth > MAX_NESTING:
                _refuse(f"the expression is nested more than {MAX_NESTING} levels deep", _start(tree))
            reader = self._READERS.get(tree.data)
            if reader is not None and not (tree.data in _LEVELS and len(tree.children) == 1):
                return reader(self, tree, depth)
            inside = tree.data == "paren_expr"
            depth += inside
            tree = tree.children[inside]

    def _span(self, tree: Any) -> tuple[int, int]:
        return _start(tree), _end(tree)

    def _expr(self, tree: Any, depth: int) -> Node:
        condition, yes, no = (self.node(child, depth) for child in tree.children[::2])
        return Conditional(*self._span(tree), condition, yes, no)

    def _logic(self, tree: Any, depth: int) -> Node:
        # `a && b && c` leans to the left; as one node it costs one level, however long it is.
        operands, rest = [], tree
        while rest.data == tree.data and len(rest.children) > 1:
            rest, _, last = rest.children
            operands.append(last)
        operands.append(rest)
        nodes = tuple(self.node(operand, depth) for operand in reversed(operands))
        return Logic(*self._span(tree), _LOGIC[tree.data], nodes)

    def _binary(self, tree: Any, depth: int) -> Node:
        operator, right = tree.children
        left, sign = operator.children
        function = "@in" if sign == "in" else f"_{sign}_"
        return Call(*self._span(tree), function, None, (self.node(left, depth), self.node(right, depth)), sign.start_pos)

    def _unary(self, tree: Any, depth: int) -> Node:
        operator, operand = tree.children
        sign = operator.children[0]
        return Call(*self._span(tree), f"{sign}_", None, (self.node(operand, depth),), sign.start_pos)

    def _member_dot(self, tree: Any, depth: int) -> Node:
        target, _, member = tree.children
        return Select(*self._span(tree), self.node(target, depth), self._member(member), member.start_pos)

    def _member_dot_arg(self, tree: Any, depth: int) -> Node:
        target, _, name, _, *args, _ = tree.children
        arguments = tuple(self._list(args, depth))
        return Call(*self._span(tree), self._member(name), self.node(target, depth), arguments, name.start_pos)

    def _member_index(self, tree: Any, depth: int) -> Node:
        target, bracket, key, _ = tree.children
        return Index(*self._span(tree), self.node(target, depth), self.node(key, depth), bracket.start_pos)

    def _member_object(self, tree: Any, _: int) -> Node:
        _refuse("messages cannot be made in an expression", _start(tree))

    def _ident(self, tree: Any, _: int) -> Node:
        return Name(*self._span(tree), self._variable(tree.children[-1]), absolute=tree.data == "dot_ident")

    def _ident_arg(self, tree: Any, depth: int) -> Node:
        name, _, *args, _ = tree.children[tree.data == "dot_ident_arg" :]
        return Call(*self._span(tree), self._variable(name), None, tuple(self._list(args, depth)), name.start_pos)

    def _list_lit(self, tree: Any, depth: int) -> Node:
        return ListLiteral(*self._span(tree), tuple(self._list(tree.children[1:-1], depth)))

    def _map_lit(self, tree: Any, depth: int) -> Node:
        parts = list(self._list(tree.children[1:-1], depth))
        return MapLiteral(*self._span(tree), tuple(zip(parts[::2], parts[1::2], strict=True)))

    def _list(self, lists: list[Tree[Token]], depth: int) -> Iterator[Node]:
        """The nodes of an argument list, which the grammar leaves out when it is empty."""
        for inner in lists:
            for child in inner.children[::2]:
                yield self.node(child, depth)

    def _literal(self, tree: Any, _: int) -> Node:
        token = tree.children[0]
        return Literal(*self._span(tree), *literals.decode(token.type, str(token), token.start_pos))

    def _variable(self, token: Token) -> str:
        if not is_name(token):
            _refuse(f"{token} is a reserved word", token.start_pos or 0)
        return str(token)

    def _member(self, token: Token) -> str:
        if token in _KEYWORDS:
            _refuse(f"{token} is a keyword, not the name of a member", token.start_pos or 0)
        return str(token)

    _READERS: ClassVar[Mapping[str, Callable[["_Reader", Any, int], Node]]] = {
        "expr": _expr,
        "conditionalor": _logic,
        "conditionaland": _logic,
        "relation": _binary,
        "addition": _binary,
        "multiplication": _binary,
        "unary": _unary,
        "member_dot": _member_dot,
        "member_dot_arg": _member_dot_arg,
        "member_index": _member_index,
        "member_object": _member_object,
        "ident": _ident,
        "dot_ident": _ident,
        "ident_arg": _ident_arg,
        "dot_ident_arg": _ident_arg,
        "list_lit": _list_lit,
        "map_lit": _map_lit,
        "literal": _literal,
    }


# Levels of precedence: with one child they only pass it on.
_LEVELS = frozenset(("expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary"))
