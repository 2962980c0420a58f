"""`registrar policy`: what an operator asks a policy tree before deploying it. One module for each command."""

import click

from registrar.cli.policy.check import check
from registrar.cli.policy.diff import diff
from registrar.cli.policy.eval import evaluate
from registrar.cli.policy.explain import explain
from registrar.cli.policy.functions import functions
from registrar.cli.policy.init import init
from registrar.cli.policy.matrix import matrix
from registrar.cli.policy.replay import replay
from registrar.cli.policy.scan import scan
from registrar.cli.policy.schema import schema
from registrar.cli.policy.test import test

__all__ = ["policy"]


@click.group()
def policy() -> None:
    """Check, test and explain policy trees."""


policy.add_command(check)
policy.add_command(diff)
policy.add_command(evaluate)
policy.add_command(explain)
policy.add_command(functions)
policy.add_command(init)
policy.add_command(matrix)
policy.add_command(replay)
policy.add_command(scan)
policy.add_command(schema)
policy.add_command(test)
