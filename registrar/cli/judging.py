"""By which policy tree a command judges, and whether that is the one that servers have in force."""

import click

from registrar.app import load_policies
from registrar.cli.exits import BROKEN_TREE, leave
from registrar.cli.tables import moment
from registrar.errors import LoadError
from registrar.policy import PolicySet
from registrar.settings import Settings
from registrar.store import Store


def policies_or_leave(settings: Settings) -> PolicySet:
    """The policy tree of `settings`; exits 3 with every mistake in it when it does not load."""
    try:
        return load_policies(settings)
    except LoadError as error:
        leave(BROKEN_TREE, f"the policy tree {settings.policies} does not load:", error.problems)


def tell_tree(settings: Settings, policies: PolicySet, store: Store) -> None:
    """Say on stderr which tree judges, and warn when another one came into force last: a command shares no flags with a server.

    It is no error: a tree may be tried before it is served.
    """
    click.echo(f"registrar: by the policy tree {settings.policies}, revision {policies.revision}", err=True)
    for newest in store.activations()[-1:]:
        if newest.revision != policies.revision:
            since = moment(newest.activated_at)
            click.echo(f"registrar: warning: another tree is in force since {since}, revision {newest.revision}", err=True)
            click.echo("registrar: --policies says which tree judges here", err=True)
