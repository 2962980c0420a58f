"""The SQL of the verbs, generated once from the models: Peewee's query building costs more than the insert it builds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Final, TypeVar

import peewee

from registrar.store.counterstatements import CounterStatements, counter_statements
from registrar.store.models import Activation, Client, Decision, Lease, Probe, Revision, RevisionFile, Token
from registrar.store.records import STATUSES, Result

_MOST_ROWS: Final = 16  # in one statement: SQLite takes 999 values at least

T = TypeVar("T")

_WRAPPER: Any = peewee.__exception_wrapper__  # type: ignore[attr-defined]  # the stubs leave out this name


def execute(database: peewee.Database, sql: str, values: Sequence[object] = ()) -> None:
    """Run a statement that answers no rows. Raises what Peewee makes of the driver's errors."""
    _run(database, sql, values)


def change(database: peewee.Database, sql: str, values: Sequence[object] = ()) -> int:
    """Run a statement that changes rows: how many. Raises as `execute`."""
    return int(_run(database, sql, values).rowcount)


def fetch(database: peewee.Database, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query. Raises as `execute`, also for what SQLite finds only while it steps through the rows."""
    cursor = _run(database, sql, values)
    with _WRAPPER:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _run(database: peewee.Database, sql: str, values: Sequence[object]) -> Any:
    """What `Database.execute_sql` does for us, without its logging and hooks: those were a third of the time of a statement."""
    with _WRAPPER:
        return database.connection().execute(sql, values)  # type: ignore[no-untyped-call]  # Peewee's stubs leave it untyped


def parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """`rows` in parts for a statement each, whose lengths are powers of two: so few statements are kept prepared."""
    done = 0
    while rest := len(rows) - done:
        size = min(_MOST_ROWS, 1 << rest.bit_length() - 1)
        yield rows[done : done + size]
        done += size


def flat(rows: Iterable[Sequence[object]]) -> list[object]:
    """The values of all rows, for one statement."""
    return list(chain.from_iterable(rows))


@cache
def of_rows(insert: str, rows: int) -> str:
    """The statement that inserts so many rows, from the one that inserts one."""
    _, _, places = insert.rpartition(" VALUES ")
    return insert + f", {places}" * (rows - 1)


def _fields(model: type[peewee.Model]) -> list[peewee.Field]:
    fields: list[peewee.Field] = model._meta.sorted_fields  # noqa: SLF001  # the name that Peewee documents
    return fields


def columns(model: type[peewee.Model]) -> tuple[str, ...]:
    """The column names of `model`, in the order of every statement here."""
    return tuple(field.name for field in _fields(model))


CLIENT_COLUMNS = columns(Client)
DECISION_COLUMNS = columns(Decision)
TOKEN_COLUMNS = columns(Token)
# Literals where a partial index has them: a planner cannot know what a placeholder will be.
_ZERO, _EMPTY, _NULL = peewee.SQL("0"), peewee.SQL("''"), peewee.SQL("NULL")
COMMON: Final[tuple[Result, ...]] = ("allow", "deny")
"""What most of a journal is; the rest has an index of its own."""

_RARE = (Decision.result != peewee.SQL("'allow'")) & (Decision.result != peewee.SQL("'deny'"))
_ADMITTED = (Client.client_id == Decision.client_id) & (Client.decision_id == Decision.decision_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Constant SQL in the dialect of one database."""

    insert_client: str
    update_client: str
    free_reuse_key: str
    select_client: str
    select_client_alone: str
    select_client_position: str
    select_shared: str
    select_shared_alone: str
    select_key: str
    select_holder: str
    select_previous_holder: str
    select_due: str
    select_profile: str
    select_page: str
    select_tally: str
    insert_decision: str
    select_decision: str
    select_decision_position: str
    select_decisions: str
    select_rare_decisions: str
    select_decisions_of: str
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
    insert_token: str
    select_token: str
    select_tokens: str
    select_token_uses: str
    use_token: str
    revoke_token: str
    take_lease: str
    release_lease: str
    counters: CounterStatements
    probe: str
    parameter: str
    """What stands for a value."""

    def share_clients(self, clients: int) -> str:
        """So many clients by their ids. Others may only look at them from then on, until the transaction ends."""
        clause = " FOR SHARE" if self.counters.lock_free else ""
        return _of_any(clients, self.select_client, self.parameter) + clause

    def select_holders(self, keys: int) -> str:
        """Of so many reuse keys those that are held: the key, the id of its client, and when that should end."""
        return _of_any(keys, self.select_key, self.parameter)


def statements(database: peewee.Database) -> Statements:
    """Build every statement for `database`, which need not be connected."""
    links = _select(Decision).where(Decision.journal == "").order_by(Decision.seq)
    activations = _select(Activation)
    client = _select(Client).where(Client.client_id == "")
    shared = _select(Client).where(Client.reuse_key == "")

    def sql(query: peewee.Query) -> str:
        text, _ = database.get_sql_context().sql(query).query()  # type: ignore[no-untyped-call]  # likewise
        return str(text)

    return Statements(
        insert_client=sql(_insert(Client)),
        update_client=sql(_update_client()),
        free_reuse_key=sql(
            Client.update({Client.reuse_key: _NULL}).where(Client.reuse_key == "", Client.due_at > _ZERO, Client.due_at <= 0)
        ),
        select_client=sql(client),
        select_client_alone=sql(_locked(client, "FOR UPDATE", database)),
        select_client_position=sql(Client.select(Client.issued_at, Client.client_id).where(Client.client_id == "")),
        select_shared=sql(shared),
        select_key=sql(Client.select(Client.reuse_key, Client.client_id, Client.due_at).where(Client.reuse_key == "")),
        select_shared_alone=sql(_locked(shared, "FOR UPDATE", database)),
        select_holder=sql(_select(Client).where(Client.management_token_hash == b"")),
        select_previous_holder=sql(_select(Client).where(Client.previous_token_hash == b"")),
        select_due=sql(
            _select(Client).where(Client.due_at > _ZERO, Client.due_at <= 0).order_by(Client.due_at, Client.client_id).limit(1)
        ),
        select_profile=sql(Client.select(Client.profile).where(Client.profile > "").order_by(Client.profile).limit(1)),
        select_page=sql(_page()),
        select_tally=sql(
            Client.select(Client.profile, Client.status, peewee.fn.COUNT(peewee.SQL("*"))).group_by(Client.profile, Client.status)
        ),
        insert_decision=sql(_insert(Decision)),
        select_decision=sql(_select(Decision).where(Decision.decision_id == "")),
        select_decision_position=sql(Decision.select(Decision.at, Decision.decision_id).where(Decision.decision_id == "")),
        select_decisions=sql(_decisions(Decision.result.in_(COMMON))),
        select_rare_decisions=sql(_decisions(Decision.result == "", _RARE)),
        select_decisions_of=sql(_decisions_of()),
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
        insert_token=sql(_insert(Token)),
        select_token=sql(_select(Token).where(Token.hash == b"")),
        select_tokens=sql(_select(Token).order_by(Token.issued_at, Token.id)),
        select_token_uses=sql(Token.select(Token.uses_left).where(Token.id == "", _valid())),
        use_token=sql(
            Token.update({Token.uses_left: Token.uses_left - peewee.SQL("1")}).where(
                Token.id == "", Token.uses_left > _ZERO, _valid()
            )
        ),
        revoke_token=sql(Token.update({Token.revoked_at: 0}).where(Token.id == "", Token.revoked_at == _ZERO)),
        take_lease=sql(_take_lease()),
        release_lease=sql(Lease.delete().where(Lease.name == "", Lease.holder == "")),
        counters=counter_statements(database),
        probe=sql(Probe.update({Probe.writes: Probe.writes + 1})),
        parameter=database.param,
    )


@cache
def _of_any(values: int, one: str, parameter: str) -> str:
    """The query that finds the rows of any of so many values, from the one that finds those of one."""
    return one.replace(f"= {parameter}", f"IN ({', '.join([parameter] * values)})")


def _decisions(*wanted: Any) -> "peewee.ModelSelect[Decision]":
    """A chunk of the `wanted` decisions before one, newest first, each with the client that it admitted."""
    position = peewee.Tuple(Decision.at, Decision.decision_id)
    return (
        Decision.select(*_fields(Decision), *_fields(Client))
        .join(Client, peewee.JOIN.LEFT_OUTER, on=_ADMITTED)
        .where(*wanted, position < peewee.Tuple(0, ""), Decision.at >= 0)
        .order_by(Decision.at.desc(), Decision.decision_id.desc())
        .limit(1)
    )


def _clients() -> "peewee.ModelSelect[Client]":
    """A chunk of the clients after one, by id, each with the decision that admitted it.

    Expressions instead of columns keep a planner from the lists' indexes, whose rows it would have to sort for every chunk.
    """
    wanted = ((Client.issued_at + _ZERO) >= 0) & Client.status.concat(_EMPTY).in_(STATUSES)
    return (
        Client.select(*_fields(Client), *_fields(Decision))
        .join(Decision, peewee.JOIN.LEFT_OUTER, on=_ADMITTED)
        .where(Client.client_id > "", wanted)
        .order_by(Client.client_id)
        .limit(1)
    )


def _locked(query: peewee.ModelSelect, lock: str, database: peewee.Database) -> peewee.ModelSelect:
    """The query that keeps its rows as they are until the commit. SQLite has one writer and no such clause."""
    return query if isinstance(database, peewee.SqliteDatabase) else query.for_update(lock)  # type: ignore[arg-type]  # a bool, or the clause


def _update_client() -> peewee.ModelUpdate:
    key, *others = _fields(Client)
    return Client.update(dict.fromkeys(others)).where(key == "")


def _page() -> peewee.ModelSelect:
    """A chunk of the clients of a profile and a status before one of them, newest first."""
    position = peewee.Tuple(Client.issued_at, Client.client_id)
    return (
        _select(Client)
        .where(Client.profile == "", Client.status == "", position < peewee.Tuple(0, ""), Client.issued_at >= 0)
        .order_by(Client.issued_at.desc(), Client.client_id.desc())
        .limit(1)
    )


def _decisions_of() -> peewee.ModelSelect:
    """The newest decisions about one client before one of them."""
    position = peewee.Tuple(Decision.at, Decision.decision_id)
    return (
        _select(Decision)
        .where(Decision.client_id == "", Decision.client_id != _EMPTY, position < peewee.Tuple(0, ""))
        .order_by(Decision.at.desc(), Decision.decision_id.desc())
        .limit(1)
    )


def _valid() -> peewee.Expression:
    """A token that is not revoked and has not expired at a moment."""
    return (Token.revoked_at == _ZERO) & ((Token.expires_at == _ZERO) | (Token.expires_at > 0))


def _take_lease() -> peewee.ModelInsert:
    """Somebody's lease stays as it is until it has run out."""
    return _insert(Lease).on_conflict(
        conflict_target=[Lease.name],
        preserve=[Lease.holder, Lease.until],
        where=(Lease.until <= 0) | (Lease.holder == peewee.EXCLUDED.holder),
    )


def _insert(model: type[peewee.Model], names: Iterable[str] = ()) -> peewee.ModelInsert:
    fields = [getattr(model, name) for name in names or columns(model)]
    return model.insert_many([[None] * len(fields)], fields=fields)


def _select(model: type[peewee.Model]) -> peewee.ModelSelect:
    return model.select(*_fields(model))
