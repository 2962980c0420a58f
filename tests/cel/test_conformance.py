"""The language definition: each file of tests/cases/cel is a list of expressions and what they must come to."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registrar.cel import CompileError, EvaluationError, Scope, Type, Uint, compile_expression
from registrar.cel.types import DENOTATIONS, DYN, ListType, MapType
from registrar.cel.values import equal, type_of
from registrar.documents import read_yaml
from tests.cel.vocabulary import FACTS, SCOPE

FOLDER = Path(__file__).parents[1] / "cases" / "cel"

Case = dict[str, Any]


def cases() -> Iterator[object]:
    for file in sorted(FOLDER.glob("*.yaml")):
        for case in read_yaml(file.read_text(encoding="utf-8"), file.name).value:
            yield pytest.param(case, id=f"{file.stem}/{case['name']}")


def value_of(written: object) -> object:
    """A value as the files write it: what YAML cannot say is a mapping with one key."""
    match written:
        case {"uint": number}:
            return Uint(number)
        case {"double": number}:
            return float(number)
        case {"bytes": digits}:
            return bytes.fromhex(digits)
        case {"timestamp": text}:
            return datetime.fromisoformat(text)
        case {"microseconds": number}:
            return timedelta(microseconds=number)
        case {"type": name}:
            return type_named(name)
        case {"map": entries}:
            return {value_of(key): value_of(value) for key, value in entries}
        case list():
            return tuple(map(value_of, written))
    return written


def type_named(name: str) -> Type:
    if name.startswith("list("):
        return ListType(type_named(name[5:-1]))
    if name.startswith("map("):
        key, _, value = name[4:-1].partition(", ")
        return MapType(type_named(key), type_named(value))
    return DYN if name == "dyn" else DENOTATIONS[name]


def scope_and_facts(case: Case) -> tuple[Scope, Mapping[str, object]]:
    if "types" not in case:
        return SCOPE, FACTS
    types = {name: type_named(written) for name, written in case["types"].items()}
    return Scope(types), {name: value_of(written) for name, written in case["facts"].items()}


def outcome(case: Case) -> Case:
    """What the expression comes to, in the words of the files."""
    scope, facts = scope_and_facts(case)
    try:
        return {"value": compile_expression(case["expr"], scope).evaluate(scope.bind(facts))}
    except CompileError as error:
        return {"problem": error.problems[0].message, "at": error.problems[0].offset}
    except EvaluationError as error:
        return {"error": error.reason, "at": error.offset}


def same(value: object, wanted: object) -> bool:
    nan = isinstance(value, float) and isinstance(wanted, float) and math.isnan(value) and math.isnan(wanted)
    return type_of(value) == type_of(wanted) and (nan or equal(value, wanted))


@pytest.mark.parametrize("case", list(cases()))
def test_an_expression_comes_to_what_the_language_says(case: Case) -> None:
    found = outcome(case)
    if "value" in case:
        assert "value" in found, found
        assert same(found["value"], value_of(case["value"])), found
    else:
        assert found == {key: case[key] for key in ("problem", "error", "at") if key in case}
