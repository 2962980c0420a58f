"""`registrar policy scan`."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click

from registrar.cli.policy import tallies
from registrar.cli.policy.recorded import CHANGED, Selection, Tree, selection_options, store_or_leave, tree_or_leave
from registrar.cli.policy.values import one_line, paint, printable
from registrar.policy import PolicySet
from registrar.review.replay import Difference, Kind
from registrar.schema import Schema
from registrar.service import review as reviews
from registrar.service.review import Affected, Review
from registrar.store import Store

_NAME = 60  # characters of a client's name


@click.command()
@click.argument("new")
@selection_options
@click.option("--fail-on", type=click.Choice(["deny", "any"]), help="Exit 4 when NEW would refuse a client, or change one.")
@click.option(
    "--format", "form", type=click.Choice(["pretty", "json"]), default="pretty", show_default=True, help="How to print."
)
def scan(new: str, *, selection: Selection, fail_on: str | None, form: str) -> None:
    """List the registered clients that the tree NEW would refuse, or make something else of, if they came now.

    NEW is a directory, or REVISION:PATH for a tree in git. Clients that are active, and whose time is not over, are decided again
    from what was recorded when they registered, the oldest first; --since is about when they did. The database is only read, and
    no client is changed: a server may be at work on it.

    Exits 0, 1 when the database cannot be read, 3 when NEW does not load, and 4 when --fail-on names what was found (any: also a
    client that cannot be decided again).
    """
    tree = tree_or_leave(new)
    review = Review()
    with store_or_leave(selection) as store:
        affected = _affected(store, selection, tree.policies, review)
        printed = _print_record if form == "json" else _print_lines
        printed(tree, selection, affected, review)
    if _fails(review, fail_on):
        sys.exit(CHANGED)


def _affected(store: Store, selection: Selection, policies: PolicySet, review: Review) -> Iterator[Affected]:
    pairs = islice(store.clients(since=selection.epoch, statuses=["active"]), selection.limit)
    return reviews.scan(pairs, policies, Schema.load("registration-request"), datetime.now(UTC), review)


def _fails(review: Review, fail_on: str | None) -> bool:
    if fail_on == "deny":
        return review.tally.kinds[Kind.REFUSED] > 0
    return fail_on == "any" and bool(review.tally.groups or review.skipped)


def _print_lines(tree: Tree, selection: Selection, affected: Iterator[Affected], review: Review) -> None:
    """Client after client as they are found: there may be more of them than fit into memory."""
    for line in tallies.header(selection, tree):
        click.echo(line)
    for found in affected:
        click.echo(_line(found))
    for line in tallies.totals(review, "clients", listed=False):
        click.echo(line)


def _line(found: Affected) -> str:
    client = found.client
    word = paint("changed", "cyan") if found.outcome.allowed else paint("refused", "red")
    name = one_line(client.metadata.get("client_name", ""), limit=_NAME)
    reasons = "; ".join(_reason(difference) for difference in found.differences)
    return f"{word}  {printable(client.client_id)}  {name}  {printable(client.profile)}  {reasons}"


def _reason(difference: Difference) -> str:
    if difference.values is not None:
        return f"{printable(difference.name)} {tallies.change(difference.values)}"
    if difference.kind is Kind.REFUSED:
        return printable(difference.name) + (" (error)" if difference.new == "error" else "")
    return printable(f"{difference.name} {difference.old} -> {difference.new}")


def _print_record(tree: Tree, selection: Selection, affected: Iterator[Affected], review: Review) -> None:
    """One JSON object, written as the clients are found."""
    about = {"command": "policy scan", **tallies.about(selection, tree)}
    click.echo(json.dumps(about)[:-1] + ', "clients": [', nl=False)
    for number, found in enumerate(affected):
        click.echo(("," if number else "") + "\n" + json.dumps(_record(found)), nl=False)
    click.echo("\n], " + json.dumps(tallies.record(review, "client_id"))[1:])


def _record(found: Affected) -> dict[str, Any]:
    client = found.client
    return {
        "client_id": client.client_id,
        "client_name": client.metadata.get("client_name", ""),
        "profile": client.profile,
        "result": found.outcome.result,
        "rules": sorted(found.outcome.violations),
        "differences": [_difference(difference) for difference in found.differences],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    values = {} if difference.values is None else tallies.value_pair(difference.values)
    return {"kind": difference.kind, "name": difference.name, "old": difference.old, "new": difference.new, **values}
