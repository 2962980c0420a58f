"""`registrar db`: the schema of the database."""

import json
import sys

import click

from registrar.cli.configured import database_options, store_or_leave, using
from registrar.cli.exits import TESTS_FAILED
from registrar.cli.tables import form_option
from registrar.settings import Settings
from registrar.store import SchemaTooNew, shown, status


@click.group()
def db() -> None:
    """See and migrate the schema of the database.

    `registrar serve` migrates by itself when it starts; these are for whoever wants to do it before, or to know whether it will.
    """


@db.command("status")
@click.option("--check", is_flag=True, help="Exit 4 when there is something to migrate.")
@form_option
@database_options
def show_status(*, check: bool, form: str, settings: Settings) -> None:
    """Show which version the schema of the database has, and which migrations this release would apply. Changes nothing.

    Exits 1 when the database cannot be read, is not there, or was migrated by a newer release.
    """
    with using(settings):
        found = status(settings.database_url)
        if form == "json":
            click.echo(json.dumps({"version": found.version, "newest": found.newest, "pending": list(found.pending)}, indent=2))
        else:
            click.echo(f"database  {shown(settings.database_url)}")
            click.echo(f"schema    {found.version or 'empty'}, this release has {found.newest}")
            click.echo(f"pending   {', '.join(found.pending) or 'nothing'}")
        if found.version > found.newest:
            raise SchemaTooNew(f"its schema version {found.version} is of a newer release: upgrade this one")
    if check and found.pending:
        sys.exit(TESTS_FAILED)


@db.command()
@database_options
def migrate(*, settings: Settings) -> None:
    """Bring the database to the schema of this release, or make an empty one. Does nothing to one that is there already.

    Each migration happens whole or not at all, and one that was interrupted is done again. Make a backup before: there is no way
    back to an older release. Exits 1 when the database cannot be used, or was migrated by a newer release.
    """
    with store_or_leave(settings) as store:
        for name in store.applied:
            click.echo(f"applied {name}")
        if not store.applied:
            click.echo("nothing to migrate")
