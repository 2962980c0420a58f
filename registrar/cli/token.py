"""`registrar token`: the bearer tokens that this server asks for."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from registrar import wire
from registrar.app import create_tokens
from registrar.cli.configured import database_options, store_made_or_leave, store_or_leave, store_to_read_or_leave
from registrar.cli.exits import USAGE, leave
from registrar.cli.moments import lifetime as lifetime_option
from registrar.cli.tables import form_option, moment, table
from registrar.settings import Settings
from registrar.store import TOKEN_KINDS, TokenKind, TokenRecord

_LABEL: Final = re.compile(r"([A-Za-z0-9._/-]{1,63})=([^\x00-\x1f\x7f]{0,255})")


class _Kind(click.Choice[str]):
    """A kind of token; people may write it with a hyphen."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """`value` as the store names it."""
        return super().convert(str(value).replace("-", "_"), param, ctx)


@click.group()
def token() -> None:
    """Create, list and revoke tokens.

    An initial_access token lets clients register where the policy asks for one. With an authorization_server token an
    authorization server asks the private app about clients; with an admin token one changes them there, with an auditor token one
    reads.
    """


def _one_line(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if value and not value.isprintable():
        raise click.BadParameter("must be one line of printable characters")
    return value


def _scopes(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(scope for value in values for scope in wire.parse_scope(value)))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _labels(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for value in values:
        found = _LABEL.fullmatch(value)
        if found is None:
            raise click.BadParameter("must be NAME=VALUE, with a name of letters, digits and . _ / -")
        if found[1] in labels:
            raise click.BadParameter(f"has {found[1]} twice")
        labels[found[1]] = found[2]
    return labels


@token.command()
@click.argument("kind", metavar="KIND", type=_Kind(TOKEN_KINDS))
@click.option("--name", metavar="TEXT", default="", callback=_one_line, help="What people call it: who has it, what for.")
@click.option("--uses", metavar="N", type=click.IntRange(min=1), help="Registrations that it admits.  [default: any number]")
@click.option(
    "--expires-in", "lifetime", metavar="TIME", callback=lifetime_option, help="How long it lasts: 30d, 12h.  [default: for ever]"
)
@click.option("--scope", "scopes", metavar="SCOPE", multiple=True, callback=_scopes, help="For policies, as token.scopes.")
@click.option("--label", "labels", metavar="NAME=VALUE", multiple=True, callback=_labels, help="For policies, as token.labels.")
@database_options
def create(
    kind: TokenKind,
    *,
    name: str,
    uses: int | None,
    lifetime: timedelta | None,
    scopes: tuple[str, ...],
    labels: dict[str, str],
    settings: Settings,
) -> None:
    """Create a token of a KIND and print it, once: only a digest of it is kept.

    KIND is initial_access, authorization_server, admin or auditor. Standard output has the token alone, so that it can be piped;
    what else there is to say goes to standard error. Policies tell one initial_access token from another by its id, --scope and
    --label.
    """
    if kind != "initial_access" and (uses is not None or scopes or labels):
        raise click.UsageError("--uses, --scope and --label are for initial_access tokens: policies look at no other")
    expires_at = _after(lifetime) if lifetime else 0
    with store_made_or_leave(settings) as store:
        text, record = create_tokens(store).create(
            kind, name=name, scopes=scopes, labels=labels, uses=uses, expires_at=expires_at
        )
    click.echo(text)
    click.echo(f"registrar: token {record.id} ({kind}), expires: {moment(expires_at)}; it is not shown again", err=True)


@token.command("list")
@click.option("--all", "everything", is_flag=True, help="Also tokens that are spent, expired or revoked.")
@form_option
@database_options
def list_tokens(*, everything: bool, form: str, settings: Settings) -> None:
    """List the tokens that are valid, oldest first. Nobody can see a token's text again."""
    now = int(datetime.now(UTC).timestamp())
    with store_to_read_or_leave(settings) as store:
        found = [record for record in store.tokens() if everything or _state(record, now) == "valid"]
    if form == "json":
        click.echo(json.dumps({"tokens": [_record(record, now) for record in found]}, indent=2))
        return
    head = ("ID", "KIND", "NAME", "STATE", "USES LEFT", "CREATED", "EXPIRES", "SCOPES", "LABELS")
    for line in table(head, (_row(record, now) for record in found)):
        click.echo(line)


@token.command()
@click.argument("token_id", metavar="ID")
@database_options
def revoke(token_id: str, *, settings: Settings) -> None:
    """Make the token with this ID void from now on. The clients that it registered stay.

    Exits 2 when there is no such token.
    """
    now = int(datetime.now(UTC).timestamp())
    with store_or_leave(settings) as store:
        revoked = store.revoke_token(token_id, now)
        known = revoked or any(record.id == token_id for record in store.tokens())
    if not known:
        leave(USAGE, "there is no token of this id; registrar token list --all shows every one")
    click.echo(f"token {token_id} is revoked" if revoked else f"token {token_id} was revoked already")


def _after(lifetime: timedelta) -> int:
    try:
        return int((datetime.now(UTC) + lifetime).timestamp())
    except OverflowError:
        raise click.BadParameter("is longer than there are dates", param_hint="--expires-in") from None


def _state(record: TokenRecord, now: int) -> str:
    if record.revoked_at:
        return "revoked"
    if record.expires_at and record.expires_at <= now:
        return "expired"
    return "spent" if record.uses_left == 0 else "valid"


def _row(record: TokenRecord, now: int) -> tuple[object, ...]:
    return (
        record.id,
        record.kind,
        record.name,
        _state(record, now),
        "any" if record.uses_left is None else record.uses_left,
        moment(record.issued_at),
        moment(record.expires_at),
        " ".join(record.scopes),
        " ".join(f"{name}={value}" for name, value in record.labels.items()),
    )


def _record(record: TokenRecord, now: int) -> dict[str, Any]:
    """Everything but the digest; times are epoch seconds, 0 for never."""
    return {
        "id": record.id,
        "kind": record.kind,
        "name": record.name,
        "state": _state(record, now),
        "uses_left": record.uses_left,
        "issued_at": record.issued_at,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
        "scopes": list(record.scopes),
        "labels": dict(record.labels),
    }
