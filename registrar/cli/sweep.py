"""`registrar sweep`."""

import click

from registrar.app import create_sweeper
from registrar.cli.configured import database_options, store_or_leave
from registrar.settings import Settings


@click.command()
@database_options
def sweep(*, settings: Settings) -> None:
    """Expire the clients whose lifetime is over, or that nobody used for as long as their profile allows, and exit.

    `registrar serve` does the same by itself (`sweep_interval`): this is for cron, where that is 0 or no server runs. It may run
    beside servers; where another one is just sweeping, it does nothing. Clients past their end are no clients even before that.
    """
    with store_or_leave(settings) as store:
        swept = create_sweeper(store).run_once()
    click.echo(f"{swept} {'client' if swept == 1 else 'clients'} expired")
