"""For programs: everything that a command found, as one JSON object."""

import json
from dataclasses import asdict

from registrar.cli.reports.report import Case, Notice, Report, Suite


def render(report: Report) -> str:
    """`{command, passed, findings, suites, …}`; lines and columns count from 1."""
    document: dict[str, object] = {
        "command": report.command,
        "passed": report.passed,
        "findings": [_finding(notice) for notice in report.notices],
        "suites": [_suite(suite) for suite in report.suites],
        **report.facts,
    }
    return json.dumps(document, indent=2)


def _finding(notice: Notice) -> dict[str, object]:
    return {"rule": notice.rule, "level": notice.level, "message": notice.message, "path": notice.path, **asdict(notice.place)}


def _suite(suite: Suite) -> dict[str, object]:
    return {"name": suite.name, "file": suite.file, "tests": [_case(case) for case in suite.cases]}


def _case(case: Case) -> dict[str, object]:
    return {"name": case.name, "passed": not case.failures, "failures": list(case.failures), **asdict(case.place)}
