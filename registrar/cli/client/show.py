"""`registrar client show`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from registrar.cli.configured import database_options, store_to_read_or_leave
from registrar.cli.exits import USAGE, leave
from registrar.cli.policy.values import indented, one_line, printable
from registrar.cli.tables import form_option, moment
from registrar.http.private.documents import client_record, decision_document
from registrar.service.clients import as_of
from registrar.settings import Settings
from registrar.store import Client, DecisionRecord, Store

_HISTORY = 20  # entries of the journal


@dataclass(frozen=True, slots=True)
class _Found:
    """A client, the decision by which it is what it is (None: not kept), and its newest entries in the journal."""

    client: Client
    decision: DecisionRecord | None
    history: tuple[DecisionRecord, ...]


@click.command()
@click.argument("client_id", metavar="ID")
@form_option
@database_options
def show(client_id: str, *, form: str, settings: Settings) -> None:
    """Show the client with this ID: what it is, what decided so by which policy revision, and what happened since.

    A client that was deleted, or that expired, is shown as its tombstone. Exits 2 when there never was one.
    """
    with store_to_read_or_leave(settings) as store:
        found = _find(store, client_id)
    if found is None:
        leave(USAGE, f"there never was a client {printable(client_id[:80])}")
    if form == "json":
        click.echo(json.dumps(_record(found), indent=2))
        return
    for line in _lines(found):
        click.echo(line)


def _find(store: Store, client_id: str) -> _Found | None:
    client = store.client(client_id) if client_id.isprintable() else None
    if client is None:
        return None
    client = as_of(client, int(datetime.now(UTC).timestamp()))
    return _Found(client, store.decision(client.decision_id), store.decisions_of(client_id, limit=_HISTORY))


def _record(found: _Found) -> dict[str, Any]:
    decision = found.decision and decision_document(found.decision)
    return {**client_record(found.client), "decision": decision, "history": list(map(decision_document, found.history))}


def _lines(found: _Found) -> Iterator[str]:
    client = found.client
    facts = {
        "client_id": client.client_id,
        "status": client.status + (f" since {moment(client.ended_at)}" if client.ended_at else ""),
        "registered": moment(client.issued_at) + (f" from {client.source}" if client.source else ""),
        "last used": moment(client.last_seen_at),
        "ends": moment(client.due_at) if not client.ended_at else "",
        "secret": _secret(client),
        "brought": "by the operator" if client.provisioned else "",
        "profile": client.profile,
        "revision": client.policy_revision,
        **_decided(client, found.decision),
    }
    for name, value in facts.items():
        if value:
            yield f"{name:<12}{printable(value)}"
    yield "metadata"
    yield from (f"  {line}" for line in indented(client.metadata).splitlines())
    yield "journal, the newest entry first"
    yield from (f"  {_happened(item)}" for item in found.history)


def _secret(client: Client) -> str:
    if client.secret_hash is None:
        return "none"
    return f"until {moment(client.secret_expires_at)}" if client.secret_expires_at else "for ever"


def _decided(client: Client, decision: DecisionRecord | None) -> Mapping[str, str]:
    """The decision, and the rules that it names."""
    if decision is None:
        return {"decision": f"{client.decision_id}, which is not kept"}
    record = decision.record
    return {
        "decision": f"{decision.decision_id} at {moment(decision.at)}",
        "warnings": _rules(record.get("warnings")),
        "audited": _rules(record.get("audited")),
        "changes": _changes(record.get("changes")),
    }


def _rules(findings: Any) -> str:
    return ", ".join(f"{finding['rule']} ({finding['place']})" for finding in findings or ())


def _changes(changes: Any) -> str:
    return ", ".join(f"{change['action']} {change['member']}" for change in changes or ())


def _happened(item: DecisionRecord) -> str:
    record = item.record
    if item.result == "event":
        reason = f": {record['reason']}" if record.get("reason") else ""
        return printable(f"{moment(item.at)}  {record.get('event')} by {record.get('by')}{reason}")
    facts = record.get("facts")
    operation = facts.get("operation", "") if isinstance(facts, Mapping) else ""
    return printable(f"{moment(item.at)}  {item.result} {operation}  {item.decision_id}") + _refused(record)


def _refused(record: Mapping[str, Any]) -> str:
    rules = [finding["rule"] for finding in record.get("violations") or ()]
    return f"  {one_line(rules)}" if rules else ""
