"""`registrar policy check`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from registrar.cel import BUDGET
from registrar.cli.exits import BROKEN_TREE
from registrar.cli.policy.tree import directory
from registrar.cli.reports import Format, Level, Notice, Report, emit, format_option, load_or_report
from registrar.documents import Document
from registrar.policy import PolicySet, Test, run_tests
from registrar.policy.sources import documents
from registrar.review.lint import LINTS, Cost, Lint, costs, lint
from registrar.schema import Schema

COMMAND = "policy check"
_DEAREST = 3


# \b keeps click from filling the lines.
_EPILOG = "\b\nLints:\n" + "\n".join(f"  {lint} ({kind.severity}): {kind.summary}" for lint, kind in LINTS.items())


@click.command(epilog=_EPILOG)
@directory
@click.option("--strict", is_flag=True, help="Let a warning count as an error; a note never does.")
@format_option
def check(directory: Path, style: Format, *, strict: bool) -> None:
    """Load the tree in DIR (the shipped one, if none is given) with its test suites, and report its mistakes or every doubt.

    Mistakes are told together, but for those in the expressions of a document, or of a tree, whose form is wrong to begin with.

    A doubt is silenced in the document that it is about, by its id: annotations {registrar.lint/ignore: "host-wildcard"}.

    Exits 0 when the tree loads without an error, 3 otherwise; with --strict, a warning is an error.
    """
    policies, tests = load_or_report(directory, COMMAND, style)
    failing = frozenset({Level.ERROR, Level.WARNING} if strict else {Level.ERROR})
    report = _Checked(directory, policies, tests, documents(policies)).report(failing)
    emit(report, style)
    if not report.passed:
        raise SystemExit(BROKEN_TREE)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A tree that loads, and what there is to say about it."""

    directory: Path
    policies: PolicySet
    tests: list[Test]
    documents: Mapping[str, Document]

    def report(self, failing: frozenset[Level]) -> Report:
        notices = tuple(map(self._notice, self._lints()))
        cost = costs(self.policies, self.documents)
        return Report(
            command=COMMAND,
            passed=not any(notice.level in failing for notice in notices),
            notices=notices,
            rules={lint: kind.summary for lint, kind in LINTS.items()},
            files=tuple(map(self._located, self.policies.files)),
            failing=failing,
            summary=(*self._size(), *self._cost_lines(cost), _count(notices)),
            facts={
                "policies": self.policies.name,
                "revision": self.policies.revision,
                "tests": len(self.tests),
                "cost": self._cost_facts(cost),
            },
        )

    def _lints(self) -> tuple[Lint, ...]:
        seen = run_tests(self.tests, self.policies, Schema.load("registration-request")).seen if self.tests else None
        return lint(self.policies, self.documents, datetime.now(UTC), seen)

    def _notice(self, finding: Lint) -> Notice:
        place = replace(finding.place, file=self._located(finding.place.file))
        return Notice(finding.id, Level(finding.severity), finding.message, place, finding.path)

    def _located(self, file: str) -> str:
        return str(self.directory / file)

    def _size(self) -> tuple[str, str]:
        policies = self.policies
        numbers = {"profile": policies.profiles, "guardrail": policies.guardrails, "limit": policies.limits, "test": self.tests}
        counts = ", ".join(_counted(len(things), noun) for noun, things in numbers.items())
        return f"{self.policies.name}: {counts}", f"revision {self.policies.revision}"

    def _cost_lines(self, cost: Cost) -> tuple[str, ...]:
        if not cost.rules:
            return ()
        dearest = [
            f"{rule.steps:>12,}  {rule.rule}  {self._located(rule.place.file)}:{rule.place.line}"
            for rule in cost.rules[:_DEAREST]
        ]
        return f"cost of a decision: at most {cost.decision:,} steps ({cost.profile}), the dearest of them", *dearest

    def _cost_facts(self, cost: Cost) -> dict[str, object]:
        rules = [
            {"rule": rule.rule, "steps": rule.steps, "file": self._located(rule.place.file), "line": rule.place.line}
            for rule in cost.rules
        ]
        return {"decision": cost.decision, "profile": cost.profile, "budget": BUDGET, "expressions": rules}


def _count(notices: tuple[Notice, ...]) -> str:
    counts = {level: sum(notice.level is level for notice in notices) for level in Level}
    return ", ".join(_counted(count, level) for level, count in counts.items())


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
