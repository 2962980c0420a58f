"""How commands end when something is wrong: all of it on stderr, and an exit code that says what kind."""

import sys
from collections.abc import Iterable
from typing import Final, NoReturn

import click

UNEXPECTED: Final = 1
USAGE: Final = 2
BROKEN_TREE: Final = 3
TESTS_FAILED: Final = 4
ACCESS_WIDENED: Final = 5


def leave(code: int, headline: str, details: Iterable[object] = ()) -> NoReturn:
    """Print `headline` and one line for each of `details`; exit with `code`."""
    click.echo(f"registrar: {headline}", err=True)
    for detail in details:
        click.echo(f"  {detail}", err=True)
    sys.exit(code)
