"""What is wrong with a document, in words for people: schemas of every keyword, loaded from a folder of their own."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from registrar.bundled import bundled
from registrar.documents import read_json
from registrar.schema import Schema, SchemaProblem

CONSTANT = {"type": "string", "pattern": "^constants\\."}
STRINGS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
MATCHER = {
    "type": "object",
    "properties": {"uri": {"type": "string"}, "scheme": {"const": "https"}, "hosts": STRINGS, "path": {}, "pathPrefix": {}},
    "additionalProperties": False,
    "oneOf": [{"required": ["uri"]}, {"required": ["scheme", "hosts"]}],
    "dependentSchemas": {"path": {"not": {"required": ["pathPrefix"]}}},
}
KINDS = {
    "oneOf": [
        {"type": "object", "properties": {"kind": {"const": "a"}, "size": {"type": "integer"}}, "required": ["kind"]},
        {"type": "object", "properties": {"kind": {"const": "b"}, "name": {"type": "string"}}, "required": ["kind"]},
    ]
}
CONDITIONAL = {"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}


def load(folder: Path, schema: dict[str, Any], name: str = "sample") -> Schema:
    contents = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{name}.schema.json", **schema}
    (folder / f"{name}.schema.json").write_text(json.dumps(contents), encoding="utf-8")
    return Schema.load(name, folder)


@pytest.mark.parametrize(
    ("schema", "instance", "path", "message"),
    [
        ({"type": "array"}, {}, (), "must be a list"),
        ({"type": ["array", "string"]}, 1, (), "must be a list or a string"),
        ({"type": ["string", "null"]}, 1, (), "must be a string"),
        ({"type": "null"}, 1, (), "must be null"),
        ({"type": "integer"}, 1.0, (), "must be a whole number"),
        ({"type": "number"}, "1", (), "must be a number"),
        ({"enum": ["a", "b", 1, None]}, "x", (), "must be one of a, b, 1, null"),
        ({"enum": ["enforce", "warn"]}, "enforced", (), 'must be one of enforce, warn (did you mean "enforce"?)'),
        ({"const": True}, 1, (), "must be true"),
        ({"const": "registrar/v1"}, "registrar/v2", (), "must be registrar/v1"),
        ({"minLength": 1}, "", (), "must not be empty"),
        ({"minLength": 2}, "x", (), "must have at least 2 characters"),
        ({"maxLength": 1}, "xy", (), "must have at most 1 character"),
        ({"maxLength": 0}, "x", (), "must have at most 0 characters"),
        ({"pattern": "^[a-z]+$"}, "a1", (), "must match ^[a-z]+$"),
        ({"pattern": "^[a-z]+$"}, "a\n", (), "must match ^[a-z]+$"),
        ({"pattern": "x", "patternErrorMessage": "must have an x"}, "y", (), "must have an x"),
        ({"minItems": 1}, [], (), "must have at least 1 item"),
        ({"maxItems": 2}, [1, 2, 3], (), "must have at most 2 items"),
        ({"uniqueItems": True}, ["a", "a"], (), "must not have the same item twice"),
        ({"minProperties": 1}, {}, (), "must have at least 1 key"),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, (), "must have at most 1 key"),
        ({"minimum": 1}, 0, (), "must be at least 1"),
        ({"maximum": 1}, 2, (), "must be at most 1"),
        ({"exclusiveMinimum": 1}, 1, (), "must be more than 1"),
        ({"exclusiveMaximum": 1}, 1, (), "must be less than 1"),
        ({"multipleOf": 2}, 3, (), "must be a multiple of 2"),
        ({"required": ["a"]}, {}, (), "a is required"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, (), "b is required together with a"),
        (
            {"properties": {"maxItems": {}}, "additionalProperties": False},
            {"maxItem": 1},
            ("maxItem",),
            'unknown key "maxItem" (did you mean "maxItems"?)',
        ),
        ({"patternProperties": {"^a": {}}, "additionalProperties": False}, {"ab": 1, "b": 1}, ("b",), 'unknown key "b"'),
        ({"patternProperties": {"^a$": {"type": "string"}}}, {"a": 1, "a\n": 1}, ("a",), "must be a string"),
        ({"additionalProperties": {"type": "string"}}, {"a": 1}, ("a",), "must be a string"),
        ({"propertyNames": {"pattern": "^[a-z]+$"}}, {"A": 1}, ("A",), "the key must match ^[a-z]+$"),
        ({"not": {"required": ["a"]}}, {"a": 1}, (), "must not have a"),
        ({"not": {"required": ["a", "b"]}}, {"a": 1, "b": 1}, (), "must not have a and b"),
        ({"not": {"type": "string"}}, "x", (), "is not allowed here"),
        ({"contains": {"const": 1}}, [2], (), "is not allowed here"),
        ({"properties": {"a": {"items": {"type": "string"}}}}, {"a": ["x", 1]}, ("a", 1), "must be a string"),
        (CONDITIONAL, {"a": 1}, (), "b is required"),
        (CONDITIONAL, {"a": 2}, (), "c is required"),
        ({"anyOf": [STRINGS, CONSTANT]}, "roles", (), "must be a list or match ^constants\\."),
        ({"anyOf": [STRINGS, CONSTANT]}, 5, (), "must be a list or a string"),
        ({"anyOf": [CONSTANT, STRINGS]}, "roles", (), "must match ^constants\\. or be a list"),
        ({"anyOf": [STRINGS, CONSTANT]}, ["a", 1], (1,), "must be a string"),
        ({"anyOf": [STRINGS, CONSTANT]}, [], (), "must have at least 1 item"),
        ({"oneOf": [{"const": "any"}, STRINGS]}, "all", (), "must be any or a list"),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, "c", (), "must be a or b"),
        ({"oneOf": [{"type": "string"}, {"minLength": 1}]}, "x", (), "must have only one of the forms that are allowed here"),
        (MATCHER, {}, (), "must have uri or scheme and hosts"),
        (MATCHER, {"uri": "x", "scheme": "https", "hosts": ["a"]}, (), "must have only one of uri or scheme and hosts"),
        (MATCHER, {"uri": "x", "path": 1, "pathPrefix": 1}, (), "must not have pathPrefix"),
        (KINDS, {"kind": "b", "name": 1}, ("name",), "must be a string"),
        (KINDS, {"kind": "a", "size": "x"}, ("size",), "must be a whole number"),
        (KINDS, [], (), "must be an object"),
    ],
)
def test_each_mistake_is_one_sentence(
    tmp_path: Path, schema: dict[str, Any], instance: object, path: tuple[object, ...], message: str
) -> None:
    """For the author of a file: what must be, of which key, and what was probably meant."""
    checker = load(tmp_path, schema)
    assert [(problem.path, problem.message) for problem in checker.problems(instance, echo=True)] == [(path, message)]
    assert not checker.valid(instance)


@pytest.mark.parametrize(
    ("schema", "instance", "message"),
    [
        ({"additionalProperties": False, "properties": {"qzj": {}}}, {"qzjx": 1}, "is not a known key"),
        ({"enum": ["qzj", "b"]}, "qzjx", "must be one of qzj, b"),
        ({"propertyNames": {"enum": ["qzj", "b"]}}, {"qzjx": 1}, "the key must be one of qzj, b"),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "array"}]}, "qzjx", "must be one of a, b or a list"),
    ],
)
def test_11_without_echo_nothing_of_the_instance_is_said(
    tmp_path: Path, schema: dict[str, Any], instance: object, message: str
) -> None:
    """Contract 11: for the answer to a stranger."""
    assert [problem.message for problem in load(tmp_path, schema).problems(instance)] == [message]


def test_all_problems_come_at_once_and_once_each(tmp_path: Path) -> None:
    """Several missing keys, several unknown ones; two ways to the same complaint are one."""
    schema = {"required": ["a", "b"], "allOf": [{"required": ["a"]}], "properties": {"a": {}}, "additionalProperties": False}
    problems = load(tmp_path, schema).problems({"z": 1, "y": 2}, echo=True)
    assert problems == [
        SchemaProblem((), "required", "a is required"),
        SchemaProblem((), "required", "b is required"),
        SchemaProblem(("y",), "additionalProperties", 'unknown key "y"'),
        SchemaProblem(("z",), "additionalProperties", 'unknown key "z"'),
    ]


def test_indexes_are_sorted_as_numbers(tmp_path: Path) -> None:
    """The tenth item comes after the second."""
    problems = load(tmp_path, {"items": {"type": "string"}}).problems(["x", 1] * 6)
    assert [problem.path for problem in problems] == [(index,) for index in (1, 3, 5, 7, 9, 11)]


def test_a_stranger_is_told_the_first_mistakes_of_a_list(tmp_path: Path) -> None:
    """Ten are more than anybody mends at once; each list has its own. The author of a file sees them all."""
    lists = {"type": "array", "maxItems": 30, "items": {"type": "array", "maxItems": 30, "items": {"type": "string"}}}
    checker = load(tmp_path, {"properties": {"a": lists, "b": lists}})
    instance = {"a": [[1]] * 30, "b": [["x"] * 20 + [1] * 10, *[1] * 29]}
    told = [problem.path for problem in checker.problems(instance)]
    assert told == [("a", number, 0) for number in range(10)] + [("b", 0, number) for number in range(20, 30)]
    assert len(checker.problems(instance, echo=True)) == 30 + 10 + 29


def test_a_stranger_is_told_that_a_list_is_too_long_and_nothing_of_its_items(tmp_path: Path) -> None:
    """They are not looked at: what they cost would grow with a list of any length. The author of a file sees them all."""
    checker = load(tmp_path, {"maxItems": 2, "items": {"type": "string"}})
    assert checker.problems([1, 1, 1]) == [SchemaProblem((), "maxItems", "must have at most 2 items")]
    assert len(checker.problems([1, 1, 1], echo=True)) == 4


def test_a_part_of_a_schema_is_a_schema(tmp_path: Path) -> None:
    """Definitions refer to each other and to a sibling file, by name, from wherever they are entered."""
    load(tmp_path, {"$defs": {"word": {"type": "string", "minLength": 1}}}, name="words")
    defs = {"Kind/a": {"$ref": "#/$defs/b"}, "b": {"items": {"$ref": "words.schema.json#/$defs/word"}}}
    part = load(tmp_path, {"$defs": defs, "type": "object"}).at("/$defs/Kind~1a")
    assert part.valid(["x"])
    assert part.problems([""]) == [SchemaProblem((0,), "minLength", "must not be empty")]
    with pytest.raises(KeyError):
        part.at("/$defs/missing")


def test_a_reference_never_reaches_the_network(tmp_path: Path) -> None:
    """An address that no file has is an error, not a request."""
    checker = load(tmp_path, {"$ref": "https://json-schema.example/other.json"})
    with pytest.raises(Exception, match=r"json-schema\.example") as failure:
        checker.valid({})
    assert type(failure.value).__name__ == "_WrappedReferencingError"


def test_broken_schemas_do_not_load(tmp_path: Path) -> None:
    """A schema that is no object or is not there stops the start."""
    (tmp_path / "list.schema.json").write_text("[]", encoding="utf-8")
    with pytest.raises(TypeError, match=r"list\.schema\.json"):
        Schema.load("list", tmp_path)
    with pytest.raises(FileNotFoundError):
        Schema.load("missing", tmp_path)


@pytest.mark.parametrize("name", ["registration-request", "registration-response", "policy", "settings"])
def test_every_shipped_schema_loads(name: str) -> None:
    """All four, from where an installation has them."""
    assert not Schema.load(name).valid([])


@pytest.mark.parametrize("file", sorted(bundled("schemas").glob("*.schema.json")), ids=lambda file: file.name)
def test_what_ships_is_valid(file: Path) -> None:
    """Strict JSON and Draft 2020-12, as `Schema.load` takes for granted."""
    contents = read_json(file.read_bytes(), max_depth=64)
    assert isinstance(contents, dict)
    Draft202012Validator.check_schema(contents)
