"""For GitHub Actions: workflow commands, which it shows beside the lines that they are about."""

from collections.abc import Iterator
from pathlib import Path

from registrar.cli.reports.places import relative
from registrar.cli.reports.report import Level, Notice, Report

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
# docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of @actions/core. % comes first.
_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, (":", "%3A"), (",", "%2C"))


def render(report: Report, root: Path) -> str:
    """One command for each notice and each failed test, then the summary; files are relative to `root`, "" is none."""
    return "\n".join(_lines(report, root))


def _lines(report: Report, root: Path) -> Iterator[str]:
    for notice in report.everything():
        yield _command(notice, root)
    yield from report.printable().summary


def _command(notice: Notice, root: Path) -> str:
    place = notice.place
    where = {"file": relative(place.file, root), "line": str(place.line), "col": str(place.column)} if place.file else {}
    properties = {**where, "title": notice.rule}
    written = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    return f"::{_COMMANDS[notice.level]} {written}::{_escaped(notice.message, _DATA)}"


def _escaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for character, escape in escapes:
        text = text.replace(character, escape)
    return text
