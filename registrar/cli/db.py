"""`registrar db`: the schema of the database, and the journal in it."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from registrar.cli.configured import database_options, store_made_or_leave, store_to_read_or_leave, using
from registrar.cli.exits import TESTS_FAILED, USAGE, leave
from registrar.cli.heads import HeadsError, head_record, read_heads
from registrar.cli.tables import form_option, table
from registrar.settings import Settings
from registrar.store import ChainBreak, Head, SchemaTooNew, Verification, shown, status


@click.group()
def db() -> None:
    """See and migrate the schema of the database, and verify the journal in it.

    `registrar serve` migrates by itself when it starts; `status` and `migrate` are for whoever wants to do it before, or to know
    whether it will.
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
            raise SchemaTooNew(f"its schema version {found.version} is of a newer release: upgrade registrar")
    if check and found.pending:
        sys.exit(TESTS_FAILED)


@db.command()
@database_options
def migrate(*, settings: Settings) -> None:
    """Bring the database to the schema of this release, or make an empty one. Does nothing to one that is there already.

    Each migration happens whole or not at all, and one that was interrupted is done again. Make a backup before: there is no way
    back to an older release. Exits 1 when the database cannot be used, or was migrated by a newer release.
    """
    with store_made_or_leave(settings, upgrade=True) as store:
        for name in store.applied:
            click.echo(f"applied {name}")
        if not store.applied:
            click.echo("nothing to migrate")


@db.command()
@click.option("--against", metavar="FILE", type=click.Path(path_type=Path), help="Heads that were kept: an earlier JSON output.")
@form_option
@database_options
def verify(*, against: Path | None, form: str, settings: Settings) -> None:
    """Verify the journal of decisions: that no record was altered, removed or put in since it was written. Changes nothing.

    Each record has a hash over itself and the record before it; there is one such chain for SQLite, and on PostgreSQL one for
    each transaction that a process had at the same time. All are read from the beginning, also beside a running server.

    A chain cannot show that its newest records were cut off, or that it was written anew. So keep what `--format json` prints,
    which has the newest record of each chain and its hash, where nobody writes who writes to the database, and give that FILE
    the next time.

    Exits 0, 1 when the database cannot be read, 2 when FILE has no heads, 4 when the journal is not what it was.
    """
    kept = _heads(against) if against else ()
    with store_to_read_or_leave(settings) as store:
        found = store.verify()
        breaks = (*found.breaks, *store.missed(kept))
    if form == "json":
        click.echo(json.dumps(_record(found, breaks), indent=2))
    else:
        for line in table(
            ("JOURNAL", "NEWEST RECORD", "HASH"), ((head.journal, head.seq, head.hash.hex()) for head in found.heads)
        ):
            click.echo(line)
    if breaks:
        leave(TESTS_FAILED, "the journal is not what it was:", breaks)
    if form != "json":
        click.echo("1 record, in its place" if found.records == 1 else f"{found.records} records, each in its place")


def _heads(file: Path) -> tuple[Head, ...]:
    try:
        return read_heads(file)
    except HeadsError as error:
        leave(USAGE, str(error))


def _record(found: Verification, breaks: tuple[ChainBreak, ...]) -> dict[str, object]:
    """`heads` are those that the chains reach, whole."""
    return {
        "records": found.records,
        "heads": [head_record(head) for head in found.heads],
        "breaks": [asdict(flaw) for flaw in breaks],
    }
