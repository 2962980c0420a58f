"""`registrar policy check`."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from registrar.cel import BUDGET
from registrar.cli.exits import BROKEN_TREE
from registrar.cli.policy.tree import directory
from registrar.cli.reports import Format, Level, Notice, Report, emit, format_option, load_or_report
from registrar.policy import PolicySet, Test, run_tests
from registrar.policy.lint import LINTS, Cost, Lint, costs, lint
from registrar.policy.sources import documents
from registrar.schema import Schema

COMMAND = "policy check"
_DEAREST = 3


@click.command()
@directory
@click.option("--strict", is_flag=True, help="Let a warning count as an error; a note never does.")
@format_option
def check(directory: Path, style: Format, *, strict: bool) -> None:
    """Load the tree in DIR (the shipped one, if none is given) with its test suites, and report every mistake and every doubt.

    A doubt is silenced in the document that it is about, by its id: annotations {registrar.lint/ignore: "host-wildcard"}.

    Exits 0 when the tree loads without an error, 3 otherwise; with --strict, a warning is an error.
    """
    policies, tests = load_or_report(directory, COMMAND, style)
    failing = frozenset({Level.ERROR, Level.WARNING} if strict else {Level.ERROR})
    notices = tuple(_notice(finding, directory) for finding in _findings(policies, tests))
    report = _report(policies, tests, notices, failing, directory)
    emit(report, style)
    if not report.passed:
        raise SystemExit(BROKEN_TREE)


def _findings(policies: PolicySet, tests: list[Test]) -> tuple[Lint, ...]:
    seen = run_tests(tests, policies, Schema.load("registration-request")).seen if tests else None
    return lint(policies, documents(policies), datetime.now(UTC), seen)


def _notice(finding: Lint, directory: Path) -> Notice:
    place = replace(finding.place, file=str(directory / finding.place.file))
    return Notice(finding.id, Level(finding.severity), finding.message, place, finding.path)


def _report(
    policies: PolicySet, tests: list[Test], notices: tuple[Notice, ...], failing: frozenset[Level], directory: Path
) -> Report:
    cost = costs(policies, documents(policies))
    return Report(
        command=COMMAND,
        passed=not any(notice.level in failing for notice in notices),
        notices=notices,
        rules={lint: kind.summary for lint, kind in LINTS.items()},
        files=tuple(str(directory / file) for file in policies.files),
        failing=failing,
        summary=(*_summary(policies, tests), *_cost_lines(cost, directory), _count(notices)),
        facts={
            "policies": policies.name,
            "revision": policies.revision,
            "tests": len(tests),
            "cost": _cost_facts(cost, directory),
        },
    )


def _summary(policies: PolicySet, tests: list[Test]) -> tuple[str, str]:
    counts = (
        _counted(len(policies.profiles), "profile"),
        _counted(len(policies.guardrails), "guardrail"),
        _counted(len(tests), "test"),
    )
    return f"{policies.name}: {', '.join(counts)}", f"revision {policies.revision}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _cost_lines(cost: Cost, directory: Path) -> tuple[str, ...]:
    if not cost.rules:
        return ()
    dearest = [
        f"{rule.steps:>12,}  {rule.rule}  {directory / rule.place.file}:{rule.place.line}" for rule in cost.rules[:_DEAREST]
    ]
    return f"cost of a decision: at most {cost.decision:,} steps ({cost.profile}), the dearest of them", *dearest


def _count(notices: tuple[Notice, ...]) -> str:
    counts = {level: sum(notice.level is level for notice in notices) for level in Level}
    return ", ".join(_counted(count, level) for level, count in counts.items())


def _cost_facts(cost: Cost, directory: Path) -> dict[str, object]:
    rules = [
        {"rule": rule.rule, "steps": rule.steps, "file": str(directory / rule.place.file), "line": rule.place.line}
        for rule in cost.rules
    ]
    return {"decision": cost.decision, "profile": cost.profile, "budget": BUDGET, "expressions": rules}
