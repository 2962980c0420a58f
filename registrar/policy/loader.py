"""Loads a policy tree from disk: the one place of this room that reads files."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from registrar.documents import read_json
from registrar.errors import LoadError
from registrar.policy.compiler import compile_documents, compile_tree
from registrar.policy.policyset import PolicySet
from registrar.policy.tree import read_files, read_tree
from registrar.schema import Schema

if TYPE_CHECKING:
    from registrar.policy.suites import Test

_Result = TypeVar("_Result")
_FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "mcp-clients.json"
_FIXTURE_DEPTH = 16


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


def load_with_tests(directory: Path, schema: Schema) -> tuple[PolicySet, "list[Test]"]:
    """The policy set in `directory` and the tests of its suites. Raises LoadError with every mistake in either."""
    return at_directory(directory, lambda: _compile_with_tests(read_files(directory), schema))


def _compile_with_tests(files: Mapping[str, bytes], schema: Schema) -> tuple[PolicySet, "list[Test]"]:
    from registrar.policy.suites import read_suites  # noqa: PLC0415  3 ms that `load` does without

    tree = read_tree(files, schema)
    policies = compile_documents(tree, files)
    tests = read_suites(tree, policies, load_fixtures()) if policies else []
    if policies is None or tree.problems:
        raise LoadError(tree.problems)
    return policies, tests


def load_fixtures() -> dict[str, Mapping[str, object]]:
    """The registration documents of shipping MCP clients that come with the program, by name."""
    data = read_json(_FIXTURES.read_bytes(), max_depth=_FIXTURE_DEPTH)
    if not isinstance(data, dict):
        raise TypeError(f"{_FIXTURES.name} is not an object")
    return {client["name"]: client["document"] for client in data["clients"]}
