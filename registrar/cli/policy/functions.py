"""`registrar policy functions`."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Final

import click

from registrar.cel import FAMILIES, OPERATORS, Function
from registrar.cli.policy.values import paint
from registrar.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the reference: an overload of a function, or a form of the language's own."""

    section: str
    name: str
    signature: str
    documentation: str


MACROS: Final = (
    Row("Macros", "has", "has(record.member) -> bool", "Whether a member is not empty; of a map, whether it has the key."),
    Row(
        "Macros", "all", "list(A).all(x, bool) -> bool", "Whether the condition is true of every element; of a map, of every key."
    ),
    Row("Macros", "exists", "list(A).exists(x, bool) -> bool", "Whether the condition is true of an element."),
    Row("Macros", "exists_one", "list(A).exists_one(x, bool) -> bool", "Whether the condition is true of exactly one element."),
    Row("Macros", "map", "list(A).map(x, B) -> list(B)", "What the expression makes of each element."),
    Row("Macros", "map", "list(A).map(x, bool, B) -> list(B)", "The same, of those elements that the condition is true of."),
    Row("Macros", "filter", "list(A).filter(x, bool) -> list(A)", "The elements that the condition is true of."),
)
# What the compiler knows by itself: these look at the types of their operands, or do not evaluate all of them.
FORMS: Final = (
    Row("Operators", "&&", "bool && bool -> bool", "Whether both are true. One that is false decides, even beside an error."),
    Row("Operators", "||", "bool || bool -> bool", "Whether one is true. One that is true decides, even beside an error."),
    Row("Operators", "?:", "bool ? A : A -> A", "The one before the colon when the condition is true, else the one behind it."),
    Row("Operators", "==", "A == A -> bool", "Whether both are equal. Numbers compare by what they count, whatever their types."),
    Row("Operators", "!=", "A != A -> bool", "Whether both are not equal."),
    Row("Operators", "in", "A in list(A) -> bool", "Whether the list has such an element."),
    Row("Operators", "in", "A in map(A, B) -> bool", "Whether the map has such a key."),
    Row("Operators", "[]", "list(A)[int] -> A", "The element at an index, from 0; outside the list it is an error."),
    Row("Operators", "[]", "map(A, B)[A] -> B", "What stands under a key; where nothing does it is an error."),
)


@click.command()
@click.argument("name", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["pretty", "markdown", "json"]),
    default="pretty",
    show_default=True,
    help="How to print.",
)
def functions(name: str | None, form: str) -> None:
    """List the functions, macros and operators that expressions can use; with NAME, only those of that name."""
    rows = _named(name) if name else tuple(reference())
    printed = {"pretty": pretty, "markdown": markdown, "json": _json}[form]
    for line in printed(rows):
        click.echo(line)


def reference() -> Iterator[Row]:
    """Every function, macro and operator of the language."""
    for section, family in FAMILIES.items():
        for function in family:
            yield Row(section, function.name, function.signature, function.doc)
    yield from MACROS
    yield from FORMS
    for operator in OPERATORS:
        yield Row("Operators", operator.name.strip("_"), _written(operator), operator.doc)


def pretty(rows: Iterable[Row]) -> Iterator[str]:
    """Sections of signatures, each with what it means underneath; signatures that mean the same stand together."""
    for section, group in groupby(rows, lambda row: row.section):
        yield paint(section, "cyan", bold=True)
        for (_, documentation), same in groupby(group, lambda row: (row.name, row.documentation)):
            yield from (f"  {row.signature}" for row in same)
            yield f"      {documentation}"
        yield ""


def markdown(rows: Iterable[Row]) -> Iterator[str]:
    """A table for each section (GitHub Flavored Markdown)."""
    for section, group in groupby(rows, lambda row: row.section):
        yield from (f"## {section}", "", "| Signature | Meaning |", "|---|---|")
        yield from (f"| `{_cell(row.signature)}` | {_cell(row.documentation)} |" for row in group)
        yield ""


def _json(rows: Iterable[Row]) -> Iterator[str]:
    yield json.dumps([asdict(row) for row in rows], indent=2)


def _named(name: str) -> Sequence[Row]:
    """The rows of `name`, with or without the namespace in front of it (sets.contains)."""
    rows = tuple(reference())
    found = [row for row in rows if name in (row.name, row.name.rpartition(".")[2])]
    if not found:
        hint = did_you_mean(name, {row.name for row in rows})
        raise click.BadParameter(f'there is no function, macro or operator "{name}"{hint}', param_hint="NAME")
    return found


def _written(operator: Function) -> str:
    """How an operator is written between, or in front of, its operands."""
    sign = operator.name.strip("_")
    left, *right = map(str, operator.parameters)
    return f"{left} {sign} {right[0]} -> {operator.result}" if right else f"{sign}{left} -> {operator.result}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
