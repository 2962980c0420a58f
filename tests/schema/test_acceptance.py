"""The quick way to say yes never says yes to what jsonschema refuses."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.schema.acceptance import acceptor
from registrar.schema.dialect import StrictValidator

WORDS = st.sampled_from(["a", "b", "ab", "a\n", "", "é", "client_name#fr"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.just(1.0) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
SMALL = st.integers(0, 3)
TYPE = st.sampled_from(["string", "array", "object", "integer", "number", "boolean", "null"])


def keywords(part: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of the keywords that the quick way knows; `part` makes the schemas inside."""
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPE | st.lists(TYPE, min_size=1, max_size=3, unique=True),
            "minLength": SMALL,
            "maxLength": SMALL,
            "pattern": st.sampled_from(["^a", "b$", "^[a-z]*$", "é"]),
            "items": part,
            "minItems": SMALL,
            "maxItems": SMALL,
            "properties": st.dictionaries(WORDS, part, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), part, max_size=2),
            "required": st.lists(WORDS, max_size=2, unique=True),
            "maxProperties": SMALL,
            "description": st.just("x"),
        },
    )


SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.recursive(st.just({}), keywords, max_leaves=4)


@settings(deadline=None)
@given(SCHEMAS, VALUES)
def test_quick_acceptance_is_acceptance(schema: dict[str, Any], instance: object) -> None:
    """For every schema of the known keywords the two agree, both ways, on plain JSON."""
    accepts = acceptor(schema)
    assert accepts is not None
    assert accepts(instance) is StrictValidator(schema).is_valid(instance)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"minimum": 1},
        {"$ref": "#"},
        {"items": {"const": 1}},
        {"items": False},
        {"properties": {"a": {"enum": [1]}}},
        {"patternProperties": {"a": {"uniqueItems": True}}},
        {"additionalProperties": False},
    ],
)
def test_what_is_not_understood_is_left_to_jsonschema(schema: object) -> None:
    """A keyword that is not known here, at any depth, turns the quick way off."""
    assert acceptor(schema) is None


def test_values_that_are_not_plain_json_are_left_to_jsonschema() -> None:
    """A subclass or a foreign type is never accepted quickly."""
    accepts = acceptor({})
    assert accepts is not None
    assert not accepts(object())
    assert not accepts((1,))
