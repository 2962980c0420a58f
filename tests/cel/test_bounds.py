"""No text and no fact takes an expression beyond its bounds: not the parser, not the stack, not memory, not time."""

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.cel import (
    INT,
    STRING,
    CompileError,
    EvaluationError,
    Expression,
    ListType,
    PatternError,
    Scope,
    compile_expression,
    compile_pattern,
)
from registrar.cel.syntax import MAX_LENGTH, MAX_NESTING
from registrar.cel.values import MAX_SIZE
from tests.cel.vocabulary import FACTS, SCOPE

TEXTS = Scope({"text": STRING, "texts": ListType(STRING), "numbers": ListType(INT)})

TOO_DEEP = f"the expression is nested more than {MAX_NESTING} levels deep"
DEEP = {
    "brackets": "(" * 2000 + "1" + ")" * 2000,
    "nots": "!" * 4000 + "true",
    "minuses": "-" * 4000 + "1",
    "lists": "[" * 2000 + "]" * 2000,
    "members": "client" + ".a" * 2000,
    "indices": "client" + "[0]" * 1300,
    "calls": "size(" * 600 + "1" + ")" * 600,
    "methods": '"a"' + ".trim()" * 500,
    "sums": "1" + "+1" * 2000,
    "comparisons": "1<" * 1000 + "1",
    "choices": "true?1:" * 500 + "1",
    "maps": '{"a":' * 500 + "1" + "}" * 500,
}

WEIRD = {
    "nul": "client.scope == \x00",
    "nul in a string": 'client.scope == "\x00" && size("\x00") == 2',
    "lone surrogate": 'client.scope == "\ud800"',
    "byte order mark": "\ufefftrue",
    "open brackets": "(" * 4096,
    "open lists": "[" * 4096,
    "open maps": "{" * 4096,
    "quotes": '"' * 4095,
    "apostrophes": "'" * 4096,
    "backslashes in an open string": "'" + "\\" * 4000,
    "backslashes in an open raw string": "r'" + "\\" * 4001 + "'",
    "backslashes in an open long string": "'''" + "\\" * 4000,
    "backslashes, then a line break": "'" + "\\" * 2000 + "\n'",
    "escapes in an open string": "'" + "\\u1234" * 600,
    "escapes in open bytes": "b'" + "\\377" * 900,
    "digits": "1" * 4096,
    "hexadecimal digits": "0x" + "f" * 4000,
    "digits of a double": "1" * 4000 + ".5",
    "exponent": "1e" + "9" * 4000,
    "commas": "size(" + "1," * 1900 + "1)",
    "spaces": " " * 4096,
    "comment marks": "//" * 2048,
    "carriage return in a string": "'a\rb'",
    "true with a dot": "client.true",
    "quoted quotes": '"\'" + \'"\' + "\'"',
}


def attempt(text: str) -> Expression | CompileError:
    try:
        return compile_expression(text, SCOPE)
    except CompileError as error:
        return error


def reason_of(expression: Expression) -> str:
    """Why it has no value; "" when it has one."""
    try:
        expression.evaluate(SCOPE.bind(FACTS))
    except EvaluationError as error:
        return error.reason
    return ""


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_deep_nesting_is_refused_by_name_and_the_stack_is_never_in_danger(text: str) -> None:
    with pytest.raises(CompileError, match=TOO_DEEP):
        compile_expression(text, SCOPE)


def test_nesting_up_to_the_bound_compiles_and_runs() -> None:
    text = "!" * (MAX_NESTING - 1) + "true"
    assert compile_expression(text, SCOPE).evaluate(SCOPE.bind(FACTS)) is False
    with pytest.raises(CompileError, match=TOO_DEEP):
        compile_expression("!" + text, SCOPE)


def test_a_long_chain_is_not_deep() -> None:
    text = " || ".join(['operation == "x"'] * 190)
    assert compile_expression(text, SCOPE).evaluate(SCOPE.bind(FACTS)) is False


def test_length_is_bounded_in_characters() -> None:
    fits = "true" + " " * (MAX_LENGTH - 4)
    assert compile_expression(fits, SCOPE).evaluate(SCOPE.bind(FACTS)) is True
    with pytest.raises(CompileError, match="longer than 4,096 characters"):
        compile_expression(fits + " ", SCOPE)


@pytest.mark.parametrize("text", WEIRD.values(), ids=WEIRD.keys())
def test_weird_text_compiles_or_is_a_compile_error_within_a_second(text: str) -> None:
    started = time.process_time()
    compiled = attempt(text)
    assert time.process_time() - started < 1
    if isinstance(compiled, CompileError):
        assert all(0 <= problem.offset <= len(text) for problem in compiled.problems)
        assert str(compiled).encode()


WORDS = """client redirects . ( ) [ ] { } ? : || && ! - + / < == in true null 1 1u 0x 1. 'a' " r'\\' b'x' ' \\ '''
    , all has x size scope é // ` @ google.protobuf.Duration for submitted 1e999 {1:1,true:2} '%s' now"""
FRAGMENTS = st.sampled_from([*WORDS.split(), "\x00", "\ud800", "\n"])


@given(st.lists(FRAGMENTS, max_size=30), st.sampled_from(["", " "]))
@settings(max_examples=300, deadline=None)
def test_any_text_compiles_or_is_a_compile_error(fragments: list[str], separator: str) -> None:
    compiled = attempt(separator.join(fragments))
    if isinstance(compiled, CompileError):
        assert compiled.problems
    else:
        assert "internal" not in reason_of(compiled)


def test_the_recursion_limit_of_the_process_stays() -> None:
    before = sys.getrecursionlimit()
    compile_expression("true", SCOPE)
    assert sys.getrecursionlimit() == before


GROWING = {
    "replacing": "text" + ".replace('a', text)" * 20,
    "replacing nothing": "text.replace('', text).replace('', text)",
    "joining": "texts.join(text)",
    "adding": "[text].map(t, t + t + t + t + t)[0]",
    "adding lists": "[texts].map(t, t + t + t + t).map(t, t + t + t + t)[0].size() > 0",
    "flattening": "[texts, texts, texts, texts].map(t, [t, t, t, t].flatten()).flatten().size() > 0",
    "formatting": "'%s%s%s%s%s'.format([text, text, text, text, text])",
    "formatting lists": "'%s'.format([[texts, texts, texts]])",
    "quoting": "strings.quote(text + '\\n')",
    "encoding": "base64.encode(bytes(text))",
}


@pytest.mark.parametrize("text", GROWING.values(), ids=GROWING.keys())
def test_nothing_grows_without_bound(text: str) -> None:
    long = "a" * (MAX_SIZE - 1)
    activation = TEXTS.bind({"text": long, "texts": ("aaaa",) * 30_000, "numbers": ()}, budget=10**9)
    with pytest.raises(EvaluationError, match="the result is longer than 65,536"):
        compile_expression(text, TEXTS).evaluate(activation)


HUNGRY = {
    "a macro": "numbers.all(n, n >= 0)",
    "macros within macros": "numbers.all(a, numbers.all(b, a + b >= 0))",
    "a map": "numbers.map(n, n + 1).size() > 0",
    "a filter": "numbers.filter(n, n > 1).size() > 0",
    "exists_one": "numbers.exists_one(n, n == 1)",
    "searching": "numbers.exists(n, n in numbers && n < 0)",
    "reading texts": "texts.all(t, text.contains('b') || true)",
    "comparing lists": "[numbers, numbers, numbers].all(n, n == numbers)",
    "sets": "[1, 2, 3].all(n, sets.contains(numbers, numbers))",
    "patterns from facts": "texts.all(t, text.matches(t))",
    "open input": "dyn(numbers).all(n, size(dyn(numbers)) > 0)",
}


@pytest.mark.parametrize("text", HUNGRY.values(), ids=HUNGRY.keys())
def test_the_budget_stops_what_takes_too_long(text: str) -> None:
    facts = {"text": "a" * 60_000, "texts": ("a",) * 100, "numbers": tuple(range(5_000))}
    started = time.process_time()
    with pytest.raises(EvaluationError, match="the budget of this decision is exhausted"):
        compile_expression(text, TEXTS).evaluate(TEXTS.bind(facts, budget=10_000))
    assert time.process_time() - started < 1


def test_a_decision_shares_one_budget() -> None:
    expression, activation = compile_expression("numbers.all(n, n >= 0)", TEXTS), TEXTS.bind(_numbers(10), budget=100)
    assert expression.evaluate(activation) is True
    left = activation.remaining
    assert expression.evaluate(activation) is True
    assert activation.remaining == left - (100 - left)
    assert expression.evaluate(TEXTS.bind(_numbers(10), budget=100)) is True
    with pytest.raises(EvaluationError, match="budget"):
        [expression.evaluate(activation) for _ in range(10)]
    with pytest.raises(EvaluationError, match="budget"):
        compile_expression("true", TEXTS).evaluate(activation)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("text == 'a'", 3),
        ("text.startsWith('a')", 3),
        ("text.lowerAscii() == ''", 4 + 2),
        ("text.contains('b')", 3 + 2),
        ("bytes(text) == b''", 4 + 2),
        ("size(bytes(text) + b'x') == 1", 7 + 2 + 2),
        ("text.matches('b')", 3 + 2),
        ("text in texts", 3),
        ("sets.contains(numbers, [1])", 3 + 10 + 1),
        ("numbers.distinct().size() == 1", 5 + 10),
        ("numbers == texts.map(t, 1)", 4 + 0 + 10),
        ("numbers.all(n, n >= 0)", 2 + 10 * 4),
        ("numbers.all(n, n < 0)", 2 + 10 * 4),
        ("dyn(text) == 'a'", 4 + 2),
    ],
)
def test_the_budget_is_charged_by_nodes_rounds_and_sizes(text: str, steps: int) -> None:
    """128 characters are two steps, and each number of a list is one where a function looks at them all."""
    expression, facts = compile_expression(text, TEXTS), {"text": "a" * 128, "texts": (), "numbers": tuple(range(10))}
    activation = TEXTS.bind(facts, budget=steps)
    expression.evaluate(activation)
    assert activation.remaining == 0
    with pytest.raises(EvaluationError, match="budget"):
        expression.evaluate(TEXTS.bind(facts, budget=steps - 1))


def test_an_exhausted_budget_is_not_absorbed() -> None:
    for text in ("numbers.all(n, n >= 0) || true", "numbers.exists(n, numbers.all(m, m >= 0) || n == 9)"):
        with pytest.raises(EvaluationError, match="budget"):
            compile_expression(text, TEXTS).evaluate(TEXTS.bind(_numbers(10), budget=20))


def _numbers(count: int) -> dict[str, object]:
    return {"text": "", "texts": (), "numbers": tuple(range(count))}


def test_a_pattern_takes_linear_time_and_bounded_memory() -> None:
    started = time.process_time()
    assert not compile_pattern("(a+)+$").search("a" * 50_000 + "!")
    assert time.process_time() - started < 1
    with pytest.raises(PatternError, match=r"too large|repetition"):
        compile_pattern("((((a{1000}){1000}){1000}){1000})")
    with pytest.raises(PatternError, match="longer than 1,024"):
        compile_pattern("a" * 1_025)


def test_a_duration_takes_linear_time() -> None:
    started = time.process_time()
    with pytest.raises(EvaluationError, match="the text is no duration"):
        compile_expression("duration(text) > duration('0s')", TEXTS).evaluate(
            TEXTS.bind({"text": "a" * 5_000 + "!", "texts": (), "numbers": ()})
        )
    assert time.process_time() - started < 1
