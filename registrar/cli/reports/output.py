"""Where reports go: the `--format` option, and standard output."""

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from registrar.cli.exits import BROKEN_TREE, leave
from registrar.cli.reports import github, jsontext, junit, pretty, sarif
from registrar.cli.reports.report import Level, Notice, Report
from registrar.errors import LoadError, Problem
from registrar.policy import PolicySet, Test, load_with_tests
from registrar.schema import Schema

BROKEN = "broken-tree"


class Format(StrEnum):
    """How a report is written."""

    PRETTY = "pretty"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The `--format` option; the command gets it as `style`."""
    return click.option(
        "--format",
        "style",
        type=click.Choice([str(style) for style in Format]),
        default=str(Format.PRETTY),
        show_default=True,
        callback=lambda _context, _option, value: Format(value),
        help="For people, or for what runs the command.",
    )(command)


def emit(report: Report, style: Format) -> None:
    """Print `report`. Colours are for a terminal, and for nobody who set NO_COLOR (no-color.org)."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    text = rendered(report, style, Path.cwd(), colour=colour)
    if text:
        click.echo(text, color=colour)


def rendered(report: Report, style: Format, root: Path, *, colour: bool = False) -> str:
    """`report` in the format `style`; files inside the directory `root` are named relative to it where programs read them."""
    match style:
        case Format.PRETTY:
            return pretty.render(report, colour=colour)
        case Format.JSON:
            return jsontext.render(report)
        case Format.SARIF:
            return sarif.render(report, root)
        case Format.JUNIT:
            return junit.render(report, root)
        case Format.GITHUB:
            return github.render(report, root)


def load_or_report(directory: Path, command: str, style: Format) -> tuple[PolicySet, list[Test]]:
    """The tree in `directory` and its tests. When it does not load, every mistake is reported, and the program exits 3."""
    try:
        return load_with_tests(directory, Schema.load("policy"))
    except LoadError as error:
        if style is Format.PRETTY:
            leave(BROKEN_TREE, f"the policy tree {directory} does not load:", error.problems)
        emit(broken(command, error.problems), style)
        sys.exit(BROKEN_TREE)


def broken(command: str, problems: tuple[Problem, ...]) -> Report:
    """The report of a command whose tree does not load."""
    return Report(
        command=command,
        passed=False,
        notices=tuple(Notice(BROKEN, Level.ERROR, problem.message, problem.place, problem.path) for problem in problems),
        rules={BROKEN: "A mistake for which the policy tree does not load"},
    )
