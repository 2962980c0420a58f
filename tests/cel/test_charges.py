"""What a call is charged bounds the time that it takes, for every row of the function table."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_interface
from itertools import product
from operator import itemgetter
from statistics import median

import pytest

from registrar.cel import (
    BOOL,
    BYTES,
    CIDR,
    DOUBLE,
    DURATION,
    DYN,
    FUNCTIONS,
    INT,
    IP,
    OPERATORS,
    STRING,
    TIMESTAMP,
    UINT,
    URL,
    EvaluationError,
    Expression,
    Function,
    ListType,
    MapType,
    Scope,
    StringType,
    Type,
    Uint,
    compile_expression,
)
from registrar.cel.functions.urls import URLS
from registrar.cel.types import ParameterType
from registrar.cel.values import Url, accepts

# A step may take so many times as long as one of the function in the middle. What this is for was a thousand times and more.
RATIO = 30
MANY = 3
LONG = 2_000
PLENTY = 10**9

# Texts that one function or another has to work for.
TEXTS = (
    "",
    "abc",
    "a" * LONG,
    "\U0001f600" * LONG,
    "a," * (LONG // 2),
    "\n" * LONG,
    "é\n" * (LONG // 2),
    " ".join(map(str, range(LONG // 5))),
    "QUFB" * (LONG // 4),
    "%s" * (LONG // 2),
    "%%" * (LONG // 2),
    "1" * 400,
    "https://a/?" + "a&" * (LONG // 2),
    "https://a/?" + "%41=b&" * (LONG // 6),
    "https://a/" + "é" * LONG,
    "https://a.example/" + "é" * 2_020,
    "https://a.example/" + "%2e/" * 500,
    "https://" + "a." * 126 + "b/",
    "http://127.0.0.1:8080/" + "a" * 2_000,
    "com.example.app:/callback",
    "2001:db8::1",
    "2001:db8::/32",
    "2026-10-01T12:00:00.123456+01:00",
    "1h30m1.5s",
)
# Patterns, separators, what is looked for and what stands for it.
PARTS = ("", "a", ",", "[a-z]", ".", "(a|b|c)*d", "example.com", "Europe/Berlin", "192.0.2.1", "a" * LONG)
MOMENT = datetime(2026, 10, 1, 12, 0, 0, 1, tzinfo=UTC)
LISTS: tuple[tuple[object, ...], ...] = (
    (),
    ("a",) * LONG,
    tuple(map(str, range(LONG, 0, -1))),
    ("a" * LONG,) * 1_000,
    tuple(range(LONG, 0, -1)),
    tuple(map(Uint, range(LONG))),
    (("a",) * 100,) * (LONG // 100),
    (tuple(range(LONG)),) * 3,
    tuple(number / 7 for number in range(LONG)),
    ({"a": 1},) * (LONG // 10),
    (True, False) * (LONG // 2),
    (b"abc",) * LONG,
    tuple(MOMENT - timedelta(seconds=number) for number in range(LONG // 10)),
    tuple(timedelta(seconds=-number) for number in range(LONG // 10)),
)
VALUES: Mapping[Type, tuple[object, ...]] = {
    INT: (0, 5, -1, LONG // 2, 2**62),
    UINT: (Uint(5),),
    DOUBLE: (1.5, 1e300, 1.234567891234e-300),
    BOOL: (True,),
    BYTES: (b"a" * LONG, b"\xff" * LONG, "é".encode() * (LONG // 2)),
    TIMESTAMP: (MOMENT,),
    DURATION: (timedelta(seconds=-5.5),),
    IP: (ip_address("192.0.2.1"), ip_address("2001:db8::1")),
    CIDR: (ip_interface("192.0.2.1/24"), ip_interface("2001:db8::1/32")),
    URL: tuple(
        next(row for row in URLS if row.name == "url").implementation(text) for text in TEXTS if text.startswith("https:")
    ),
}
TABLE = (*OPERATORS, *FUNCTIONS)


def values(kind: Type, place: int) -> tuple[object, ...]:
    """What may stand in a place of a call."""
    if kind == STRING:
        return PARTS if place else TEXTS
    if isinstance(kind, ParameterType):
        return (*LISTS, 1, "a")
    if isinstance(kind, MapType):
        return ({str(number): number for number in range(LONG)},)
    if isinstance(kind, ListType):
        return tuple(filter(accepts(kind), LISTS))
    return VALUES[kind]


def written(function: Function) -> str:
    """A call of `function` with the variables v0, v1 and so on."""
    names = [f"v{number}" for number in range(len(function.operands))]
    if not function.name[-1].isalnum():
        return function.name.replace("_", " ").strip().join(["", *names] if len(names) == 1 else names)
    if function.receiver is None:
        return f"{function.name}({', '.join(names)})"
    return f"{names[0]}.{function.name}({', '.join(names[1:])})"


def compiled(function: Function, kinds: tuple[Type, ...] | None = None) -> Expression:
    kinds = kinds or tuple(DYN if isinstance(kind, ParameterType) else kind for kind in function.operands)
    return compile_expression(written(function), Scope({f"v{number}": kind for number, kind in enumerate(kinds)}))


def operands(function: Function, *, others: int = 0) -> Iterator[dict[str, object]]:
    """What to call a function with: all values of its first operand, each with the last `others` of every other, 0 for all."""
    found = (values(kind, place)[-others if place else 0 :] for place, kind in enumerate(function.operands))
    for chosen in product(*found):
        yield {f"v{number}": value for number, value in enumerate(chosen)}


def charged(expression: Expression, facts: Mapping[str, object], times: int = 1) -> tuple[float, float]:
    """Seconds and steps of one evaluation, of `times`."""
    frame = expression.scope.bind(facts, budget=PLENTY).frame
    started = time.thread_time()
    for _ in range(times):
        with suppress(EvaluationError):
            expression.run(frame)
    seconds = time.thread_time() - started
    return seconds / times, expression.steps + (PLENTY - frame[0].left) / times


def seconds_per_step(expression: Expression, facts: Mapping[str, object], times: int) -> float:
    seconds, steps = charged(expression, facts, times)
    return seconds / steps


def test_a_step_of_every_function_takes_about_as_long_as_any_other() -> None:
    """What the budget is charged is what bounds the time of a decision: no function is nearly free and slow."""
    worst: dict[str, tuple[float, Expression, dict[str, object]]] = {}
    for function in TABLE:
        expression, others = compiled(function), 0 if len(function.operands) < MANY else 3
        tried = [(seconds_per_step(expression, facts, 2), expression, facts) for facts in operands(function, others=others)]
        worst[function.signature] = max(tried, key=itemgetter(0))
    bound = RATIO * median(seconds for seconds, _, _ in worst.values())
    # Whatever else the machine did at that moment: only what is slow again and again counts.
    slow = {
        name: round(again / bound * RATIO)
        for name, (seconds, expression, facts) in worst.items()
        if seconds > bound and (again := min(seconds_per_step(expression, facts, 3) for _ in range(5))) > bound
    }
    assert slow == {}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("text.findAll('[a-z]')", 3 + 4 * 1_280),
        ("text.findAll('[a-z]', 1)", 4 + 500 + 4 * (1_280 + 5)),
        ("url(text).getQuery()", 2 + 20 + 1 + 1_280),
        ("isLoopbackRedirect(text)", 2 + 10 + 640),
        ("isPrivateUseScheme(text)", 2 + 10 + 640),
        ("normalizeRedirect(text)", 2 + 10 + 640),
        ("inDomain(text, 'example.com')", 3 + 10),
        ("isIP(text)", 2 + 10),
        ("texts.slice(0, 1)", 4 + 128),
        ("text.substring(0, 1)", 4 + 20),
        ("dyn(text).findAll('[a-z]')", 4 + 22 + 500 + 4 * (1_280 + 5)),
    ],
)
def test_slow_functions_are_charged_more(text: str, steps: int) -> None:
    """1,280 characters, and a list of 128 texts."""
    scope = Scope({"text": STRING, "texts": ListType(STRING)})
    facts = {"text": "https://a.example/?" + "a&" * 630 + "b", "texts": ("a",) * 128}
    assert len(str(facts["text"])) == 1_280
    activation = scope.bind(facts, budget=PLENTY)
    with suppress(EvaluationError):  # a text that is no host, no address
        compile_expression(text, scope).evaluate(activation)
    assert PLENTY - activation.remaining == steps


def capped(kind: Type, value: object) -> Type:
    """The type of a fact whose cap is just what it takes."""
    match kind, value:
        case StringType(), str():
            return StringType(len(value))
        case (ListType(element=element), (tuple() | list())) if element == DYN or isinstance(element, ParameterType):
            return ListType(STRING, len(value))
        case ListType(element=element), (tuple() | list()):
            return ListType(element, len(value))
        case ParameterType(), _:
            return DYN
    return kind


@pytest.mark.parametrize("function", TABLE, ids=[function.signature for function in TABLE])
def test_no_call_is_charged_more_than_it_was_estimated_at(function: Function) -> None:
    """The estimate goes by caps. Of what has none, and of what a list holds, it takes a guess, which is not tested here."""
    flat = [facts for facts in operands(function, others=1) if not any(map(_guessed, facts.values()))]
    for facts in flat:
        kinds = tuple(capped(kind, value) for kind, value in zip(function.operands, facts.values(), strict=True))
        expression = compiled(function, kinds)
        assert charged(expression, facts)[1] <= expression.cost


def _guessed(value: object) -> bool:
    match value:
        case bytes() | tuple() if len(value) > 1_000:
            return not isinstance(value, tuple) or not isinstance(value[0], str)
        case tuple():
            return bool(value) and not isinstance(value[0], str)
    return isinstance(value, Url) and len(value) > 1_000


@pytest.mark.parametrize(
    "text", ["text in texts", "numbers == numbers", "numbers == others", "1.5 in numbers", "text in named", "dyn(text) in texts"]
)
def test_no_comparison_is_charged_more_than_it_was_estimated_at(text: str) -> None:
    numbers = tuple(range(200))
    scope = Scope(
        {
            "text": StringType(10),
            "texts": ListType(StringType(10), 200),
            "numbers": ListType(INT, 200),
            "others": ListType(DYN, 200),
            "named": MapType(STRING, STRING, 200),
        }
    )
    texts = tuple(map(str, numbers))
    facts = {"text": "a", "texts": texts, "numbers": numbers, "others": numbers, "named": dict.fromkeys(texts, "a")}
    expression = compile_expression(text, scope)
    assert charged(expression, facts)[1] <= expression.cost


def test_all_matches_of_a_long_name_do_not_outlast_the_budget() -> None:
    """The largest document that is read, under the usual budget, in a rule that a person might write."""
    scope = Scope({"text": STRING, "numbers": ListType(INT)})
    started = time.process_time()
    with pytest.raises(EvaluationError, match="budget"):
        compile_expression('numbers.all(n, text.findAll("[a-z]").size() > n)', scope).evaluate(
            scope.bind({"text": "a" * 1_250, "numbers": tuple(range(50))})
        )
    assert time.process_time() - started < 5


def test_a_parameter_that_stands_in_a_query_very_often_takes_linear_time() -> None:
    scope = Scope({"text": STRING})
    started = time.process_time()
    query = compile_expression("url(text).getQuery()", scope).evaluate(scope.bind({"text": "https://a/?" + "a&" * 30_000}))
    assert time.process_time() - started < 1
    assert query == {"a": ("",) * 30_000}


@pytest.mark.parametrize(
    "text", ["text.findAll('.')", "text.split('')", "text.split(',')", "url('https://a' + text).getEscapedPath()"]
)
def test_what_makes_many_parts_of_a_text_makes_no_more_than_any_operation(text: str) -> None:
    scope = Scope({"text": STRING})
    with pytest.raises(EvaluationError, match="the result is longer than 65,536"):
        compile_expression(text, scope).evaluate(scope.bind({"text": "/é,,,,,,,," * 9_000}, budget=PLENTY))


@pytest.mark.parametrize("text", ["text.findAll('[a-z]')", "text.split('')", "scopes(text)"])
def test_a_text_has_no_more_parts_than_characters(text: str) -> None:
    """So the estimate of a macro over them takes no guess."""
    scope = Scope({"text": StringType(100)})
    [loop] = compile_expression(f"{text}.all(part, part.contains('a'))", scope).loops
    assert loop.cap == 101
