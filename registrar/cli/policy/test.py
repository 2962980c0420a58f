"""`registrar policy test`."""

import math
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import click

from registrar.cli.exits import TESTS_FAILED
from registrar.cli.policy.tree import directory
from registrar.cli.reports import TEST_FAILED, Case, Format, Level, Notice, Suite, emit, format_option, load_or_report
from registrar.cli.reports import Report as Output
from registrar.errors import Place
from registrar.policy import PolicySet, Report, Result, run_tests
from registrar.policy.suites import coverable
from registrar.schema import Schema

COMMAND = "policy test"
NOT_COVERED = "not-covered"


@click.command()
@directory
@click.option("--coverage", is_flag=True, help="List the rules, redirect matchers and overrides that no test saw both ways.")
@click.option(
    "--min", "minimum", type=click.IntRange(0, 100), help="Fail when fewer than so many percent of the rules are covered."
)
@format_option
def test(directory: Path, style: Format, *, coverage: bool, minimum: int | None) -> None:
    """Run the test suites of the tree in DIR (the shipped one, if none is given).

    A rule is covered when tests saw it true and not true: a condition, a member's constraints, a validation, and each entry of
    redirect_uris.allow, which some redirect URI has to fit and another not.

    Exits 0 when every test passes, 3 when the tree does not load, 4 when a test fails or too little is covered.
    """
    policies, tests = load_or_report(directory, COMMAND, style)
    report = run_tests(tests, policies, Schema.load("registration-request"))
    measured = _measured(policies, report, minimum) if coverage or minimum is not None else None
    output = _output(report, measured, directory, listed=coverage)
    emit(output, style)
    if not output.passed:
        raise SystemExit(TESTS_FAILED)


@dataclass(frozen=True, slots=True)
class _Coverage:
    """How many rules there are, and those that are not covered, with what is missing; `enough` for what was asked."""

    total: int
    uncovered: list[tuple[str, Place | None, str]]
    minimum: int | None

    @property
    def covered(self) -> int:
        return self.total - len(self.uncovered)

    @property
    def percent(self) -> float:
        return 100 * self.covered / self.total if self.total else 100.0

    @property
    def enough(self) -> bool:
        return self.minimum is None or self.percent >= self.minimum


def _measured(policies: PolicySet, report: Report, minimum: int | None) -> _Coverage:
    return _Coverage(len(list(coverable(policies))), report.uncovered(policies), minimum)


def _output(report: Report, coverage: _Coverage | None, directory: Path, *, listed: bool) -> Output:
    too_little = coverage is not None and not coverage.enough
    uncovered = coverage.uncovered if coverage and (listed or too_little) else []
    level = Level.ERROR if too_little else Level.NOTE
    return Output(
        command=COMMAND,
        passed=not report.failed and not too_little,
        notices=tuple(
            Notice(NOT_COVERED, level, f"no test sees {rule} {missing}", _placed(place, directory))
            for place, rule, missing in sorted((place, rule, missing) for rule, place, missing in uncovered if place is not None)
        ),
        suites=_suites(report.results, directory),
        rules={
            TEST_FAILED: "A decision that is not what a test of the tree expects",
            NOT_COVERED: "A rule, redirect matcher or override that the tests have not seen both ways",
        },
        summary=tuple(_summary(report, coverage)),
        facts={"coverage": _facts(coverage)} if coverage else {},
    )


def _placed(place: Place, directory: Path) -> Place:
    return Place(str(directory / place.file), place.line, place.column)


def _suites(results: list[Result], directory: Path) -> tuple[Suite, ...]:
    # The results of one suite stand together, in the order of its file.
    return tuple(
        Suite(suite, str(directory / file), tuple(_case(result, directory) for result in group))
        for (suite, file), group in groupby(results, key=lambda result: (result.suite, result.place.file))
    )


def _case(result: Result, directory: Path) -> Case:
    return Case(result.name, _placed(result.place, directory), result.failures)


def _summary(report: Report, coverage: _Coverage | None) -> list[str]:
    lines = [f"{len(report.results) - len(report.failed)} passed, {len(report.failed)} failed"]
    if coverage is not None:
        wanted = "" if coverage.enough else f", fewer than the {coverage.minimum} % that are asked for"
        # Rounded down: 100 % is all of them.
        percent = math.floor(coverage.percent * 10) / 10
        lines.append(f"{coverage.covered} of {coverage.total} rules covered ({percent:.1f} %){wanted}")
    return lines


def _facts(coverage: _Coverage) -> dict[str, object]:
    return {"rules": coverage.total, "covered": coverage.covered, "percent": round(coverage.percent, 2)}
