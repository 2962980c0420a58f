"""`registrar policy diff`."""

import sys
from typing import NoReturn

import click

from registrar.cli.exits import ACCESS_WIDENED, BROKEN_TREE, USAGE, leave
from registrar.cli.policy.revisions import RevisionError, Stored, read_stored
from registrar.cli.reports import Format, Level, Notice, Report, broken, emit, format_option
from registrar.errors import LoadError, Place, Problem
from registrar.policy import PolicySet, compile_tree
from registrar.policy.tree import start_of
from registrar.review.difference import Difference, Direction, Side, compare
from registrar.schema import Schema

_KINDS = {
    Direction.WIDER: "Somebody can have a client that nobody could have before",
    Direction.MAY_WIDEN: "It cannot be ruled out that somebody can have a client that nobody could have before",
    Direction.NARROWER: "Fewer clients are possible, or they can do less",
    Direction.NEUTRAL: "A difference that decides nothing",
}


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--path", metavar="PATH", help="Where the tree is in the repository, for a revision that does not say it.")
@click.option("--no-new-access", is_flag=True, help="Fail when anything widens, or may widen.")
@format_option
def diff(old: str, new: str, path: str | None, *, no_new_access: bool, style: Format) -> None:
    """What widens and what narrows from the tree OLD to the tree NEW.

    Each is a directory, or a git revision: REVISION:PATH, or REVISION with --path.

    Exits 0, 3 when one of the trees does not load, 5 when something widens or may widen and --no-new-access is given.
    """
    stored = _read(old, path, style), _read(new, path, style)
    trees = _compile(stored[0], style), _compile(stored[1], style)
    report = _report(stored, trees, style, strict=no_new_access)
    emit(report, style)
    if not report.passed:
        sys.exit(ACCESS_WIDENED)


def _read(text: str, path: str | None, style: Format) -> Stored:
    try:
        return read_stored(text, path)
    except RevisionError as error:
        leave(USAGE, str(error))
    except LoadError as error:
        _leave_broken(Stored(text, {}), error, style)


def _compile(stored: Stored, style: Format) -> PolicySet:
    try:
        return compile_tree(stored.files, Schema.load("policy"))
    except LoadError as error:
        _leave_broken(stored, error, style)


def _leave_broken(stored: Stored, error: LoadError, style: Format) -> NoReturn:
    problems = tuple(Problem(stored.place(problem.place), problem.path, problem.message) for problem in error.problems)
    if style is Format.PRETTY:
        leave(BROKEN_TREE, f"the policy tree {stored.name} does not load:", problems)
    emit(broken("policy diff", problems), style)
    sys.exit(BROKEN_TREE)


def _report(stored: tuple[Stored, Stored], trees: tuple[PolicySet, PolicySet], style: Format, *, strict: bool) -> Report:
    differences = compare(*trees)
    counts = {str(direction): sum(difference.direction is direction for difference in differences) for direction in Direction}
    widens = any(difference.direction.widens for difference in differences)
    return Report(
        command="policy diff",
        passed=not (widens and strict),
        notices=tuple(_notice(difference, stored, style, strict=strict) for difference in differences),
        rules={_rule(direction): words for direction, words in _KINDS.items()},
        summary=_summary(trees, counts),
        facts={
            "old": {"tree": stored[0].name, "revision": trees[0].revision},
            "new": {"tree": stored[1].name, "revision": trees[1].revision},
            "widens": widens,
            "counts": {_rule(direction): counts[direction] for direction in Direction},
            "differences": [_record(difference, stored) for difference in differences],
        },
    )


def _rule(direction: Direction) -> str:
    return direction.replace(" ", "-")


def _notice(difference: Difference, stored: tuple[Stored, Stored], style: Format, *, strict: bool) -> Notice:
    level = (Level.ERROR if strict else Level.WARNING) if difference.direction.widens else Level.NOTE
    rule, message = _rule(difference.direction), difference.message + _values(difference)
    if style not in (Format.PRETTY, Format.JSON):  # the others show no path beside the message
        message = f"{difference.subject}: {message}"
    place = _beside(difference, stored[1]) if style is Format.GITHUB else _place(difference, stored)
    return Notice(rule, level, message, place, difference.subject)


def _place(difference: Difference, stored: tuple[Stored, Stored]) -> Place:
    return stored[difference.side is Side.NEW].place(difference.place)


def _beside(difference: Difference, new: Stored) -> Place:
    """Where GitHub can show it: it has checked out the new tree, so what is gone stands at its file, or at none."""
    if difference.side is Side.NEW:
        return new.in_checkout(difference.place)
    file = difference.place.file
    return new.in_checkout(start_of(file)) if file in new.files else start_of("")


def _values(difference: Difference) -> str:
    if not difference.old and not difference.new:
        return ""
    return f": {difference.old or 'nothing'} -> {difference.new or 'nothing'}"


def _record(difference: Difference, stored: tuple[Stored, Stored]) -> dict[str, object]:
    place = _place(difference, stored)
    return {
        "direction": _rule(difference.direction),
        "subject": difference.subject,
        "message": difference.message,
        "old": difference.old,
        "new": difference.new,
        "side": difference.side,
        "file": place.file,
        "line": place.line,
        "column": place.column,
    }


def _summary(trees: tuple[PolicySet, PolicySet], counts: dict[str, int]) -> tuple[str, ...]:
    old, new = trees
    if old.revision == new.revision:
        return (f"the same revision, {old.revision}",)
    words = ", ".join(f"{count} {direction}" for direction, count in counts.items() if count)
    same = "another revision, but no difference in what it says: only comments, layout or tests"
    return (words or same, f"{old.revision} -> {new.revision}")
