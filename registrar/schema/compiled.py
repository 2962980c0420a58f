"""A schema file, compiled once at start."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registrar.bundled import bundled
from registrar.schema.acceptance import Acceptor, Acceptors, UnknownError, part_at
from registrar.schema.problem import SchemaProblem

if TYPE_CHECKING:
    from registrar.schema.explanation import Explainer

_SUFFIX = ".schema.json"


class Schema:
    """A JSON Schema (Draft 2020-12) ready to check documents. Immutable, so that threads may share it."""

    def __init__(self, folder: Path, contents: Mapping[str, Any], acceptors: Acceptors, pointer: str = "") -> None:
        self._folder = folder
        self._contents = contents
        self._acceptors = acceptors
        self._pointer = pointer

    @classmethod
    def load(cls, name: str, folder: Path | None = None) -> "Schema":
        """The schema `name`, for example `registration-request`, of `folder`: that of the shipped ones when it is None.

        `$ref` reaches inside the file and to its siblings, never to the network. That a schema is a valid one is for the tests to
        see: it ships with the program, and to check it takes longer than to load a policy tree.
        Raises FileNotFoundError when there is none.
        """
        folder = folder or bundled("schemas")
        contents = _read(folder / f"{name}{_SUFFIX}")
        return cls(folder, contents, Acceptors(contents))

    def at(self, pointer: str) -> "Schema":
        """The part of the same file at the JSON pointer `pointer`, for example `/$defs/Profile`, as a schema of its own.

        Raises KeyError when there is none.
        """
        part_at(self._contents, pointer)
        return Schema(self._folder, self._contents, self._acceptors, pointer)

    def valid(self, instance: object) -> bool:
        """Whether `instance` fits; quicker than `problems`."""
        try:
            return self._accepts(instance)
        except UnknownError:
            return not self._explainer.problems(instance, echo=False)

    def problems(self, instance: object, *, echo: bool = False) -> list[SchemaProblem]:
        """The mistakes in `instance`, sorted by path.

        With `echo` all of them, and the messages name unknown keys and guess what was meant, for the author of a file. Without it
        they hold nothing of `instance`, for the answer to a stranger (contract 11), and for his sake are the first ten of each
        list, or only that it is too long: to word thirty thousand takes seconds.
        """
        return [] if self.valid(instance) else self._explainer.problems(instance, echo=echo)

    @cached_property
    def _accepts(self) -> Acceptor:
        return self._acceptors.at(self._pointer)

    @cached_property
    def _explainer(self) -> "Explainer":
        # jsonschema takes 40 ms to import, for words that a program whose documents are right never needs.
        from registrar.schema.explanation import Explainer  # noqa: PLC0415

        siblings = {str(schema["$id"]): schema for schema in map(_read, self._folder.glob(f"*{_SUFFIX}"))}
        part = {"$ref": f"{self._contents['$id']}#{self._pointer}"}
        return Explainer(part if self._pointer else self._contents, siblings)


def _read(path: Path) -> dict[str, Any]:
    # Not `read_json`, which is for bytes from strangers and takes four times as long.
    contents = json.loads(path.read_bytes())
    if not isinstance(contents, dict):
        raise TypeError(f"{path.name} is no JSON object")
    return contents
