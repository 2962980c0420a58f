"""`registrar policy replay`."""

import json
import sys
from itertools import islice

import click

from registrar.cli.policy import tallies
from registrar.cli.policy.recorded import CHANGED, Selection, Tree, selection_options, store_or_leave, tree_or_leave
from registrar.review.replay import Kind
from registrar.schema import Schema
from registrar.service import review as reviews
from registrar.service.review import Review, Revisions
from registrar.store import OUTCOMES, Outcome


@click.command()
@click.argument("new", metavar="[NEW]", required=False)
@selection_options
@click.option("--verify", is_flag=True, help="Instead of NEW: each record under the policy revision that it names.")
@click.option("--result", type=click.Choice(OUTCOMES), help="Look at decisions of this result only.")
@click.option(
    "--fail-on", type=click.Choice(["deny", "allow", "any"]), help="Exit 4 on allow -> deny, deny -> allow, or anything."
)
@click.option(
    "--format", "form", type=click.Choice(["pretty", "json"]), default="pretty", show_default=True, help="How to print."
)
def replay(
    new: str | None, *, selection: Selection, verify: bool, result: Outcome | None, fail_on: str | None, form: str
) -> None:
    """Decide recorded requests again under the tree NEW, and count what would have come out otherwise.

    NEW is a directory, or REVISION:PATH for a tree in git. Requests are decided as of the moment when they came, the newest
    first. The database is only read: a server may be at work on it. Values of clients are shown: this is for your own eyes.

    With --verify, each record is decided by the revision that it names, from the files that the database keeps, and has to come
    out exactly as it is recorded. Whether somebody changed the journal of records itself, `registrar db verify` says.

    Exits 0, 1 when the database cannot be read, 3 when NEW does not load, and 4 when --fail-on names what was found (any: also a
    record that cannot be decided again), or --verify finds a record that comes out otherwise or cannot be decided again.
    """
    if verify == (new is not None):
        raise click.UsageError("give a tree NEW, or --verify")
    if verify and fail_on:
        raise click.UsageError("--fail-on is about NEW: --verify always fails on a difference")
    tree = None if new is None else tree_or_leave(new)
    with store_or_leave(selection) as store:
        pairs = islice(store.decisions(since=selection.epoch, results=[result] if result else OUTCOMES), selection.limit)
        if tree is None:
            review = reviews.verify(pairs, Revisions(store, Schema.load("policy")))
        else:
            review = reviews.replay(pairs, tree.policies, Schema.load("registration-request"))
    _print(tree, selection, review, form)
    if _fails(review, "any" if verify else fail_on):
        sys.exit(CHANGED)


def _fails(review: Review, fail_on: str | None) -> bool:
    match fail_on:
        case "deny":
            return review.tally.kinds[Kind.REFUSED] > 0
        case "allow":
            return review.tally.kinds[Kind.ADMITTED] > 0
        case "any":
            return bool(review.tally.groups or review.skipped)
    return False


def _print(tree: Tree | None, selection: Selection, review: Review, form: str) -> None:
    if form == "json":
        about = {"command": "policy replay", **tallies.about(selection, tree)}
        click.echo(json.dumps({**about, **tallies.record(review, "decision_id")}, indent=2))
        return
    for line in (*tallies.header(selection, tree), *tallies.totals(review, "decisions")):
        click.echo(line)
