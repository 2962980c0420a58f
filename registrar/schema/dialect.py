"""Draft 2020-12 as this project reads it.

Patterns end where their author means them to, integers are integers, and a key that is not allowed has an error of its own,
with the key in its path.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from registrar.schema.patterns import compiled, unknown_names

_FIRST = 10  # mistakes in the items of one list: more than anybody mends at once


def _pattern(_validator: Any, pattern: str, instance: object, _schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not compiled(pattern).search(instance):
        yield ValidationError("does not match")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: object, _schema: object
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, subschema in patterns.items():
            search = compiled(pattern).search
            for name in filter(search, instance):
                yield from validator.descend(instance[name], subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for name in unknown_names(instance, schema):
            if allowed is False:
                yield ValidationError("unknown key", path=[name])
            else:
                yield from validator.descend(instance[name], allowed, path=name)


def _property_names(validator: Any, names: Any, instance: object, _schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for name in instance:
            if errors := list(validator.descend(name, names)):
                yield ValidationError("key name", path=[name], context=errors)


def _is_integer(_checker: object, instance: object) -> bool:
    # JSON Schema lets 1.0 pass as an integer; a client that wants an integer time does not.
    return isinstance(instance, int) and not isinstance(instance, bool)


StrictValidator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]  # so its stubs say
    Draft202012Validator,
    validators={
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "propertyNames": _property_names,
    },
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


def _first_items(validator: Any, items: Any, instance: object, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Nothing of the items of a list that is too long: that is said already, and they are what makes it expensive."""
    if not isinstance(instance, list) or len(instance) <= schema.get("maxItems", len(instance)):
        yield from islice(_ITEMS(validator, items, instance, schema), _FIRST)


_ITEMS = Draft202012Validator.VALIDATORS["items"]

# For documents of strangers: a long list of mistakes costs no more than a short one.
BoundedValidator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    StrictValidator, validators={"items": _first_items}
)
