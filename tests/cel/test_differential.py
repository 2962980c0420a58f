"""Generated expressions over generated facts: here, in Google's C++ implementation, and in cel-python's interpreter.

Known differences, which the generator keeps out of what it makes or the comparison allows for:

- cel-python: equality of unlike types is an error, and `a[-1]` is the last element. So only equalities of like types are made for
  it, and no index (for the C++ implementation there are negative ones too: an error for both).
- cel-python does not know the strings extension (substring, indexOf, lowerAscii, join): not made for it.
- cel-python divides a double zero by zero to infinity, where IEEE 754 has NaN; and it has no `map` with three arguments.
- cel-python takes the remainder of the least int and -1, and makes ints of doubles just outside the range, where both overflow; a
  text that it has joined has no methods, which `joined` below mends.
- An empty text split at an empty separator is an empty list here, as in cel-go, and a list of one empty text in C++: separators
  are not empty.
- C++ writes a NaN as `nan` or `-nan`, where cel-go and this program write `NaN`: only finite doubles become texts.
- The texts of errors differ, of course: only that there is one is compared.
- The C++ implementation reads `--9223372036854775808` as one literal, too large, where the grammar has a minus before the least
  int: negative literals are made in brackets.
"""

import math
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import celpy
import celpy.adapter
import celpy.celtypes
import celpy.evaluation
import pytest
from cel_expr_python import cel as google  # type: ignore[import-untyped]
from cel_expr_python.ext import ext_strings  # type: ignore[import-untyped]
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from registrar.cel import BOOL, DOUBLE, DYN, INT, STRING, EvaluationError, ListType, MapType, Scope, compile_expression
from registrar.cel.values import equal

ERROR = object()
LEAST = -(2**63)

SCOPE = Scope(
    {"b": BOOL, "i": INT, "d": DOUBLE, "s": STRING, "li": ListType(INT), "ls": ListType(STRING), "m": MapType(STRING, INT)}
)
GOOGLE_TYPES = {
    "b": google.Type.BOOL,
    "i": google.Type.INT,
    "d": google.Type.DOUBLE,
    "s": google.Type.STRING,
    "li": google.Type.List(google.Type.INT),
    "ls": google.Type.List(google.Type.STRING),
    "m": google.Type.Map(google.Type.STRING, google.Type.INT),
}

numbers = st.one_of(st.integers(-3, 3), st.sampled_from([2**63 - 1, -(2**63), 2**53 + 1, 100]))
doubles = st.one_of(st.sampled_from([0.0, -0.0, 1.5, -2.0, 1e300, 9223372036854775808.0]), st.floats(-10, 10))
texts = st.text(st.sampled_from("abAB ü€😀.\\'"), max_size=4)
facts = st.fixed_dictionaries(
    {
        "b": st.booleans(),
        "i": numbers,
        "d": doubles,
        "s": texts,
        "li": st.lists(numbers, max_size=4),
        "ls": st.lists(texts, max_size=3),
        "m": st.dictionaries(st.sampled_from(["a", "k"]), numbers),
    }
)


class Grammar:
    """Expressions by type. `extended` makes what cel-python's interpreter lacks as well; `depth` bounds the size."""

    def __init__(self, draw: st.DrawFn, *, extended: bool) -> None:
        self.draw = draw
        self.extended = extended
        self.variables: list[str] = []

    def pick(self, *templates: str) -> str:
        return self.draw(st.sampled_from(templates))

    def text(self, kind: str, depth: int) -> str:
        templates = LEAVES[kind] if depth == 0 else LEAVES[kind] + NODES[kind]
        if depth and self.extended:
            templates += EXTENDED.get(kind, ())
        if kind == "int" and self.variables:
            templates += tuple(self.variables)
        return "".join(self.parts(self.pick(*templates), depth))

    def parts(self, template: str, depth: int) -> Iterator[str]:
        """A template with `<kind>` replaced by expressions, inside a macro with its variable in scope."""
        if "@" in template:
            if len(self.variables) == 2:
                yield from self.parts("true" if template.startswith("(<bool>") else LEAVES[KIND_OF_MACRO[template]][0], depth)
                return
            yield from self.macro(template, depth)
            return
        for piece in HOLE.split(template):
            yield self.leaf(piece, depth)

    def macro(self, template: str, depth: int) -> Iterator[str]:
        head, _, body = template.partition("@")
        name = f"v{len(self.variables)}"
        yield from self.parts(head, depth)
        self.variables.append(name)
        yield from (name, *self.parts(body, depth))
        self.variables.pop()

    def leaf(self, piece: str, depth: int) -> str:
        match piece:
            case "bool" | "int" | "double" | "string" | "ints" | "strings":
                return self.text(piece, depth - 1)
            case "NUMBER":
                return bracketed(repr(self.draw(numbers)))
            case "DOUBLE":
                return bracketed(repr(self.draw(doubles)))
            case "TEXT":
                return quoted(self.draw(texts))
        return piece


def bracketed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


LEAVES: Mapping[str, tuple[str, ...]] = {
    "bool": ("b", "true", "false"),
    "int": ("i", "<NUMBER>", "m.k", "m['a']"),
    "double": ("d", "<DOUBLE>"),
    "string": ("s", "<TEXT>"),
    "ints": ("li", "[<NUMBER>, <NUMBER>]"),
    "strings": ("ls", "[<TEXT>, s]"),
}
NODES: Mapping[str, tuple[str, ...]] = {
    "bool": (
        *(f"(<{kind}> {sign} <{kind}>)" for kind in ("int", "string", "double") for sign in ("<", "<=", ">", ">=", "==", "!=")),
        "(<bool> && <bool>)",
        "(<bool> || <bool>)",
        "(<bool> || <bool> || <bool>)",
        "(!<bool>)",
        "(<bool> ? <bool> : <bool>)",
        "(<int> in <ints>)",
        "(<string> in <strings>)",
        "(<string> in m)",
        "has(m.k)",
        "<string>.startsWith(<string>)",
        "<string>.endsWith(<string>)",
        "<string>.contains(<string>)",
        "(<ints> == <ints>)",
        "<ints>.all(@, <bool>)",
        "<ints>.exists(@, <bool>)",
        "<ints>.exists_one(@, <bool>)",
    ),
    "int": (
        *(f"(<int> {sign} <int>)" for sign in "+-*/%"),
        "(-<int>)",
        "size(<string>)",
        "<ints>.size()",
        "(<bool> ? <int> : <int>)",
    ),
    "double": (*(f"(<double> {sign} <double>)" for sign in "+-*"), "double(<int>)", "(-<double>)"),
    "string": ("(<string> + <string>)", "string(<int>)", "(<bool> ? <string> : <string>)"),
    "ints": ("(<ints> + <ints>)", "<ints>.map(@, <int>)", "<ints>.filter(@, <bool>)"),
    "strings": ("(<strings> + <strings>)", "<strings>.filter(w, w != <string>)"),
}
EXTENDED: Mapping[str, tuple[str, ...]] = {
    "int": ("<ints>[<int>]", "<string>.indexOf(<string>)", "<string>.lastIndexOf(<string>)", "int(<string>)", "int(<double>)"),
    "string": (
        "<strings>[<int>]",
        "<string>.substring(<int>)",
        "<string>.lowerAscii()",
        "<string>.replace(<string>, <string>)",
        "<strings>.join(<string>)",
        "<string>.charAt(<int>)",
        "string(d)",
    ),
    "strings": ("<string>.split('a')",),
    "ints": ("<ints>.map(@, <bool>, <int>)",),
    "double": ("(<double> / <double>)",),
    "bool": ("(dyn(<int>) == dyn(<double>))", "(dyn(<int>) == dyn(<string>))", "(dyn(<bool>) == dyn(<int>))"),
}
# Splitting by it leaves the kinds of the holes between what stands around them.
HOLE = re.compile(r"<(\w+)>")
KIND_OF_MACRO = {
    template: kind
    for table in (NODES, EXTENDED)
    for kind, templates in table.items()
    for template in templates
    if "@" in template
}


@st.composite
def expressions(draw: st.DrawFn, *, extended: bool) -> str:
    kind = draw(st.sampled_from(["bool", "bool", "int", "double", "string", "ints", "strings"]))
    return Grammar(draw, extended=extended).text(kind, draw(st.integers(1, 4)))


def here(text: str, values: Mapping[str, Any], scope: Scope = SCOPE) -> object:
    try:
        return compile_expression(text, scope).evaluate(scope.bind(values))
    except EvaluationError as error:
        return ERROR if error.expression is not None and "internal" not in error.reason else error


ENVIRONMENT = google.NewEnv(variables=GOOGLE_TYPES, extensions=[ext_strings.ExtStrings()])

# The same facts, their types forgotten: every overload is then chosen at run time.
OPEN_SCOPE = Scope(dict.fromkeys(SCOPE.types, DYN))
OPEN_ENVIRONMENT = google.NewEnv(variables=dict.fromkeys(GOOGLE_TYPES, google.Type.DYN), extensions=[ext_strings.ExtStrings()])


def in_cpp(text: str, values: Mapping[str, Any], environment: Any = ENVIRONMENT) -> object:
    expression = environment.compile(text)
    try:
        value = expression.eval(data=dict(values))
    except RuntimeError:
        return ERROR
    return ERROR if value.type() == google.Type.ERROR else value.plain_value()


@pytest.fixture(scope="module")
def interpreter() -> Iterator[celpy.Environment]:
    limit = sys.getrecursionlimit()
    yield celpy.Environment()
    sys.setrecursionlimit(limit)


def joined(one: Any, other: Any) -> Any:
    """`+` as cel-python has it, but a text stays one of its own: on a plain Python string it finds no `contains`."""
    value = one + other
    return celpy.celtypes.StringType(value) if type(value) is str else value


def in_celpy(environment: celpy.Environment, text: str, values: Mapping[str, Any]) -> object:
    runner = environment.program(environment.compile(text), functions={"_+_": joined})
    try:
        return plain(runner.evaluate({name: celpy.adapter.json_to_cel(value) for name, value in values.items()}))
    except celpy.evaluation.CELEvalError:
        return ERROR


def plain(value: Any) -> object:
    """What cel-python computed, as Python's own types."""
    match value:
        case celpy.celtypes.BoolType():
            return bool(value)
        case list():
            return [plain(item) for item in value]
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def agree(one: object, other: object) -> bool:
    if ERROR in (one, other):
        return one is other
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and equal(one, other) if isinstance(one, float) else equal(one, other)


@given(expressions(extended=True), facts)
@settings(max_examples=600, deadline=None)
def test_the_cpp_implementation_agrees(text: str, values: dict[str, Any]) -> None:
    assert agree(here(text, values), in_cpp(text, values)), (here(text, values), in_cpp(text, values))


@given(expressions(extended=True), facts)
@settings(max_examples=600, deadline=None)
def test_the_cpp_implementation_agrees_on_open_facts(text: str, values: dict[str, Any]) -> None:
    found, wanted = here(text, values, OPEN_SCOPE), in_cpp(text, values, OPEN_ENVIRONMENT)
    assert agree(found, wanted), (found, wanted)


@given(expressions(extended=False), facts)
@settings(max_examples=200, deadline=None)
def test_cel_pythons_interpreter_agrees(interpreter: celpy.Environment, text: str, values: dict[str, Any]) -> None:
    assume(not ("%" in text and (str(LEAST) in text or LEAST in (values["i"], *values["li"]))))
    found, wanted = here(text, values), in_celpy(interpreter, text, values)
    assert agree(found, wanted), (found, wanted)
