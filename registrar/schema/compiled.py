"""A schema file, compiled once at start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from referencing import Registry
from referencing.jsonschema import DRAFT202012

from registrar.bundled import bundled
from registrar.documents import read_json
from registrar.schema.acceptance import acceptor
from registrar.schema.dialect import StrictValidator
from registrar.schema.problems import SchemaProblem, told

_SUFFIX = ".schema.json"
_MAX_DEPTH = 64


class Schema:
    """A JSON Schema (Draft 2020-12) ready to check documents. Immutable, so that threads may share it."""

    def __init__(self, contents: Mapping[str, Any], validator: Any) -> None:
        self._contents = contents
        self._validator = validator
        self._accepts = acceptor(validator.schema)

    @classmethod
    def load(cls, name: str, folder: Path | None = None) -> "Schema":
        """The schema `name`, for example `registration-request`, of `folder`: that of the shipped ones when it is None.

        `$ref` reaches inside the file and to its siblings, which are all read here, never to the network. That a schema is a
        valid one is for the tests to see: it ships with the program, and to check it takes longer than to load a policy tree.
        Raises FileNotFoundError when there is none.
        """
        folder = folder or bundled("schemas")
        contents = _read(folder / f"{name}{_SUFFIX}")
        siblings = {_base(schema): DRAFT202012.create_resource(schema) for schema in map(_read, folder.glob(f"*{_SUFFIX}"))}
        return cls(contents, StrictValidator(contents, registry=Registry().with_resources(siblings.items())))

    def at(self, pointer: str) -> "Schema":
        """The part of the same file at the JSON pointer `pointer`, for example `/$defs/Profile`, as a schema of its own.

        Raises KeyError when there is none.
        """
        part: Any = self._contents
        for step in pointer.removeprefix("/").split("/"):
            part = part[step.replace("~1", "/").replace("~0", "~")]
        reference = {"$ref": f"{_base(self._contents)}#{pointer}"}
        return Schema(self._contents, self._validator.evolve(schema=reference))

    def valid(self, instance: object) -> bool:
        """Whether `instance` fits; quicker than `problems`, above all when it does."""
        if self._accepts is not None and self._accepts(instance):
            return True
        return next(self._errors(instance), None) is None

    def problems(self, instance: object, *, echo: bool = False) -> list[SchemaProblem]:
        """Every mistake in `instance`, sorted by path.

        With `echo` the messages name unknown keys and guess what was meant, for the author of a file. Without it they hold
        nothing of `instance`, for the answer to a stranger (contract 11).
        """
        return told(self._errors(instance), echo=echo)

    def _errors(self, instance: Any) -> Any:
        return self._validator.iter_errors(instance)


def _base(contents: Mapping[str, Any]) -> str:
    return str(contents["$id"])


def _read(path: Path) -> dict[str, Any]:
    contents = read_json(path.read_bytes(), max_depth=_MAX_DEPTH)
    if not isinstance(contents, dict):
        raise TypeError(f"{path.name} is no JSON object")
    return contents
