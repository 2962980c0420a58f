"""For people: `file:line:column: level: message [rule]`, the tests that failed, and a summary."""

from collections.abc import Iterator

import click

from registrar.cli.reports.report import Level, Notice, Report, Suite

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}


def render(report: Report, *, colour: bool) -> str:
    """The lines of `report`, with escape sequences for colours when `colour`."""
    text = "\n".join(_lines(report.printable()))
    return text if colour else click.unstyle(text)


def _lines(report: Report) -> Iterator[str]:
    for suite in report.suites:
        yield from _failures(suite)
    yield from map(_notice, report.notices)
    yield from report.summary


def _failures(suite: Suite) -> Iterator[str]:
    for case in suite.cases:
        if case.failures:
            yield f"{click.style('FAILED', fg='red')} {case.place}: {suite.name}: {case.name}"
            yield from (f"  {failure}" for failure in case.failures)


def _notice(notice: Notice) -> str:
    where = f"{notice.path}: " if notice.path else ""
    level = click.style(str(notice.level), fg=_COLOURS[notice.level])
    return f"{notice.place}: {level}: {where}{notice.message} [{notice.rule}]"
