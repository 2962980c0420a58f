"""PostgreSQL, for several workers and nodes: connections from psycopg's pool, and group commit for what waits for little.

Registrations that wait at the same time share a transaction (`registrar.store.groupcommit`): it costs the server and this process
a dozen round trips however many they are. Where one fails, or waits for another node for long, each of them is done alone
again, side by side with the others. Every other unit of work has a transaction of its own.

The pool is psycopg's own and not Peewee's: it is typed, bounds how long and how many may wait, replaces lost connections in
the background, and lends without a query to test the connection first. Peewee's `Database` holds a lock while it connects,
so a pool must not wait underneath it: each pooled connection carries a Peewee database of its own instead.

A journal belongs to one transaction at a time. Each process appends to as many journals as it has concurrent transactions
and never to another process's, so that nobody waits for somebody else's commit.
"""

import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import peewee
import psycopg
import psycopg.conninfo
import psycopg_pool

from registrar.store.failures import DatabaseURLError, DuplicateError, OutcomeUnknown, StoreUnavailable
from registrar.store.groupcommit import GroupCommit
from registrar.store.journal import Head
from registrar.store.places import Places, Unlimited
from registrar.store.statements import execute, fetch, statements
from registrar.store.transaction import Transaction, Unit

_POOL_SIZE = 10
_ATTEMPTS = 8
_WAIT_TOGETHER = 0.2  # of its patience: so long one who waits for another node may keep those waiting who share his transaction
# libpq notices a silent server (a pulled cable, a frozen host) by these; a URL may say otherwise.
_CONNECTION = {
    "application_name": "registrar",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
# SQLSTATE codes, PostgreSQL appendix A.
_UNIQUE_VIOLATION = "23505"
_COMPLETION_UNKNOWN = "40003"
_ROLLED_BACK = "40"  # the class: serialization failure, deadlock; the same again may well succeed

T = TypeVar("T")


class _Lent(peewee.PostgresqlDatabase):
    """Peewee over a connection that the pool owns."""

    def __init__(self, connection: "_Connection") -> None:
        super().__init__("pooled", prefer_psycopg3=True, thread_safe=False, autoconnect=False)
        self._lent = connection

    def _connect(self) -> "_Connection":
        return self._lent


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """A pooled connection with its Peewee database."""

    database: _Lent


class _TryAgainError(Exception):
    """An attempt that surely stored nothing and may succeed when it is repeated."""


class _AloneError(Exception):
    """What was stored together with others was not stored: it is to be done alone."""


class PostgresqlBackend:
    """A PostgreSQL database as a place to write units of work and to read."""

    def __init__(self, url: str, *, patience: float, places: Places | None = None, read_only: bool = False) -> None:
        """Connects to nothing yet. `patience`: seconds that a verb waits at most for a connection, and for a statement.

        Threads leave `places` for as long as the server works for them. Raises DatabaseURLError.
        """
        self._places = places or Unlimited()
        self._patience = patience
        self._read_only = read_only
        self._closed = False
        self._conninfo = _conninfo(url)
        self._heads: deque[Head] = deque()  # the ends of this process's journals that no transaction is using
        self.statements = statements(peewee.PostgresqlDatabase(None, prefer_psycopg3=True))
        self._pool = psycopg_pool.ConnectionPool(
            self._conninfo,
            connection_class=_Connection,
            kwargs={"autocommit": True},
            configure=self._configure,
            min_size=1,
            max_size=_POOL_SIZE,
            timeout=patience,
            # The pool waits twice as long after each failure to connect, until this time has passed; then whoever needs a
            # connection makes it try at once. Its default of minutes would keep refusing long after the server is back.
            reconnect_timeout=patience,
            name="store",
            open=False,
        )
        self._queue = GroupCommit(self, patience=patience, places=self._places)

    @contextmanager
    def schema(self, *, create: bool) -> Iterator[peewee.Database]:  # noqa: ARG002  # a server's databases are its operator's
        """A connection of its own, without the time limits of the others. Raises StoreUnavailable."""
        try:
            with _Connection.connect(self._conninfo, autocommit=True) as connection:
                yield _lend(connection)
        except (peewee.PeeweeException, psycopg.Error) as error:
            raise StoreUnavailable(f"PostgreSQL: {_text(error)}") from error

    def write(self, unit: Unit) -> None:
        """Store `unit` durably.

        Connections lost before the commit, serialization failures and deadlocks are retried, a bounded number of times
        within the store's patience. Raises DuplicateError, StoreUnavailable, OutcomeUnknown, or what the unit raises.
        """
        if unit.claims is not None:
            with suppress(_AloneError):
                self._queue.run(unit)
                return
        with self._places.left():
            self._repeat(lambda: self._attempt(lambda transaction: _alone(transaction, unit)))

    def store(self, claim: Callable[[], Sequence[Unit]]) -> list[Exception | None]:
        """As group commit needs it."""
        units: Sequence[Unit] | None = None
        errors: list[Exception | None] = []

        def together(transaction: Transaction) -> None:
            nonlocal units
            transaction.execute(f"SET LOCAL lock_timeout = {int(self._patience * _WAIT_TOGETHER * 1000)}")
            units = claim()
            errors[:] = transaction.run(units)

        try:
            self._attempt(together, patience=self._patience * _WAIT_TOGETHER)
        except OutcomeUnknown as unknown:
            return [_AloneError() if error else OutcomeUnknown(str(unknown)) for error in errors]
        except Exception:  # noqa: BLE001  # whoever it concerns gets it again when he is alone
            return [_AloneError() for _ in (claim() if units is None else units)]
        return errors

    def read(self, query: Callable[[peewee.Database], T]) -> T:
        """Answer `query`. Raises StoreUnavailable."""
        with self._places.left():
            return self._repeat(lambda: self._ask(query))

    def close(self) -> None:
        """Finish what waits, then close every connection; those at work when they come back."""
        self._queue.close()
        self._closed = True
        self._pool.close(timeout=self._patience)

    def _configure(self, connection: _Connection) -> None:
        database = connection.database = _lend(connection)
        milliseconds = int(self._patience * 1000)
        execute(database, f"SET statement_timeout = {milliseconds}")
        # What must not race is under a lock. Anything stricter would fail who waited for one, instead of letting him go on.
        execute(database, "SET default_transaction_isolation = 'read committed'")
        # A node that freezes in a transaction must not hold its locks for ever.
        execute(database, f"SET idle_in_transaction_session_timeout = {milliseconds}")
        if self._read_only:
            execute(database, "SET default_transaction_read_only = on")
        if fetch(database, "SHOW synchronous_commit") == [("off",)]:
            execute(database, "SET synchronous_commit = on")

    def _borrow(self, patience: float) -> _Connection:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        try:
            self._pool.open()  # does nothing when it is open
            return self._pool.getconn(patience)
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"PostgreSQL: {_text(error)}") from error

    def _repeat(self, attempt: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._patience
        count = 0
        while True:
            try:
                return attempt()
            except _TryAgainError as failure:
                count += 1
                pause = random.uniform(0, 0.002 * 2**count)  # noqa: S311  # only spreads out those that collided
                if count == _ATTEMPTS or time.monotonic() + pause > deadline:
                    raise StoreUnavailable(f"PostgreSQL failed {count} times, at last: {failure}") from failure
            time.sleep(pause)

    def _attempt(self, work: Callable[[Transaction], None], *, patience: float | None = None) -> None:
        """Do `work` in a transaction. `patience`: seconds to wait for a connection; None: the store's."""
        connection = self._borrow(self._patience if patience is None else patience)
        head = self._take_head()
        try:
            reached = self._run(connection, Transaction(connection.database, self.statements, head), work)
        except OutcomeUnknown:
            raise  # and the journal ends here: nobody knows after which record
        except BaseException:
            self._heads.append(head)
            raise
        else:
            self._heads.append(reached)
        finally:
            self._pool.putconn(connection)

    def _run(self, connection: _Connection, transaction: Transaction, work: Callable[[Transaction], None]) -> Head:
        try:
            transaction.execute("BEGIN")
            work(transaction)
        except BaseException as error:
            transaction.forget()
            with suppress(peewee.PeeweeException):
                transaction.execute("ROLLBACK")
            if isinstance(error, peewee.PeeweeException):
                raise self._failure(connection, error) from error
            raise
        try:
            transaction.execute("COMMIT")
        except peewee.PeeweeException as error:
            if connection.closed or _sqlstate(error) == _COMPLETION_UNKNOWN:
                raise OutcomeUnknown(f"PostgreSQL was lost during a commit: {_text(error)}") from error
            raise self._failure(connection, error) from error
        return transaction.head

    def _ask(self, query: Callable[[peewee.Database], T]) -> T:
        connection = self._borrow(self._patience)
        try:
            return query(connection.database)
        except peewee.PeeweeException as error:
            raise self._failure(connection, error) from error
        finally:
            self._pool.putconn(connection)

    def _failure(self, connection: _Connection, error: peewee.PeeweeException) -> Exception:
        """What to raise for an error that left nothing stored."""
        state = _sqlstate(error)
        if connection.closed:
            self._pool.check()  # the server went away: the idle connections are as dead as this one
            return _TryAgainError(_text(error))
        if state.startswith(_ROLLED_BACK):
            return _TryAgainError(_text(error))
        if state == _UNIQUE_VIOLATION:
            return DuplicateError(_text(error))
        if isinstance(error, peewee.DataError | peewee.IntegrityError):
            return error  # the values are at fault, not the database
        return StoreUnavailable(f"PostgreSQL: {_text(error)}")

    def _take_head(self) -> Head:
        try:
            return self._heads.pop()
        except IndexError:
            return Head(uuid.uuid4().hex)


def _alone(transaction: Transaction, unit: Unit) -> None:
    [error] = transaction.run([unit])
    if error is not None:
        raise error


def _lend(connection: _Connection) -> _Lent:
    database = _Lent(connection)
    database.connect()
    return database


def _conninfo(url: str) -> str:
    try:
        given = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        raise DatabaseURLError("the PostgreSQL URL cannot be read") from None  # libpq's text would show the password
    return psycopg.conninfo.make_conninfo(url, **{key: value for key, value in _CONNECTION.items() if key not in given})


def _sqlstate(error: peewee.PeeweeException) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _text(error: BaseException | None) -> str:
    """The first line of an error: the lines after it may show values."""
    return str(error).partition("\n")[0]
