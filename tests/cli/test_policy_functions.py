"""`registrar policy functions`: the reference says what the language has, all of it, and nothing else."""

import json
from collections import Counter

import pytest
from click.testing import CliRunner, Result

from registrar.cel import FAMILIES, FUNCTIONS, OPERATORS, CompileError, Scope, compile_expression
from registrar.cel.compiler import _MACROS
from registrar.cli import main
from registrar.cli.policy.functions import FORMS, MACROS, Row, markdown, reference

SCOPE = Scope({})
# One use of everything that is no function.
USES = {
    "&&": "true && false",
    "||": "true || false",
    "?:": "true ? 1 : 2",
    "==": "1 == 1",
    "!=": "1 != 1",
    "in": '1 in [1] && "a" in {"a": 1}',
    "[]": '[1][0] == {"a": 1}["a"]',
    "+": "1 + 1",
    "-": "-1 - 1",
    "*": "1 * 1",
    "/": "1 / 1",
    "%": "1 % 1",
    "!": "!true",
    "<": "1 < 1",
    "<=": "1 <= 1",
    ">": "1 > 1",
    ">=": "1 >= 1",
    "has": 'has({"a": 1}.a)',
    "all": "[1].all(x, x > 0)",
    "exists": "[1].exists(x, x > 0)",
    "exists_one": "[1].exists_one(x, x > 0)",
    "map": "[1].map(x, x + 1) == [1].map(x, x > 0, x + 1)",
    "filter": "[1].filter(x, x > 0)",
}


def run(*arguments: str, color: bool = False, no_color: str = "") -> Result:
    return CliRunner(env={"NO_COLOR": no_color}).invoke(main, ["policy", "functions", *arguments], color=color)


def rows(*arguments: str) -> list[dict[str, str]]:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0
    found: list[dict[str, str]] = json.loads(result.output)
    return found


def test_every_function_of_the_table_is_listed_once_in_some_family() -> None:
    listed = [function for family in FAMILIES.values() for function in family]
    assert Counter(map(id, listed)) == Counter(map(id, FUNCTIONS))
    told = Counter((row["signature"], row["documentation"]) for row in rows() if row["section"] not in ("Operators", "Macros"))
    assert told == Counter((function.signature, function.doc) for function in FUNCTIONS)


def test_macros_are_those_that_the_compiler_knows() -> None:
    arities = {(row.name, row.signature.partition("(")[2].count(",") + 1) for row in MACROS}
    assert arities == {(name, count) for name, counts in _MACROS.items() for count in counts} | {("has", 1)}


def test_operators_and_macros_are_all_in_use() -> None:
    assert {row["name"] for row in rows() if row["section"] in ("Operators", "Macros")} == set(USES)
    assert not {row.name for row in FORMS} & {operator.name.strip("_") for operator in OPERATORS}


@pytest.mark.parametrize("text", USES.values())
def test_what_the_reference_lists_compiles(text: str) -> None:
    compile_expression(text, SCOPE)


def test_what_the_reference_does_not_list_does_not_compile() -> None:
    with pytest.raises(CompileError):
        compile_expression("[1].fold(x, x)", SCOPE)


@pytest.mark.parametrize(
    ("name", "signatures"),
    [
        ("inDomain", ["inDomain(string, string) -> bool"]),
        ("contains", ["string.contains(string) -> bool", "sets.contains(list(A), list(A)) -> bool"]),
        ("sets.contains", ["sets.contains(list(A), list(A)) -> bool"]),
        ("in", ["A in list(A) -> bool", "A in map(A, B) -> bool"]),
        ("!", ["!bool -> bool"]),
        ("filter", ["list(A).filter(x, bool) -> list(A)"]),
    ],
)
def test_one_name_shows_its_overloads(name: str, signatures: list[str]) -> None:
    assert [row["signature"] for row in rows(name)] == signatures


def test_operators_are_written_as_expressions_write_them() -> None:
    signatures = [row["signature"] for row in rows("-")]
    assert {"int - int -> int", "-int -> int"} <= set(signatures)
    assert not any("_" in signature for signature in signatures)


def test_an_unknown_name_is_a_usage_error_with_a_guess() -> None:
    result = run("startWith")
    assert result.exit_code == 2
    assert 'no function, macro or operator "startWith" (did you mean "startsWith"?)' in result.output


def test_people_read_sections_with_overloads_of_one_meaning_together() -> None:
    result = run()
    lines = result.output.splitlines()
    sections = [line for line in lines if line and not line.startswith(" ")]
    assert sections == [*FAMILIES, "Macros", "Operators"]
    first = lines.index("  list(string).sort() -> list(string)")
    assert lines[first + 1] == "  list(int).sort() -> list(int)"
    assert lines.count("      The elements from the least to the greatest.") == 1


def test_markdown_is_a_table_of_two_columns() -> None:
    result = run("--format", "markdown")
    assert "## OAuth clients\n\n| Signature | Meaning |\n|---|---|\n| `scopes(string) -> list(string)` | " in result.output
    table = [line for line in result.output.splitlines() if line.startswith("| `")]
    assert len(table) == len(list(reference()))
    assert all(line.replace("\\|", "").count("|") == 3 for line in table)
    assert list(markdown([Row("S", "||", "a || b", "c|d")]))[4] == "| `a \\|\\| b` | c\\|d |"


def test_colour_is_for_terminals_that_want_it() -> None:
    assert "\x1b[" not in run("scopes").output
    assert "\x1b[" in run("scopes", color=True).output
    assert "\x1b[" not in run("scopes", color=True, no_color="1").output
