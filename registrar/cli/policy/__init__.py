"""`registrar policy`: what an operator asks a policy tree before deploying it. One module for each command."""

import click

from registrar.cli.policy.check import check
from registrar.cli.policy.test import test

__all__ = ["policy"]


@click.group()
def policy() -> None:
    """Check, test and explain policy trees."""


policy.add_command(check)
policy.add_command(test)
