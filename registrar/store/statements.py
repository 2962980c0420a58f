"""The SQL of the verbs, generated once from the models: Peewee's query building costs more than the insert it builds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import peewee

from registrar.store.models import Activation, Client, Decision, Probe, Revision, RevisionFile
from registrar.store.records import RESULTS, STATUSES


def execute(database: peewee.Database, sql: str, values: Sequence[object] = ()) -> None:
    """Run a statement that answers no rows. Raises what Peewee makes of the driver's errors."""
    database.execute_sql(sql, values)  # type: ignore[no-untyped-call]  # Peewee's stubs leave this method untyped


def fetch(database: peewee.Database, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query. Raises as `execute`, also for what SQLite finds only while it steps through the rows."""
    cursor = database.execute_sql(sql, values)  # type: ignore[no-untyped-call]
    with peewee.__exception_wrapper__:  # type: ignore[attr-defined]  # they leave out this name
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _fields(model: type[peewee.Model]) -> list[peewee.Field]:
    fields: list[peewee.Field] = model._meta.sorted_fields  # noqa: SLF001  # the name that Peewee documents
    return fields


def columns(model: type[peewee.Model]) -> tuple[str, ...]:
    """The column names of `model`, in the order of every statement here."""
    return tuple(field.name for field in _fields(model))


CLIENT_COLUMNS = columns(Client)
DECISION_COLUMNS = columns(Decision)
_ADMITTED = (Client.client_id == Decision.client_id) & (Client.decision_id == Decision.decision_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Constant SQL in the dialect of one database."""

    insert_client: str
    select_client: str
    insert_decision: str
    select_decision: str
    select_decisions: str
    select_clients: str
    select_head: str
    select_journals: str
    select_links: str
    insert_revision: str
    insert_revision_file: str
    select_revision: str
    select_revision_files: str
    insert_activation: str
    select_last_activation: str
    select_activations: str
    probe: str


def statements(database: peewee.Database) -> Statements:
    """Build every statement for `database`, which need not be connected."""
    links = _select(Decision).where(Decision.journal == "").order_by(Decision.seq)
    activations = _select(Activation)

    def sql(query: peewee.Query) -> str:
        text, _ = database.get_sql_context().sql(query).query()  # type: ignore[no-untyped-call]  # likewise
        return str(text)

    return Statements(
        insert_client=sql(_insert(Client)),
        select_client=sql(_select(Client).where(Client.client_id == "")),
        insert_decision=sql(_insert(Decision)),
        select_decision=sql(_select(Decision).where(Decision.decision_id == "")),
        select_decisions=sql(_decisions()),
        select_clients=sql(_clients()),
        select_head=sql(
            Decision.select(Decision.seq, Decision.hash).where(Decision.journal == "").order_by(Decision.seq.desc()).limit(1)
        ),
        select_journals=sql(Decision.select(Decision.journal).distinct().order_by(Decision.journal)),
        select_links=sql(links.where(Decision.seq > 0).limit(1)),
        insert_revision=sql(_insert(Revision).on_conflict_ignore()),
        insert_revision_file=sql(_insert(RevisionFile).on_conflict_ignore()),
        select_revision=sql(_select(Revision).where(Revision.revision == "")),
        select_revision_files=sql(
            RevisionFile.select(RevisionFile.path, RevisionFile.content).where(RevisionFile.revision == "")
        ),
        insert_activation=sql(_insert(Activation, columns(Activation)[1:])),
        select_last_activation=sql(activations.order_by(Activation.seq.desc()).limit(1)),
        select_activations=sql(activations.order_by(Activation.seq)),
        probe=sql(Probe.update({Probe.writes: Probe.writes + 1})),
    )


def _decisions() -> "peewee.ModelSelect[Decision]":
    """A chunk of the decisions before one, newest first, each with the client that it admitted."""
    position = peewee.Tuple(Decision.at, Decision.decision_id)
    return (
        Decision.select(*_fields(Decision), *_fields(Client))
        .join(Client, peewee.JOIN.LEFT_OUTER, on=_ADMITTED)
        .where(position < peewee.Tuple(0, ""), Decision.at >= 0, Decision.result.in_(RESULTS))
        .order_by(Decision.at.desc(), Decision.decision_id.desc())
        .limit(1)
    )


def _clients() -> "peewee.ModelSelect[Client]":
    """A chunk of the clients after one, by id, each with the decision that admitted it.

    Expressions instead of columns keep a planner from the lists' indexes, whose rows it would have to sort for every chunk.
    """
    wanted = ((Client.issued_at + peewee.SQL("0")) >= 0) & Client.status.concat(peewee.SQL("''")).in_(STATUSES)
    return (
        Client.select(*_fields(Client), *_fields(Decision))
        .join(Decision, peewee.JOIN.LEFT_OUTER, on=_ADMITTED)
        .where(Client.client_id > "", wanted)
        .order_by(Client.client_id)
        .limit(1)
    )


def _insert(model: type[peewee.Model], names: Iterable[str] = ()) -> peewee.ModelInsert:
    fields = [getattr(model, name) for name in names or columns(model)]
    return model.insert_many([[None] * len(fields)], fields=fields)


def _select(model: type[peewee.Model]) -> peewee.ModelSelect:
    return model.select(*_fields(model))
