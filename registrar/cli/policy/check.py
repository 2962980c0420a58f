"""`registrar policy check`."""

from pathlib import Path

import click

from registrar.cli.policy.tree import directory, load_or_leave


@click.command()
@directory
def check(directory: Path) -> None:
    """Load the tree in DIR (the shipped one, if none is given) with its test suites, and report every mistake.

    Exits 0 when it loads, 3 when it does not.
    """
    policies, tests = load_or_leave(directory)
    click.echo(f"{policies.name}: {len(policies.profiles)} profiles, {len(policies.guardrails)} guardrails, {len(tests)} tests")
    click.echo(f"revision {policies.revision}")
