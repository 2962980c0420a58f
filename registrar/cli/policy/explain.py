"""`registrar policy explain`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from registrar.cli.policy import record
from registrar.cli.policy.answer import Answer, answer
from registrar.cli.policy.request import Request, load_policies_or_leave, request_options
from registrar.cli.policy.story import story
from registrar.cli.policy.tree import directory
from registrar.cli.policy.values import one_line, paint, plain, printable
from registrar.policy import MalformedError, PolicySet
from registrar.review.explain import Explanation
from registrar.review.explain import explain as explained


@click.command()
@directory
@request_options
@click.option("--verbose", is_flag=True, help="Show the parts of expressions that are true as well.")
@click.option(
    "--format", "form", type=click.Choice(["pretty", "json"]), default="pretty", show_default=True, help="How to print."
)
def explain(directory: Path, *, request: Request, verbose: bool, form: str) -> None:
    """Tell how the tree in DIR (the shipped one, if none is given) decides about a request, and why.

    Every condition and rule is shown with its value and its place in the tree; those that are not true, with the value of each of
    their parts. Values of the request are shown: this is for your own eyes.

    Exits 0 whatever the decision is, 2 when the request cannot be read, 3 when the tree does not load.
    """
    if not request.name:
        raise click.UsageError("there is nothing to explain: give --request FILE or --fixture NAME")
    policies = load_policies_or_leave(directory)
    outcome = _outcome(policies, request)
    if form == "json":
        click.echo(json.dumps({**_about(directory, policies, request), **_recorded(outcome, verbose=verbose)}, indent=2))
        return
    for line in (*_header(directory, policies, request), *_told(outcome, verbose=verbose)):
        click.echo(line)


def _outcome(policies: PolicySet, request: Request) -> Explanation | MalformedError:
    try:
        return explained(policies, request.facts(policies))
    except MalformedError as error:
        return error


def _about(directory: Path, policies: PolicySet, request: Request) -> dict[str, Any]:
    source = request.source
    return {
        "policies": {"directory": str(directory), "name": policies.name, "revision": policies.revision},
        "request": {
            "name": request.name,
            "submitted": request.body,
            "source": {**plain(source), "networks": policies.networks.locate(source.ip)},
            "token": plain(request.token) if request.token.present else None,
            "software_statement": plain(request.statement) if request.statement.present else None,
            "existing": {"profile": request.profile, "client": plain(request.existing)} if request.profile else None,
            "now": plain(request.now),
        },
    }


def _recorded(outcome: Explanation | MalformedError, *, verbose: bool) -> Mapping[str, Any]:
    if isinstance(outcome, MalformedError):
        return record.of_faults(outcome)
    return record.of_explanation(outcome, verbose=verbose)


def _header(directory: Path, policies: PolicySet, request: Request) -> Iterator[str]:
    networks = ", ".join(policies.networks.locate(request.source.ip))
    yield f"policies  {directory} ({policies.name}, {policies.revision})"
    yield f"request   {printable(request.name)}"
    yield f"source    {request.source.ip or 'unknown'}" + (f", in {networks}" if networks else "")
    if request.token.present:
        yield f"token     {printable(request.token.id)}"
    if request.statement.present:
        yield f"statement {printable(request.statement.issuer or 'of nobody in particular')}"
    if request.profile:
        yield f"existing  a client of {printable(request.profile)}"
    yield f"now       {plain(request.now)}"


def _told(outcome: Explanation | MalformedError, *, verbose: bool) -> Iterator[str]:
    if isinstance(outcome, MalformedError):
        yield f"intake    {paint('refused', 'red')}, no policy sees this document:"
        yield from (f"    {fault.message}" for fault in outcome.faults)
        yield from _answered(answer(outcome))
        return
    yield f"intake    {paint('well-formed', 'green')}, redirect URIs: {len(outcome.facts.redirects)}"
    yield from story(outcome, verbose=verbose)
    yield from _answered(answer(outcome.decision, outcome.facts.operation))


def _answered(given: Answer) -> Iterator[str]:
    yield f"\n{paint('answer', 'cyan', bold=True)}: {given.status}"
    if given.error:
        yield f"    error  {given.error}"
        yield f"    error_description  {one_line(given.description)}"
    else:
        yield f"    the effective client, with {' and '.join(given.credentials)}"
    yield from (f"    Registrar-Warning  {printable(text)}" for text in given.warnings)
