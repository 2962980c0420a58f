"""`registrar client`: what an operator does with the clients that there are. One module for each kind of command."""

import click

from registrar.cli.client.bring import bring
from registrar.cli.client.change import delete, disable, enable, rotate_secret
from registrar.cli.client.list import list_clients
from registrar.cli.client.show import show

__all__ = ["client"]


@click.group()
def client() -> None:
    """List, show and end clients, and bring static ones.

    All of it works beside a running server, on the same database.
    """


client.add_command(bring)
client.add_command(delete)
client.add_command(disable)
client.add_command(enable)
client.add_command(list_clients)
client.add_command(rotate_secret)
client.add_command(show)
