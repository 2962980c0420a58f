"""`registrar policy eval`."""

from pathlib import Path

import click

from registrar.bundled import bundled
from registrar.cel import CompileError, EvaluationError, Expression, compile_expression
from registrar.cli.exits import BROKEN_TREE, UNEXPECTED, USAGE, leave
from registrar.cli.policy.request import Request, load_policies_or_leave, request_options
from registrar.cli.policy.traces import lines
from registrar.cli.policy.values import one_line, pointed, position, printable
from registrar.errors import did_you_mean
from registrar.policy import Facts, MalformedError, PolicySet
from registrar.review.explain import limit_documents, view
from registrar.review.views import View, origin


@click.command("eval")
@click.argument("text", metavar="EXPR")
@request_options
@click.option(
    "--policies",
    "directory",
    metavar="DIR",
    default=lambda: bundled("policies"),
    type=click.Path(path_type=Path),
    help="Policy tree.  [default: the one that ships with the program]",
)
@click.option("--in", "document", metavar="NAME", default="", help="See what a rule of this document sees.")
@click.option("--trace", is_flag=True, help="Print the value of every part of the expression as well.")
def evaluate(text: str, *, request: Request, directory: Path, document: str, trace: bool) -> None:
    """Evaluate the expression EXPR over a request: its value as JSON, then its type.

    It sees the constants of the tree, and what a match condition sees: the document as it was sent. With --in it sees what a
    validation of that profile or guardrail, or a limit of that document, does: the variables there, and the client as the profile
    changes it. Without a request the document is empty.

    Exits 0 with a value, 1 when there is none, 2 when the request cannot be used, 3 when EXPR or the tree is wrong.
    """
    policies = load_policies_or_leave(directory)
    _check_document(policies, document)
    seen = view(policies, _facts(request, policies), document)
    expression = _compiled(text, seen)
    try:
        shown = one_line(expression.evaluate(seen.bind()), expression.type)
    except EvaluationError as error:
        _trace(expression, seen, wanted=trace)
        leave(UNEXPECTED, f"the expression has no value: {error.reason}", _places(origin(error, seen.trace(expression)), text))
    _trace(expression, seen, wanted=trace)
    click.echo(shown)
    click.echo(str(expression.type))


def _check_document(policies: PolicySet, name: str) -> None:
    profiles = [profile.book.name for profile in policies.profiles]
    names = [*profiles, *(guardrail.book.name for guardrail in policies.guardrails), *limit_documents(policies)]
    if name and name not in names:
        hint = did_you_mean(name, names) or f"; there are {', '.join(names)}"
        raise click.BadParameter(f'there is no profile, guardrail or limits document "{name}"{hint}', param_hint="'--in'")


def _facts(request: Request, policies: PolicySet) -> Facts:
    try:
        return request.facts(policies)
    except MalformedError as error:
        leave(USAGE, f"{request.name} is no registration document:", (fault.message for fault in error.faults))


def _compiled(text: str, seen: View) -> Expression:
    try:
        return compile_expression(text, seen.scope)
    except CompileError as error:
        details = [
            line
            for problem in error.problems
            for line in (f"{position(text, problem.offset)}: {problem.message}", *_pointed(text, problem.offset))
        ]
        leave(BROKEN_TREE, "the expression does not compile:", details)


def _trace(expression: Expression, seen: View, *, wanted: bool) -> None:
    if wanted:
        for line in lines(seen.trace(expression)):
            click.echo(line)


def _places(offset: int, text: str) -> list[str]:
    return [f"at {position(text, offset)}", *_pointed(text, offset)]


def _pointed(text: str, offset: int) -> list[str]:
    return [f"  {printable(line)}" for line in pointed(text, offset)]
