"""`registrar limits`: how much of the policy's limits is used."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from registrar.cli.configured import store_to_read_or_leave, tree_and_database_options
from registrar.cli.exits import USAGE, leave
from registrar.cli.judging import policies_or_leave, tell_tree
from registrar.cli.tables import form_option, table
from registrar.errors import did_you_mean
from registrar.policy import PolicySet
from registrar.service.usage import KeyUsage, LimitUsage, limit_usage
from registrar.settings import Settings

_HEAD = ("LIMIT", "KEY", "MEASURE", "USED", "OF", "ROOM AGAIN IN")


@click.group()
def limits() -> None:
    """See what the policy's limits count."""


@limits.command()
@click.argument("names", metavar="[LIMIT]...", nargs=-1)
@click.option("--top", metavar="N", type=click.IntRange(1, 10_000), default=10, show_default=True, help="Keys of each limit.")
@form_option
@tree_and_database_options
def show(names: tuple[str, ...], *, top: int, form: str, settings: Settings) -> None:
    """Show how much of each LIMIT (DOCUMENT/ID, as in registration/per-source) is used, or of all of them.

    For each limit the keys that use most of it, the most first. OF is what the limit itself allows: an override for a network
    may allow more, a reserve less. The database is only read, and every key in it: with millions of them that takes a while.

    What a limit allows is looked up in the policy tree of the settings; a warning says when servers have another one in force.

    Exits 2 for a limit that neither the policy nor the database knows, 3 when the policy tree does not load.
    """
    policies = policies_or_leave(settings)
    with store_to_read_or_leave(settings) as store:
        found = limit_usage(policies, store, datetime.now(UTC).timestamp(), limits=names or None, most=top)
        _refuse_unknown(found, policies)
        tell_tree(settings, policies, store)
    if form == "json":
        click.echo(json.dumps({"limits": [_record(limit) for limit in found]}, indent=2))
        return
    if not found:
        click.echo("the policy has no limits, and none was ever counted")
    for line in table(_HEAD, (row for limit in found for row in _rows(limit))):
        click.echo(line)


def _refuse_unknown(found: tuple[LimitUsage, ...], policies: PolicySet) -> None:
    for limit in found:
        if limit.ceilings is None and not limit.keys:
            hint = did_you_mean(limit.limit, [known.rule for known in policies.limits])
            leave(USAGE, f'there is no limit "{limit.limit}"{hint}')


def _rows(limit: LimitUsage) -> Iterator[tuple[object, ...]]:
    if not limit.keys:
        yield limit.limit, "", "", 0, "", ""
    for key in limit.keys:
        yield from _of_key(limit.limit, key)


def _of_key(limit: str, key: KeyUsage) -> Iterator[tuple[object, ...]]:
    for usage in key.usages:
        again = f"{usage.resets_in} s" if usage.resets_in and not usage.remaining else ""
        yield limit, usage.key, usage.measure, usage.used, usage.of, again
    if not key.usages:
        yield limit, key.counted.key, "", key.counted.most, "not in the policy", ""


def _record(limit: LimitUsage) -> dict[str, Any]:
    """`resets_in`: seconds until there is room for one more than now, 0 when nobody knows."""
    return {
        "limit": limit.limit,
        "allows": limit.ceilings and asdict(limit.ceilings),
        "keys": [
            {
                "key": key.counted.key,
                "usage": [
                    {"measure": usage.measure, "used": usage.used, "of": usage.of, "resets_in": usage.resets_in}
                    for usage in key.usages
                ],
            }
            for key in limit.keys
        ],
    }
