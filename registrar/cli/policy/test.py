"""`registrar policy test`."""

from pathlib import Path

import click

from registrar.cli.exits import TESTS_FAILED
from registrar.cli.policy.tree import directory, load_or_leave
from registrar.policy import PolicySet, Report, run_tests
from registrar.schema import Schema


@click.command()
@directory
@click.option("--coverage", is_flag=True, help="List the rules that no test saw both true and not true.")
@click.option(
    "--min", "minimum", type=click.IntRange(0, 100), help="Fail when fewer than so many percent of the rules are covered."
)
def test(directory: Path, *, coverage: bool, minimum: int | None) -> None:
    """Run the test suites of the tree in DIR (the shipped one, if none is given).

    Exits 0 when every test passes, 3 when the tree does not load, 4 when a test fails or too little is covered.
    """
    policies, tests = load_or_leave(directory)
    report = run_tests(tests, policies, Schema.load("registration-request"))
    for result in report.failed:
        click.echo(f"FAILED {result.place}: {result.suite}: {result.name}")
        for failure in result.failures:
            click.echo(f"  {failure}")
    click.echo(f"{len(report.results) - len(report.failed)} passed, {len(report.failed)} failed")
    enough = _covered(policies, report, listed=coverage, minimum=minimum) if coverage or minimum is not None else True
    if report.failed or not enough:
        raise SystemExit(TESTS_FAILED)


def _covered(policies: PolicySet, report: Report, *, listed: bool, minimum: int | None) -> bool:
    """Print what the tests covered; whether that is enough."""
    total = len(list(policies.testable_rules()))
    uncovered = report.uncovered(policies)
    if listed:
        for rule, place, missing in uncovered:
            click.echo(f"uncovered {place}: {rule} was never {missing}")
    percent = 100 * (total - len(uncovered)) / total if total else 100.0
    click.echo(f"{total - len(uncovered)} of {total} rules covered ({percent:.0f} %)")
    return minimum is None or percent >= minimum
