"""`registrar client list`."""

import json
import math
from datetime import UTC, datetime

import click

from registrar.cli.configured import database_options, store_to_read_or_leave
from registrar.cli.moments import since as since_option
from registrar.cli.tables import form_option, moment, table
from registrar.http.private.documents import client_record
from registrar.service.clients import as_of
from registrar.settings import Settings
from registrar.store import STATUSES, Client, Status

_NAME = 40  # characters of a client's name


@click.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only clients of this status.")
@click.option("--profile", metavar="NAME", help="Only clients that this profile admitted.")
@click.option("--since", metavar="WHEN", callback=since_option, help="Only later ones: 2026-10-01T12:00:00Z, or 30d ago.")
@click.option("--limit", metavar="N", type=click.IntRange(1, 10_000), default=100, show_default=True, help="So many at most.")
@click.option("--after", metavar="ID", default="", help="Go on after this client, the last of another list.")
@form_option
@database_options
def list_clients(
    *, status: Status | None, profile: str | None, since: datetime | None, limit: int, after: str, form: str, settings: Settings
) -> None:
    """List clients, the newest first. Those that are deleted or expired are among them, unless --status says otherwise."""
    start = math.ceil(since.timestamp()) if since else 0
    with store_to_read_or_leave(settings) as store:
        if after and store.client(after) is None:
            raise click.BadParameter("there is no such client", param_hint="--after")
        page = store.page(after=after, limit=limit, status=status, profile=profile, since=start)
    now = int(datetime.now(UTC).timestamp())
    clients = [as_of(client, now) for client in page]
    following = clients[-1].client_id if len(clients) == limit else ""
    if form == "json":
        more = {"next": following} if following else {}
        click.echo(json.dumps({"clients": [client_record(client) for client in clients], **more}, indent=2))
        return
    for line in table(("CLIENT ID", "STATUS", "PROFILE", "REGISTERED", "LAST USED", "NAME"), map(_row, clients)):
        click.echo(line)
    if following:
        click.echo(f"there may be more: --after {following}", err=True)


def _row(client: Client) -> tuple[object, ...]:
    name = str(client.metadata.get("client_name", ""))
    return (
        client.client_id,
        client.status,
        client.profile,
        moment(client.issued_at),
        moment(client.last_seen_at),
        name if len(name) <= _NAME else f"{name[: _NAME - 3]}...",
    )
