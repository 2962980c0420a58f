"""`registrar client disable`, `enable`, `delete` and `rotate-secret`."""

import getpass
import os
from collections.abc import Callable
from typing import TypeVar

import click

from registrar.app import create_clients
from registrar.cli.configured import database_options, store_or_leave
from registrar.cli.exits import USAGE, leave
from registrar.cli.policy.values import printable
from registrar.cli.tables import moment
from registrar.service import Clients, GoneError, NoSecretError, UnknownClientError
from registrar.settings import Settings
from registrar.store import ChangedError

T = TypeVar("T")


@click.command()
@click.argument("client_id", metavar="ID")
@database_options
def disable(client_id: str, *, settings: Settings) -> None:
    """Keep the client with this ID from being used, until it is enabled.

    Authorization servers that ask about it are told. Exits 2 when there is no such client.
    """
    done = _with(settings, client_id, lambda clients: clients.disable(client_id, by=_operator()))
    click.echo(f"client {client_id} is disabled" if done else f"client {client_id} was disabled already")


@click.command()
@click.argument("client_id", metavar="ID")
@database_options
def enable(client_id: str, *, settings: Settings) -> None:
    """Let the client with this ID be used again. Exits 2 when there is no such client."""
    done = _with(settings, client_id, lambda clients: clients.enable(client_id, by=_operator()))
    click.echo(f"client {client_id} is enabled" if done else f"client {client_id} was enabled already")


@click.command()
@click.argument("client_id", metavar="ID")
@database_options
def delete(client_id: str, *, settings: Settings) -> None:
    """End the client with this ID for good, without asking again: its id, secret and token are void at once.

    A tombstone stays for auditors, and nobody gets the id again. `disable` can be undone. Exits 2 when there is no such client.
    """
    done = _with(settings, client_id, lambda clients: clients.delete(client_id, by=_operator()))
    click.echo(f"client {client_id} is deleted" if done else f"client {client_id} was ended by somebody else just now")


@click.command("rotate-secret")
@click.argument("client_id", metavar="ID")
@click.option("--keep-previous", is_flag=True, help="Let the old secret work until the new one is first used.")
@database_options
def rotate_secret(client_id: str, *, keep_previous: bool, settings: Settings) -> None:
    """Give the client with this ID another secret, and print it, once. The old one is void at once, as it may have leaked.

    Standard output has the secret alone, so that it can be piped. Exits 2 when there is no such client, or it needs no secret.
    """
    secret = _with(
        settings, client_id, lambda clients: clients.rotate_secret(client_id, by=_operator(), keep_previous=keep_previous)
    )
    click.echo(secret.text)
    click.echo(f"registrar: secret of client {client_id}, expires: {moment(secret.expires_at)}; it is not shown again", err=True)


def _with(settings: Settings, client_id: str, do: Callable[[Clients], T]) -> T:
    """What `do` answers about the client; exits 2 when there is none."""
    with store_or_leave(settings) as store:
        try:
            return do(create_clients(store))
        except UnknownClientError:
            leave(USAGE, f"there never was a client {printable(client_id[:80])}")
        except GoneError as gone:
            leave(USAGE, f"client {gone.client.client_id} is {gone.client.status} already")
        except (ChangedError, NoSecretError) as error:
            leave(USAGE, str(error))


def _operator() -> str:
    """Who the journal says it was."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user of no name, as in many containers
        name = str(os.getuid())
    return f"command line ({name})"
