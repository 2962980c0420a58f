"""Loads a policy tree from disk: the one place of this room that reads files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from registrar.errors import LoadError
from registrar.policy.compiler import compile_tree
from registrar.policy.policyset import PolicySet
from registrar.policy.tree import read_files
from registrar.schema import Schema

_Result = TypeVar("_Result")


def load(directory: Path, schema: Schema) -> PolicySet:
    """The policy set in `directory`. Raises LoadError with every mistake of the tree, at paths that start with `directory`."""
    return at_directory(directory, lambda: compile_tree(read_files(directory), schema))


def at_directory(directory: Path, work: Callable[[], _Result]) -> _Result:
    """`work()`, its problems' places moved from the tree into `directory`, where an operator can click them."""
    try:
        return work()
    except LoadError as error:
        raise LoadError(
            replace(problem, place=replace(problem.place, file=str(directory / problem.place.file))) for problem in error.problems
        ) from None
