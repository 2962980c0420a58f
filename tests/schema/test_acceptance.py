"""The quick way says yes to what jsonschema accepts, and no to what it refuses."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.bundled import bundled
from registrar.documents import read_yaml
from registrar.schema.acceptance import Acceptors, UnknownError
from registrar.schema.dialect import StrictValidator
from tests.clients.shipped import SHIPPED

WORDS = st.sampled_from(["a", "b", "ab", "a\n", "", "é", "client_name#fr"])
SCALARS = st.none() | st.booleans() | st.integers(-2, 3) | st.just(1.0) | WORDS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6
)
SMALL = st.integers(0, 3)
NAMES = st.lists(WORDS, max_size=2, unique=True)
TYPE = st.sampled_from(["string", "array", "object", "integer", "number", "boolean", "null"])


def keywords(part: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of the keywords that the quick way knows; `part` makes the schemas inside."""
    parts = st.lists(part, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPE | st.lists(TYPE, min_size=1, max_size=3, unique=True),
            "minLength": SMALL,
            "maxLength": SMALL,
            "pattern": st.sampled_from(["^a", "b$", "^[a-z]*$", "é"]),
            **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), st.integers(-2, 3) | st.just(0.5)),
            "items": part,
            "minItems": SMALL,
            "maxItems": SMALL,
            "uniqueItems": st.booleans(),
            "properties": st.dictionaries(WORDS, part, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), part, max_size=2),
            "additionalProperties": part,
            "propertyNames": part,
            "required": NAMES,
            "dependentRequired": st.dictionaries(WORDS, NAMES, max_size=2),
            "dependentSchemas": st.dictionaries(WORDS, part, max_size=2),
            "minProperties": SMALL,
            "maxProperties": SMALL,
            "const": VALUES,
            "enum": st.lists(VALUES, max_size=3),
            **dict.fromkeys(("allOf", "anyOf", "oneOf"), parts),
            **dict.fromkeys(("not", "if", "then", "else"), part),
            "description": st.just("x"),
        },
    )


SCHEMAS: st.SearchStrategy[Any] = st.recursive(st.booleans() | st.just({}), keywords, max_leaves=5)


def accepts(schema: Mapping[str, Any], instance: object, pointer: str = "") -> bool:
    return Acceptors(schema).at(pointer)(instance)


@settings(deadline=None)
@given(SCHEMAS, VALUES)
def test_quick_acceptance_is_acceptance(schema: Any, instance: object) -> None:
    """For every schema of the known keywords the two agree, both ways, on plain JSON."""
    assert accepts({"$defs": {"x": schema}}, instance, "/$defs/x") is StrictValidator(schema).is_valid(instance)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_the_same_item_twice_is_the_same_to_both(items: list[object]) -> None:
    """True is not 1, 1.0 is 1, at any depth, and the order of an object's members means nothing."""
    assert accepts({"uniqueItems": True}, items) is StrictValidator({"uniqueItems": True}).is_valid(items)


def test_a_schema_may_refer_to_itself() -> None:
    tree = {"$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}}, "$ref": "#/$defs/tree"}
    assert accepts(tree, {"a": {"b": {}}})
    assert not accepts(tree, {"a": {"b": 1}})


SOUND: dict[str, list[Any]] = {
    "registration-request.schema.json": [dict(client.document) for client in SHIPPED],
    "registration-response.schema.json": [{**client.document, "client_id": "x", "client_id_issued_at": 1} for client in SHIPPED],
    "policy.schema.json": [
        read_yaml(file.read_text(encoding="utf-8"), file.name).value for file in sorted(bundled("policies").rglob("*.yaml"))
    ],
    "settings.schema.json": [{"issuer": "https://as.example", "bind": "127.0.0.1:8000", "threads": 4, "trusted_proxies": []}],
}
# Those that a server needs to start and to answer. One that refers to another file is left to jsonschema.
FILES = [bundled("schemas") / name for name in SOUND]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_they_agree_on_the_schemas_of_a_server(file: Path, data: st.DataObject) -> None:
    """Sound documents, with something in them dropped, doubled or replaced: what operators and strangers get wrong."""
    schema = json.loads(file.read_text(encoding="utf-8"))
    document = data.draw(st.sampled_from(SOUND[file.name]))
    for _ in range(data.draw(st.integers(0, 3))):
        document = _mutated(document, data)
    assert accepts(schema, document) is StrictValidator(schema).is_valid(document)


def _mutated(document: Any, data: st.DataObject) -> Any:
    path = data.draw(st.sampled_from(list(_paths(document, ()))))
    return _replaced(document, path, data.draw(st.sampled_from(["drop", "double"]) | st.tuples(VALUES)))


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    for step, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _paths(part, (*path, step))


def _replaced(value: Any, path: tuple[Any, ...], change: Any) -> Any:
    """A copy of `value` with the part at `path` dropped, doubled (in a list), or replaced by the one item of `change`."""
    if not path:
        return change[0] if isinstance(change, tuple) else value
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        kept = {name: _replaced(part, rest, change) if name == step else part for name, part in value.items()}
        return {name: part for name, part in kept.items() if rest or name != step or change != "drop"}
    items = [_replaced(part, rest, change) if index == step else part for index, part in enumerate(value)]
    if rest or isinstance(change, tuple):
        return items
    return items[:step] + items[step + 1 :] + ([] if change == "drop" else [items[step]] * 2)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_schemas_of_a_server_are_understood(file: Path) -> None:
    """So that jsonschema is only asked to explain."""
    Acceptors(json.loads(file.read_text(encoding="utf-8"))).at("")


@pytest.mark.parametrize(
    "schema",
    [
        {"multipleOf": 1},
        {"$ref": "other.schema.json"},
        {"$ref": "#/$defs/missing"},
        {"$defs": {"a": {"contains": True}}, "$ref": "#/$defs/a"},
        {"items": {"prefixItems": [{}]}},
        {"properties": {"a": {"unevaluatedProperties": False}}},
        {"patternProperties": {"a": {"format": "uri"}}},
        {"anyOf": [{}, {"$dynamicRef": "#"}]},
        {"items": [{}]},
    ],
)
def test_what_is_not_understood_is_left_to_jsonschema(schema: dict[str, Any]) -> None:
    """A keyword that is not known here, at any depth, turns the quick way off."""
    with pytest.raises(UnknownError):
        Acceptors(schema).at("")


class Text(str):
    """A text that is no plain one."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({}, object()),
        ({}, (1,)),
        ({"not": {"type": "string"}}, Text()),
        ({"not": {"properties": {"a": {"type": "string"}}}}, {"a": Text()}),
        ({"uniqueItems": True}, [[Text()], [""]]),
        ({"enum": [{"a": ""}]}, {"a": Text()}),
    ],
)
def test_values_that_are_not_plain_json_are_left_to_jsonschema(schema: dict[str, Any], instance: object) -> None:
    """A subclass or a foreign type is neither accepted nor refused quickly."""
    with pytest.raises(UnknownError):
        accepts(schema, instance)
