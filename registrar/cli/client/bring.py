"""`registrar client import`."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from registrar.app import create_provisioning
from registrar.cli.configured import store_made_or_leave, store_to_read_or_leave, tree_and_database_options
from registrar.cli.exits import USAGE, leave
from registrar.cli.judging import policies_or_leave, tell_tree
from registrar.cli.reports import Format, Level, Notice, Report, emit
from registrar.documents import Document, format_path, read_yaml
from registrar.errors import LoadError, Problem
from registrar.policy import PolicySet
from registrar.schema import Schema
from registrar.service.provisioning import Change, Flaw, Provisioned, ProvisioningError, StaticClient
from registrar.settings import Settings
from registrar.store import Store

_FORMATS: Final = (Format.PRETTY, Format.JSON, Format.GITHUB)  # the others have no room for secrets
_COMMAND: Final = "client import"
_ENTRY: Final = "static-client"
_WORDS: Final[Mapping[Change, str]] = {"created": "created", "updated": "updated", "unchanged": "unchanged"}
_WORDS_OF_A_DRY_RUN: Final[Mapping[Change, str]] = {
    "created": "would create",
    "updated": "would update",
    "unchanged": "unchanged",
}
_RULES: Final = {_ENTRY: "An entry of a file of static clients that cannot be a client"}


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option(
    "--format",
    "style",
    type=click.Choice([str(style) for style in _FORMATS]),
    default=str(Format.PRETTY),
    show_default=True,
    callback=lambda _context, _option, value: Format(value),
    help="For people, or for what runs the command.",
)
@tree_and_database_options
def bring(file: Path, *, dry_run: bool, style: Format, settings: Settings) -> None:
    """Bring the static clients that FILE (YAML) lists: those of partners, batch jobs, your own applications.

    Each is decided by the policy as if it registered, without limits. It never expires, is shared with nobody, and nobody but
    the next import changes its metadata. One that is there already is brought up to date, or left alone when it is as FILE says.
    Clients that FILE no longer lists stay: delete or disable them.

    All of FILE is looked at before anything is stored: with one mistake, nothing is. A client whose method needs a secret and
    for which FILE has no digest gets one, which is printed here and never again.

    The policy tree of the settings decides; a warning says when servers have another one in force. The database keeps its files,
    for `registrar policy replay --verify`, but does not count it among those that were in force: no server had it.

    Exits 0, 1 when the database cannot be used (for --dry-run: is not there), 2 when FILE has a mistake or the policy refuses a
    client, 3 when the policy tree does not load.
    """
    document = _read(file, style)
    policies = policies_or_leave(settings)
    with store_to_read_or_leave(settings) if dry_run else store_made_or_leave(settings) as store:
        tell_tree(settings, policies, store)
        _bring(store, policies, document, style, dry_run=dry_run)


def _bring(store: Store, policies: PolicySet, document: Document, style: Format, *, dry_run: bool) -> None:
    provisioning = create_provisioning(lambda: policies, store)
    brought: list[Provisioned] = []
    flaws: Sequence[Flaw] = ()
    try:
        plans = provisioning.plan(_entries(document))
        if not dry_run and any(plan.change != "unchanged" for plan in plans):
            store.keep(policies.revision, policies.files)  # before a decision names it
        for plan in plans:
            brought.append(plan.outcome if dry_run else provisioning.carry_out(plan))  # noqa: PERF401  # kept when one fails
    except ProvisioningError as error:
        flaws = error.flaws
        sys.exit(USAGE)
    finally:
        # Whatever broke it off, an interrupt too: what is stored is stored, and its secrets have to be seen now.
        _report(brought, style, [_notice(document, flaw) for flaw in flaws], dry_run=dry_run)


def _read(file: Path, style: Format) -> Document:
    try:
        document = read_yaml(file.read_text(encoding="utf-8"), str(file))
        _check(document)
    except OSError as error:
        leave(USAGE, f"{file} cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        leave(USAGE, f"{file} is not UTF-8")
    except LoadError as error:
        _report([], style, [_notice_of(problem) for problem in error.problems])
        sys.exit(USAGE)
    return document


def _check(document: Document) -> None:
    """Raises LoadError with everything that is not as the schema says."""
    problems = [
        Problem(document.place(found.path, key=found.keyword == "additionalProperties"), format_path(found.path), found.message)
        for found in Schema.load("static-clients").problems(document.value, echo=True)
    ]
    if problems:
        raise LoadError(problems)


def _entries(document: Document) -> list[StaticClient]:
    return [_entry(item) for item in document.value["clients"]]


def _entry(item: dict[str, Any]) -> StaticClient:
    digest = item.get("client_secret_sha256")
    return StaticClient(
        client_id=item.get("client_id", ""),
        metadata=item["metadata"],
        secret_hash=None if digest is None else bytes.fromhex(digest),
    )


def _notice(document: Document, flaw: Flaw) -> Notice:
    path: list[str | int] = ["clients", flaw.index, *flaw.path]
    message = f"{flaw.message} ({flaw.place})" if flaw.place else flaw.message
    return Notice(flaw.rule or _ENTRY, Level.ERROR, message, document.place(path, key=flaw.of_key), format_path(path))


def _notice_of(problem: Problem) -> Notice:
    return Notice(_ENTRY, Level.ERROR, problem.message, problem.place, problem.path)


def _report(brought: Sequence[Provisioned], style: Format, notices: Sequence[Notice], *, dry_run: bool = False) -> None:
    report = Report(
        command=_COMMAND,
        passed=not notices,
        notices=tuple(notices),
        rules=_RULES,
        summary=tuple(_lines(brought, notices, _WORDS_OF_A_DRY_RUN if dry_run else _WORDS)),
        facts={"dry_run": dry_run, "clients": [_record(one) for one in brought]},
    )
    emit(report, style)


def _lines(brought: Sequence[Provisioned], notices: Sequence[Notice], words: Mapping[Change, str]) -> Iterator[str]:
    width = max(map(len, words.values()))
    for one in brought:
        secret = f"  client_secret {one.secret}" if one.secret else ""
        yield f"{words[one.change]:<{width}}  {one.client_id}  {one.profile}{secret}"
    if notices:
        count = "1 mistake" if len(notices) == 1 else f"{len(notices)} mistakes"
        yield f"{count}: {'only the above' if brought else 'nothing'} is stored"


def _record(one: Provisioned) -> dict[str, str]:
    secret = {"client_secret": one.secret} if one.secret else {}
    return {"client_id": one.client_id, "change": one.change, "profile": one.profile, **secret}
