"""The tree that a command is about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from registrar.bundled import bundled


def directory(command: Callable[..., Any]) -> Callable[..., Any]:
    """The DIR argument of a command on a tree: the shipped tree when it is not given."""
    return click.argument("directory", metavar="[DIR]", default=lambda: bundled("policies"), type=click.Path(path_type=Path))(
        command
    )
