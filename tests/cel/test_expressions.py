"""What a compiled expression says about itself, and how it is evaluated, traced and shared."""

import threading
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from registrar.cel import (
    BOOL,
    DYN,
    FUNCTIONS,
    INT,
    OPERATORS,
    STRING,
    CompileError,
    EvaluationError,
    ListType,
    MapType,
    RecordType,
    Scope,
    Step,
    StringType,
    Uint,
    compile_expression,
    type_of_constant,
)
from registrar.cel.types import DOUBLE, DURATION, NULL, TIMESTAMP
from tests.cel.vocabulary import FACTS, SCOPE


def evaluate(text: str) -> object:
    return compile_expression(text, SCOPE).evaluate(SCOPE.bind(FACTS))


def reads(text: str) -> set[str]:
    return set(compile_expression(text, SCOPE).reads)


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(CompileError) as caught:
        compile_expression(text, SCOPE)
    return [(problem.offset, problem.message) for problem in caught.value.problems]


# Compiling


def test_every_mistake_is_reported_once_in_the_order_of_the_text() -> None:
    assert problems('clint.scope == "" && redirects.all(r, r.hots == 1) && operation.startsWith(2)') == [
        (0, 'undeclared name "clint" (did you mean "client"?)'),
        (40, 'redirect has no member "hots" (did you mean "host"?)'),
        (64, "there is no string.startsWith(int), but string.startsWith(string) -> bool"),
    ]


def test_operators_and_brackets_are_found_behind_a_comment_that_has_them() -> None:
    assert problems("1 // ==\n == operation") == [(9, "int never equals string")]
    assert problems("1 // [\n [0]") == [(8, "int has no elements under int")]


def test_what_is_expected_is_checked_at_load() -> None:
    with pytest.raises(CompileError, match="must be bool, but is string"):
        compile_expression("client.scope", SCOPE, expects=BOOL)
    assert compile_expression("client.scope", SCOPE, expects=STRING).type == STRING


def test_what_is_expected_of_open_input_is_checked_when_it_is_there() -> None:
    expression = compile_expression("submitted.scope", SCOPE, expects=BOOL)
    with pytest.raises(EvaluationError, match="the value is no bool"):
        expression.evaluate(SCOPE.bind(FACTS))
    assert compile_expression("submitted.scope", SCOPE, expects=STRING).evaluate(SCOPE.bind(FACTS)) == "mcp:read mcp:tools"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('client.scope == ""', {"client.scope"}),
        ("client == client", {"client"}),
        ('client == client && client.scope == ""', {"client", "client.scope"}),
        ("redirects.all(r, r.loopback)", {"redirects"}),
        ("has(submitted.scope) && has(client.scope)", {"submitted", "client.scope"}),
        ('client["scope"] == constants.hosts[0]', {"client.scope", "constants.hosts"}),
        ('["a"].all(operation, operation == "a")', set()),
        ('1 + 1 == 2 && size("a") == 1', set()),
    ],
)
def test_an_expression_says_what_it_reads(text: str, names: set[str]) -> None:
    expression = compile_expression(text, SCOPE)
    assert expression.reads == names
    assert expression.constant == (not names)


def test_the_cost_comes_from_the_caps() -> None:
    flat = compile_expression("client.grant_types.all(g, g != operation)", SCOPE)
    nested = compile_expression("client.grant_types.all(g, client.grant_types.exists(h, g == h))", SCOPE)
    open_ended = compile_expression('client.redirect_uris.all(u, u != "") && submitted.all(k, k != "")', SCOPE)
    assert flat.cost == 20 * 4 + 3
    assert nested.cost > 20 * 20
    assert open_ended.cost > 1_000
    assert compile_expression('client.client_name.contains("a")', SCOPE).cost == 4 + 200 // 64
    assert compile_expression("sets.contains(client.grant_types, client.redirect_uris)", SCOPE).cost == 5 + 20 + 20
    assert [(loop.over, loop.cap) for loop in open_ended.loops] == [("client.redirect_uris", 20), ("submitted", None)]


def test_the_table_documents_every_function() -> None:
    for function in (*FUNCTIONS, *OPERATORS):
        assert function.doc.endswith((".", ")")), function
        assert function.signature.startswith(function.name) or function.receiver is not None
    signatures = [function.signature for function in (*FUNCTIONS, *OPERATORS)]
    assert len(set(signatures)) == len(signatures)
    assert "string.startsWith(string) -> bool" in signatures


# Values


def test_values_are_plain_python() -> None:
    assert evaluate("[1, 2].map(n, n * 2)") == (2, 4)
    assert evaluate('{"a": [1]}') == {"a": (1,)}
    assert evaluate('now + duration("1h")') == FACTS["now"] + timedelta(hours=1)  # type: ignore[operator]
    assert evaluate("b'a\\xff'") == b"a\xff"
    assert type(evaluate("1u + 1u")) is Uint
    assert evaluate("null") is None


def test_a_constant_map_cannot_be_changed_by_who_gets_it() -> None:
    expression = compile_expression('{"a": 1}', SCOPE)
    with pytest.raises(TypeError):
        expression.evaluate(SCOPE.bind(FACTS))["a"] = 2
    assert expression.evaluate(SCOPE.bind(FACTS)) == {"a": 1}


def test_lists_may_come_as_tuples_and_as_lists() -> None:
    scope = Scope({"one": ListType(INT), "other": ListType(INT)})
    activation = scope.bind({"one": [1, 2], "other": (1, 2)})
    assert compile_expression("one == other && one + other == [1, 2, 1, 2] && 2 in one", scope).evaluate(activation) is True


def test_a_scope_is_bound_to_all_of_its_variables() -> None:
    with pytest.raises(ValueError, match="no value for operation, now"):
        SCOPE.bind({name: value for name, value in FACTS.items() if name not in ("operation", "now")})


class Computed:
    """A record whose members are computed when they are asked for, as `variables` are."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> object:
        self.asked.append(name)
        if name == "broken":
            raise EvaluationError("variables.broken: division by zero", 0)
        return compile_expression(f'["{name}"].all(x, x == "{name}")', Scope({})).evaluate(Scope({}).bind({}))


def test_a_computed_member_is_asked_for_only_when_it_is_read() -> None:
    scope, variables = Scope({"variables": RecordType("variables", {"good": BOOL, "broken": BOOL})}), Computed()
    activation = scope.bind({"variables": variables})
    assert compile_expression("variables.good || variables.broken", scope).evaluate(activation) is True
    assert variables.asked == ["good"]
    assert compile_expression("variables.broken || variables.good", scope).evaluate(activation) is True
    with pytest.raises(EvaluationError, match=r"variables\.broken: division by zero"):
        compile_expression("variables.broken && variables.good", scope).evaluate(activation)
    assert compile_expression("[1, 2].map(n, variables.good ? n : 0)", scope).evaluate(activation) == (1, 2)


# Errors

SECRET = "s3cr3t-value"

FAILING = [
    "facts.missing == 1",
    'facts["missing"] == 1',
    "facts.secret.member == 1",
    "facts[facts.secret] == 1",
    "int(text) == 1",
    "timestamp(text) < timestamp('2030-01-01T00:00:00Z')",
    "duration(text) < duration('1s')",
    "ip(text).isLoopback()",
    "cidr('10.0.0.0/8').containsIP(text)",
    "url(text).getHost() == ''",
    "scopes(text + '\"').size() > 0",
    "text.matches(text + '(')",
    "text.find('(' + text) == ''",
    "text.charAt(99) == ''",
    "text.format([text]) + '%d'.format([text]) == ''",
    "base64.decode(text) == b''",
    "normalizeRedirect(text) == ''",
    "size(dyn(facts).secret.x) == 1",
    "facts.secret.all(x, true)",
    "text in dyn(text)",
    "wrong + 1 == 2",
    "wrong.size() == 2",
]


@pytest.mark.parametrize("text", FAILING)
def test_an_error_has_a_reason_and_a_place_but_no_value(text: str) -> None:
    scope = Scope({"facts": MapType(STRING, DYN), "text": STRING, "wrong": ListType(INT)})
    expression = compile_expression(text.replace("wrong + 1", "wrong[0] + 1"), scope)
    with pytest.raises(EvaluationError) as caught:
        expression.evaluate(
            scope.bind({"facts": {"secret": SECRET}, "text": SECRET, "wrong": 7 if "size" in text else (SECRET,)})
        )
    error = caught.value
    assert error.reason
    assert 0 <= error.offset < len(expression.text)
    assert error.expression is expression
    assert SECRET not in str(error) + error.reason
    assert SECRET not in "".join(traceback.format_exception(error))


def test_a_fact_of_another_type_than_declared_denies_and_does_not_crash() -> None:
    with pytest.raises(EvaluationError, match=r"internal error \(AttributeError\)"):
        compile_expression("redirects.all(r, r.loopback)", SCOPE).evaluate(SCOPE.bind({**FACTS, "redirects": ("text",)}))


# Traces


def steps(text: str, facts: Mapping[str, object] = FACTS) -> list[tuple[str, object]]:
    def shown(step: Step) -> object:
        return step.value.reason if isinstance(step.value, EvaluationError) else step.value

    return [(step.text, shown(step)) for step in compile_expression(text, SCOPE).trace(SCOPE.bind(facts))]


def test_a_trace_has_each_part_that_ran_and_the_whole_last() -> None:
    assert steps('client.software_id != "" && operation == "create" || !has(submitted.logo_uri)') == [
        ("client", FACTS["client"]),
        ("client.software_id", ""),
        ('client.software_id != ""', False),
        ('client.software_id != "" && operation == "create"', False),
        ("submitted", FACTS["submitted"]),
        ("has(submitted.logo_uri)", False),
        ("!has(submitted.logo_uri)", True),
        ('client.software_id != "" && operation == "create" || !has(submitted.logo_uri)', True),
    ]


def test_a_trace_shows_each_round_of_a_macro() -> None:
    rounds = [value for text, value in steps("redirects.all(r, r.port > 100)") if text == "r.port"]
    assert rounds == [33418, 443]


def test_a_trace_shows_where_an_error_arose_and_how_far_it_went() -> None:
    assert steps("submitted.logo == 1")[-2:] == [
        ("submitted.logo", 'no such key "logo"'),
        ("submitted.logo == 1", 'no such key "logo"'),
    ]


def test_a_trace_says_when_the_budget_ran_out() -> None:
    trace = compile_expression("operation == operation", SCOPE).trace(SCOPE.bind(FACTS, budget=1))
    assert isinstance(trace[-1].value, EvaluationError)
    assert (trace[-1].offset, trace[-1].end, trace[-1].text) == (0, 22, "operation == operation")


# Types of constants


def test_constants_are_typed_by_their_values() -> None:
    assert type_of_constant("a") == STRING
    assert type_of_constant(True) == BOOL
    assert type_of_constant(1) == INT
    assert type_of_constant(1.5) == DOUBLE
    assert type_of_constant(None) == NULL
    assert type_of_constant(datetime(2026, 1, 1, tzinfo=UTC)) == TIMESTAMP
    assert type_of_constant(timedelta(1)) == DURATION
    assert type_of_constant(["a", "b"]) == ListType(STRING)
    assert type_of_constant((1, "b")) == ListType(DYN)
    assert type_of_constant({1: "a"}) == MapType(INT, STRING)
    assert type_of_constant(["a"]).cap == 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="object has no counterpart"):
        type_of_constant(object())


def test_a_constant_mapping_is_a_record_and_a_map() -> None:
    constants = {"limits": {"a": 1, "b": 2}}
    scope = Scope({"constants": type_of_constant(constants), "name": STRING})
    activation = scope.bind({"constants": constants, "name": "b"})
    text = 'constants.limits.a == 1 && constants.limits[name] == 2 && "a" in constants.limits && size(constants.limits) == 2'
    assert compile_expression(text, scope).evaluate(activation) is True
    assert compile_expression("constants.limits.all(k, constants.limits[k] > 0)", scope).evaluate(activation) is True
    assert compile_expression("has(constants.limits.a)", scope).evaluate(activation) is True
    with pytest.raises(CompileError, match='map has no member "c"'):
        compile_expression("has(constants.limits.c)", scope)


def test_caps_do_not_make_types_differ() -> None:
    assert StringType(5) == STRING
    assert ListType(STRING, 5) == ListType(StringType(3))
    assert str(MapType(STRING, ListType(DYN, 3))) == "map(string, list(dyn))"


# Threads


def crossing(expressions_per_thread: int, threads: int) -> Iterator[str]:
    """Every thread evaluates one shared expression over facts of its own; what is yielded is each answer that was another's."""
    scope = Scope({"mine": INT, "uris": ListType(INT)})
    shared = compile_expression(
        "uris.all(u, uris.exists(v, v == u && u == mine)) && [mine].map(m, m + mine)[0] == mine * 2", scope
    )
    wrong: list[str] = []
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        # Every other thread has facts for which the answer is false.
        facts = {"mine": number, "uris": (number, number if number % 2 else -1)}
        start.wait()
        answers = (shared.evaluate(scope.bind(facts)) for _ in range(expressions_per_thread))
        wrong.extend(f"thread {number}" for answer in answers if answer is not bool(number % 2))

    workers = [threading.Thread(target=run, args=(number,)) for number in range(1, threads + 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    yield from wrong


def test_threads_do_not_cross() -> None:
    assert list(crossing(2_000, 8)) == []


@pytest.mark.slow
def test_threads_do_not_cross_in_a_million_evaluations() -> None:
    assert list(crossing(125_000, 8)) == []
