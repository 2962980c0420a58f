"""jsonschema's errors in words for people."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from registrar.errors import did_you_mean
from registrar.schema.dialect import BoundedValidator, StrictValidator
from registrar.schema.problem import Path, SchemaProblem

_TYPES = {
    "array": "a list",
    "object": "an object",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


class Explainer:
    """What is wrong with documents in the eyes of the schema `contents`, which may refer to `files`, a file by its `$id`."""

    def __init__(self, contents: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> None:
        resources = {address: DRAFT202012.create_resource(file) for address, file in files.items()}
        registry = Registry().with_resources(resources.items())
        self._thorough = StrictValidator(contents, registry=registry)
        self._bounded = BoundedValidator(contents, registry=registry)

    def problems(self, instance: Any, *, echo: bool) -> list[SchemaProblem]:
        """The problems of `instance`, each once, sorted by path; `echo`, and which they are, as `Schema.problems` says."""
        errors = (self._thorough if echo else self._bounded).iter_errors(instance)
        found = {problem for error in errors for problem in _explained(error, (), echo=echo)}
        return sorted(found, key=_order)


def _order(problem: SchemaProblem) -> tuple[object, ...]:
    path = tuple((isinstance(step, str), step if isinstance(step, int) else 0, str(step)) for step in problem.path)
    return path, problem.keyword, problem.message


def _explained(error: ValidationError, parent: Path, *, echo: bool) -> Iterator[SchemaProblem]:
    """`parent` is the path of the error that `error` is a part of; jsonschema gives paths relative to it."""
    path = (*parent, *error.relative_path)
    keyword = str(error.validator)
    if keyword in ("oneOf", "anyOf"):
        yield from _of_branches(error, path, echo=echo)
    elif keyword == "required":
        missing = [name for name in _keyword_value(error) if name not in _instance(error)]
        yield from (SchemaProblem(path, keyword, f"{name} is required") for name in missing)
    elif keyword == "dependentRequired":
        yield from _of_dependents(error, path)
    else:
        yield SchemaProblem(path, keyword, _message(error, echo=echo))


def _of_dependents(error: ValidationError, path: Path) -> Iterator[SchemaProblem]:
    for name, needed in _keyword_value(error).items():
        if name in _instance(error):
            for other in needed:
                if other not in _instance(error):
                    yield SchemaProblem(path, "dependentRequired", f"{other} is required together with {name}")


def _of_branches(error: ValidationError, path: Path, *, echo: bool) -> Iterator[SchemaProblem]:
    """Nothing fits, or too much does: say what the nearest branch misses, or what the branches are."""
    keyword = str(error.validator)
    branches = _keyword_value(error)
    if isinstance(_instance(error), dict) and all(set(branch) == {"required"} for branch in branches):
        names = [" and ".join(branch["required"]) for branch in branches]
        yield SchemaProblem(path, keyword, _of_names(names, too_many=not error.context))
    elif not error.context:
        yield SchemaProblem(path, keyword, "must have only one of the forms that are allowed here")
    else:
        missed = _grouped(error.context)
        close = [branch for branch in missed if not any(map(_is_of_another_kind, branch))]
        if close and isinstance(_instance(error), (list, dict)):
            for child in min(close, key=_distance):
                yield from _explained(child, path, echo=echo)
        else:
            yield SchemaProblem(path, keyword, _alternatives(missed, echo=echo))


def _of_names(names: Sequence[str], *, too_many: bool) -> str:
    return f"must have {'only one of ' if too_many else ''}{_either(names)}"


def _grouped(errors: Sequence[ValidationError]) -> list[list[ValidationError]]:
    """The errors of each branch, in the order of the branches."""
    branches: dict[object, list[ValidationError]] = {}
    for error in errors:
        branches.setdefault(error.relative_schema_path[0], []).append(error)
    return list(branches.values())


def _is_of_another_kind(error: ValidationError) -> bool:
    return not error.relative_path and error.validator in ("type", "const", "enum")


def _distance(branch: Sequence[ValidationError]) -> tuple[int, int]:
    """A branch whose fixed values differ is meant less than one with other mistakes."""
    return sum(error.validator in ("const", "enum") for error in branch), len(branch)


def _alternatives(branches: Sequence[Sequence[ValidationError]], *, echo: bool) -> str:
    """`must be a list or match ^constants…`: the first mistake of each branch, as a wish."""
    wishes = [wish.removeprefix("must ") for branch in branches for wish in _wishes(branch[0], echo=echo)]
    first, *rest = dict.fromkeys(wishes)
    return f"must {_either([first, *(wish.removeprefix('be ') if first.startswith('be ') else wish for wish in rest)])}"


def _wishes(error: ValidationError, *, echo: bool) -> Iterator[str]:
    """A text that has a form is wished for in that form, also by somebody who wrote no text."""
    if error.validator == "type" and "patternErrorMessage" in _schema(error):
        yield str(_schema(error)["patternErrorMessage"])
    else:
        yield from (problem.message for problem in _explained(error, (), echo=echo))


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _message(error: ValidationError, *, echo: bool) -> str:
    writer = _WRITERS.get(str(error.validator))
    return "is not allowed here" if writer is None else writer(error, echo)


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, Mapping) else {}


def _instance(error: ValidationError) -> Any:
    return error.instance


def _keyword_value(error: ValidationError) -> Any:
    return error.validator_value


def _pattern(error: ValidationError, _echo: bool) -> str:
    # The keyword that the language servers of editors know too.
    return str(_schema(error).get("patternErrorMessage", f"must match {_keyword_value(error)}"))


def _type(error: ValidationError, _echo: bool) -> str:
    schema = _schema(error)
    names = [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])
    # A member of a request may be null or "" to be absent: the answer names what it is when it is there.
    if len(names) > 1 and "null" in names:
        names.remove("null")
    if len(names) > 1 and schema.get("maxLength") == 0:
        names.remove("string")
    return f"must be {_either([_TYPES[name] for name in names])}"


def _max_length(error: ValidationError, echo: bool) -> str:
    if _keyword_value(error) == 0 and "type" in _schema(error):
        return _type(error, echo)
    return f"must have at most {_count(_keyword_value(error), 'character')}"


def _min_length(error: ValidationError, _echo: bool) -> str:
    return (
        "must not be empty" if _keyword_value(error) == 1 else f"must have at least {_count(_keyword_value(error), 'character')}"
    )


def _enum(error: ValidationError, echo: bool) -> str:
    values = _keyword_value(error) if error.validator == "enum" else [_keyword_value(error)]
    written = [value if isinstance(value, str) else json.dumps(value) for value in values]
    if len(written) == 1:
        return f"must be {written[0]}"
    hint = did_you_mean(_instance(error), written) if echo and isinstance(_instance(error), str) else ""
    return f"must be one of {', '.join(written)}{hint}"


def _not(error: ValidationError, _echo: bool) -> str:
    names = _keyword_value(error).get("required") if isinstance(_keyword_value(error), Mapping) else None
    return f"must not have {' and '.join(names)}" if names else "is not allowed here"


def _unknown_key(error: ValidationError, echo: bool) -> str:
    if not echo:
        return "is not a known key"
    name = str(error.path[-1])
    return f'unknown key "{name}"{did_you_mean(name, _schema(error).get("properties", ()))}'


def _key_name(error: ValidationError, echo: bool) -> str:
    wishes = [problem.message for child in error.context for problem in _explained(child, (), echo=echo)]
    return f"the key {wishes[0]}"


def _bound(text: str, unit: str = "") -> Callable[[ValidationError, bool], str]:
    """A writer for a keyword whose value is a bound; `unit` is what it counts."""

    def write(error: ValidationError, _echo: bool) -> str:
        value = _keyword_value(error)
        return f"{text} {_count(value, unit) if unit else value}"

    return write


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


_WRITERS: Mapping[str, Callable[[ValidationError, bool], str]] = {
    "type": _type,
    "const": _enum,
    "enum": _enum,
    "minLength": _min_length,
    "maxLength": _max_length,
    "pattern": _pattern,
    "format": _bound("must be a"),
    "minItems": _bound("must have at least", "item"),
    "maxItems": _bound("must have at most", "item"),
    "minProperties": _bound("must have at least", "key"),
    "maxProperties": _bound("must have at most", "key"),
    "minimum": _bound("must be at least"),
    "maximum": _bound("must be at most"),
    "exclusiveMinimum": _bound("must be more than"),
    "exclusiveMaximum": _bound("must be less than"),
    "multipleOf": _bound("must be a multiple of"),
    "uniqueItems": lambda _error, _echo: "must not have the same item twice",
    "not": _not,
    "additionalProperties": _unknown_key,
    "propertyNames": _key_name,
}
