"""The tree that a command is about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from registrar.bundled import bundled
from registrar.cli.exits import BROKEN_TREE, leave
from registrar.errors import LoadError
from registrar.policy import PolicySet, Test, load_with_tests
from registrar.schema import Schema


def directory(command: Callable[..., Any]) -> Callable[..., Any]:
    """The DIR argument of a command on a tree: the shipped tree when it is not given."""
    return click.argument("directory", metavar="[DIR]", default=lambda: bundled("policies"), type=click.Path(path_type=Path))(
        command
    )


def load_or_leave(directory: Path) -> tuple[PolicySet, list[Test]]:
    """The tree and its tests; exits 3 with every mistake when it does not load."""
    try:
        return load_with_tests(directory, Schema.load("policy"))
    except LoadError as error:
        leave(BROKEN_TREE, f"the policy tree {directory} does not load:", error.problems)
