"""The request that a command is about: a document from a file or of a shipping client, where it comes from, and when."""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from registrar import wire
from registrar.cli.exits import BROKEN_TREE, leave
from registrar.documents import JSONError, read_json
from registrar.errors import LoadError, did_you_mean
from registrar.policy import Facts, PolicySet, SoftwareStatement, Source, Token, load, load_fixtures, overlaid, take_in
from registrar.policy.networks import parse_address, subscriber
from registrar.schema import Schema

_NO_TOKEN: Final = Token()
_NO_STATEMENT: Final = SoftwareStatement()
_MAX_DEPTH: Final = 16  # what the server takes when its settings say nothing else
_RFC_3339: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:]{8}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Request:
    """A registration request as a command was told it: `name` says which for people, "" when none was given. `now` is UTC.

    `existing` is the metadata of the client that is updated, and `profile` the one that admitted it; "" for a new client.
    """

    name: str
    body: Mapping[str, object]
    source: Source
    now: datetime
    token: Token = _NO_TOKEN
    statement: SoftwareStatement = _NO_STATEMENT
    existing: Mapping[str, object] = field(default_factory=dict)
    profile: str = ""

    def facts(self, policies: PolicySet) -> Facts:
        """The facts of the document for a decision of `policies`. Raises MalformedError when it is no registration document."""
        body = overlaid(self.body, self.statement.claims, policies.extensions)
        intake = take_in(body, Schema.load("registration-request"), policies.extensions)
        return Facts(
            now=self.now,
            metadata=intake.metadata,
            redirects=intake.redirects,
            submitted=body,
            operation="update" if self.profile else "create",
            source=self.source,
            token=self.token,
            software_statement=self.statement,
            existing=wire.normalise(self.existing, policies.extensions),
            existing_profile=self.profile,
        )


def _moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """RFC 3339 §5.6, in UTC."""
    if value is None:
        return None
    if not _RFC_3339.fullmatch(value):
        raise click.BadParameter("must be a date and time as in 2026-10-01T12:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value} is no date and time that exists") from None


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """An address as the server writes it: the shortest form, an IPv4-mapped one as the IPv4 address in it."""
    address = parse_address(value)
    if value and (address is None or "%" in value):
        raise click.BadParameter(f'"{value}" is no IP address')
    return str(address or "")


def _labels(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> Mapping[str, str]:
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f'"{value}" is no NAME=TEXT')
    return {name: text for name, _, text in (value.partition("=") for value in values)}


def request_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what the request is; the command gets them as one `request: Request`."""

    @click.option("--request", "file", metavar="FILE", help="The registration document (JSON); - reads standard input.")
    @click.option("--fixture", metavar="NAME", help="The document of a shipping client instead, for example claude-code.")
    @click.option("--source", "ip", metavar="IP", callback=_address, default="", help="The address that the request comes from.")
    @click.option("--now", metavar="RFC3339", callback=_moment, help="The moment of the decision.  [default: the present]")
    @click.option("--user-agent", metavar="TEXT", default="", help="The User-Agent header of the request.")
    @click.option("--origin", metavar="TEXT", default="", help="The Origin header of the request.")
    @click.option("--token-id", metavar="ID", help="Let an initial access token come with the request, known by this id.")
    @click.option("--token-scope", "scopes", metavar="SCOPE", multiple=True, help="A scope of that token; may be repeated.")
    @click.option("--token-label", "labels", metavar="NAME=TEXT", multiple=True, callback=_labels, help="A label of that token.")
    @click.option(
        "--statement", metavar="FILE", help="The claims (JSON) of a software statement with it, as if it were verified."
    )
    @click.option("--statement-issuer", "issuer", metavar="URL", default="", help="Who issued that statement.")
    @click.option("--existing", metavar="FILE", help="The metadata (JSON) of the client that the request updates.")
    @click.option("--existing-profile", "profile", metavar="NAME", help="Let it be an update of a client that NAME admitted.")
    @wraps(command)
    def told(
        *,
        file: str | None,
        fixture: str | None,
        ip: str,
        now: datetime | None,
        user_agent: str,
        origin: str,
        token_id: str | None,
        scopes: tuple[str, ...],
        labels: Mapping[str, str],
        statement: str | None,
        issuer: str,
        existing: str | None,
        profile: str | None,
        **others: Any,
    ) -> None:
        if file is not None and fixture is not None:
            raise click.UsageError("--request and --fixture are two ways to say the same: give one of them")
        name, body = _document(file, fixture)
        source = Source(ip=ip, prefix=subscriber(parse_address(ip)), user_agent=user_agent, origin=origin)
        if token_id is None and (scopes or labels):
            raise click.UsageError("--token-scope and --token-label are about a token: give its --token-id")
        token = _NO_TOKEN if token_id is None else Token(present=True, id=token_id, scopes=scopes, labels=labels)
        request = Request(name, body, source, now or datetime.now(UTC), token)
        command(request=replace(request, statement=_statement(statement, issuer), **_updated(existing, profile)), **others)

    return told


def _statement(file: str | None, issuer: str) -> SoftwareStatement:
    if file is None and issuer:
        raise click.UsageError("--statement-issuer is about a software statement: give its claims with --statement")
    if file is None:
        return _NO_STATEMENT
    claims = _object(file, _read(file, "--statement"), "--statement")
    return SoftwareStatement(present=True, verified=True, issuer=issuer, claims=claims)


def _updated(file: str | None, profile: str | None) -> dict[str, Any]:
    if file is not None and not profile:
        raise click.UsageError("--existing is a client that some profile admitted: name it with --existing-profile")
    existing = {} if file is None else _object(file, _read(file, "--existing"), "--existing")
    return {"existing": existing, "profile": profile or ""}


def load_policies_or_leave(directory: Path) -> PolicySet:
    """The tree as a server would load it, without its tests; exits 3 with every mistake when it does not load."""
    try:
        return load(directory, Schema.load("policy"))
    except LoadError as error:
        leave(BROKEN_TREE, f"the policy tree {directory} does not load:", error.problems)


def _document(file: str | None, fixture: str | None) -> tuple[str, Mapping[str, object]]:
    """The document, and what to call it."""
    if file is not None:
        name = "standard input" if file == "-" else file
        return name, _object(name, _read(file))
    if fixture is None:
        return "", {}
    return f"fixture {fixture}", _fixture(fixture)


def _read(file: str, option: str = "--request") -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint=f"'{option}'") from None


def _object(name: str, data: bytes, option: str = "--request") -> Mapping[str, object]:
    try:
        document = read_json(data, max_depth=_MAX_DEPTH)
    except JSONError as error:
        raise click.BadParameter(f"{name} {error.reason}", param_hint=f"'{option}'") from None
    if not isinstance(document, Mapping):
        raise click.BadParameter(f"{name} must be a JSON object", param_hint=f"'{option}'")
    return document


def _fixture(name: str) -> Mapping[str, object]:
    fixtures = load_fixtures()
    if name not in fixtures:
        hint = did_you_mean(name, fixtures) or f"; there are {', '.join(sorted(fixtures))}"
        raise click.BadParameter(f'there is no fixture "{name}"{hint}', param_hint="'--fixture'")
    return fixtures[name]
