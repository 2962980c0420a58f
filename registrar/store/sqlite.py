"""SQLite, the embedded default: one file, one writer with group commit, readers beside it.

WAL gives readers a snapshot while the writer works; `synchronous=FULL` makes a commit durable before it returns. Every
process that opens the file appends to the same journal: SQLite's write lock orders them, and the journal's head is read
inside the transaction, so a second process makes both slower and neither wrong.
"""

import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import peewee

from registrar.store.failures import DuplicateError, StoreUnavailable
from registrar.store.groupcommit import LARGEST_BATCH, GroupCommit
from registrar.store.journal import Head
from registrar.store.migrations import NEWEST, applied
from registrar.store.places import Places, Unlimited
from registrar.store.statements import Statements, execute, fetch, statements
from registrar.store.transaction import Transaction, Unit

_JOURNAL = "main"
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    # On macOS fsync alone leaves the data in the drive's cache; elsewhere these change nothing.
    "fullfsync": 1,
    "checkpoint_fullfsync": 1,
    # After a burst the log shrinks to this many bytes again.
    "journal_size_limit": 64 * 1024 * 1024,
}
# SQLite's primary result codes by what an operator should look at.
_CAUSES = {
    "SQLITE_BUSY": "is locked by another process",
    "SQLITE_LOCKED": "is locked by another process",
    "SQLITE_FULL": "has no room: the disk is full",
    "SQLITE_READONLY": "is read-only",
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_PERM": "cannot be opened",
    "SQLITE_CORRUPT": "is corrupt",
    "SQLITE_NOTADB": "is no SQLite database",
    "SQLITE_IOERR": "cannot be read or written: the disk failed or is full",
}
# After these the connection is as good as before; after any other it is opened anew, so that it sees the file as it is then.
_PASSING = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR"}
# Errors of one statement's values; everything else concerns the whole transaction, which SQLite may have undone already.
_OF_ONE_UNIT = {"", "SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE"}
_DUPLICATES = {"SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"}

_PAUSE = 0.005  # seconds between two attempts to open a file that is locked

T = TypeVar("T")


class DatabaseFile:
    """The file itself: opens connections to it, notices when it is another one, and names what is wrong with it."""

    def __init__(self, path: Path, *, patience: float, read_only: bool = False) -> None:
        """`patience`: seconds that a statement waits for a lock of another process."""
        self.path = path
        self._read_only = read_only
        self._log = Path(f"{path}-wal")
        self._patience = patience

    def create(self) -> None:
        """Make an empty file that only its owner may read, unless there is one. Raises StoreUnavailable."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except PermissionError:
            if self._missing():  # one that is there and read-only can still be read
                raise StoreUnavailable(f"{self.path} cannot be created: permission denied") from None
        except OSError as error:
            raise StoreUnavailable(f"{self.path} cannot be created: {error.strerror}") from error

    def connect(self) -> peewee.SqliteDatabase:
        """A connection for one thread at a time, to a file that exists. Raises StoreUnavailable."""
        database = peewee.SqliteDatabase(
            # mode=rw, not rwc: a file that was deleted while the program runs must not come back empty.
            f"file:{quote(str(self.path))}?mode={'ro' if self._read_only else 'rw'}",
            pragmas={} if self._read_only else _PRAGMAS,
            timeout=self._patience,
            thread_safe=False,
            autoconnect=False,
            uri=True,
            check_same_thread=False,
        )
        deadline = time.monotonic() + self._patience
        while True:
            try:
                database.connect()
            except peewee.PeeweeException as error:
                # SQLite does not wait by itself while another process turns a new file to write-ahead logging.
                if _primary(error) != "SQLITE_BUSY" or time.monotonic() > deadline:
                    raise self.unavailable(error) from error
                time.sleep(_PAUSE)
            else:
                return database

    def identity(self) -> tuple[int, ...]:
        """Which files are there now, main file and write-ahead log. Raises StoreUnavailable when one is missing."""
        # A backup that is only read may have no log, and what is written into a wrong one is no concern of a reader.
        paths = (self.path,) if self._read_only else (self.path, self._log)
        try:
            found = [path.stat() for path in paths]
        except FileNotFoundError as error:
            raise StoreUnavailable(f"{error.filename} is not there") from error
        except OSError as error:
            raise StoreUnavailable(f"{error.filename} cannot be opened: {error.strerror}") from error
        return tuple(number for status in found for number in (status.st_dev, status.st_ino))

    def unavailable(self, error: peewee.PeeweeException) -> StoreUnavailable:
        """The error that a caller gets for `error`."""
        # SQLite closes a connection, and lets go of its files and locks, when the last cursor is gone; none may live on in here.
        traceback.clear_frames(error.__traceback__)
        cause = _CAUSES.get(_primary(error), f"failed: {error}") if not self._missing() else "is not there"
        subject = self._unwritable() if cause == _CAUSES["SQLITE_READONLY"] else self.path
        return StoreUnavailable(f"{subject} {cause} ({_code(error) or type(error).__name__})")

    def _unwritable(self) -> Path:
        """Which of the files is to blame: SQLite keeps two beside the database, with permissions of their own."""
        effective = os.access in os.supports_effective_ids
        paths = (self.path, self._log, Path(f"{self.path}-shm"), self.path.parent)
        there = (path for path in paths if os.access(path, os.F_OK, effective_ids=effective))
        return next((path for path in there if not os.access(path, os.W_OK, effective_ids=effective)), self.path)

    def _missing(self) -> bool:
        try:
            self.path.stat()
        except FileNotFoundError:
            return True
        except OSError:  # it may well be there, where we cannot look
            return False
        return False


def _code(error: peewee.PeeweeException) -> str:
    """SQLite's name for `error`; empty when it was raised before SQLite saw the statement."""
    return str(getattr(getattr(error, "orig", None), "sqlite_errorname", ""))


def _primary(error: peewee.PeeweeException) -> str:
    return "_".join(_code(error).split("_")[:2])


class Connection:
    """A connection that is opened when it is needed, and again when its file was replaced or it was dropped."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._database: peewee.SqliteDatabase | None = None
        self._identity: tuple[int, ...] = ()

    def database(self) -> peewee.SqliteDatabase:
        """The open connection. Raises StoreUnavailable."""
        if self._database is not None and self._identity != self._file.identity():
            self.drop()
        if self._database is None:
            self._database = self._open()
        return self._database

    def confirm(self) -> None:
        """Raise StoreUnavailable unless the file is still the one that this connection has open."""
        if self._identity != self._file.identity():
            raise StoreUnavailable(f"{self._file.path} was replaced by another file")

    def undo(self) -> None:
        """Roll back an open transaction. Never raises."""
        if self._database is not None:
            with suppress(peewee.PeeweeException):  # SQLite may have rolled back by itself; then there is none
                execute(self._database, "ROLLBACK")

    def drop(self) -> None:
        """Roll back and close. Never raises."""
        self.undo()  # closing alone would keep the lock for as long as some traceback holds a cursor
        if self._database is not None:
            with suppress(peewee.PeeweeException):
                self._database.close()
        self._database = None

    def _open(self) -> peewee.SqliteDatabase:
        database = self._file.connect()
        try:
            self._require_schema(applied(database))
            self._identity = self._file.identity()
        except peewee.PeeweeException as error:
            database.close()
            raise self._file.unavailable(error) from error
        except StoreUnavailable:
            database.close()
            raise
        return database

    def _require_schema(self, version: int) -> None:
        if version != NEWEST:
            raise StoreUnavailable(f"{self._file.path} was replaced by a file of schema version {version}, not {NEWEST}")


class _Readers:
    """Reading connections, one for each read that is going on; idle ones are kept for the next."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._idle: list[Connection] = []
        self._closed = False

    def read(self, query: Callable[[peewee.Database], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        connection = self._take()
        try:
            answer = query(connection.database())
        except BaseException as error:
            connection.drop()
            if isinstance(error, peewee.PeeweeException):
                raise self._file.unavailable(error) from error
            raise
        self._idle.append(connection)
        if self._closed:  # meanwhile
            self.drop()
        return answer

    def close(self) -> None:
        self._closed = True
        self.drop()

    def drop(self) -> None:
        """Close those that are idle."""
        while self._idle:
            self._take().drop()

    def _take(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:  # none is idle, or another thread was faster
            return Connection(self._file)


class _ReopenedError(StoreUnavailable):
    """The connections were dropped; the next use opens them anew."""


class _Writer:
    """The writing connection, as group commit drives it."""

    def __init__(self, file: DatabaseFile, readers: _Readers, sql: Statements, places: Places) -> None:
        """`places`: where it works; it has none while it waits for units, for the database's lock or for a commit."""
        self._file = file
        self._readers = readers
        self._connection = Connection(file)
        self._statements = sql
        self._places = places

    def store(self, claim: Callable[[], Sequence[Unit]]) -> list[Exception | None]:
        try:
            transaction = self._begin()
            units = claim()
            with self._places:
                errors = self._attempt(transaction, units)
            self._commit(transaction)
        except BaseException:
            self._connection.undo()
            raise
        return errors

    def _begin(self) -> Transaction:
        try:
            return self._begin_once()
        except _ReopenedError:  # what was wrong may have been the old connection
            return self._begin_once()

    def _begin_once(self) -> Transaction:
        database = self._connection.database()
        try:
            execute(database, "BEGIN IMMEDIATE")
            newest = fetch(database, self._statements.select_head, (_JOURNAL, 1))
        except peewee.PeeweeException as error:
            raise self._unavailable(error) from error
        return Transaction(database, self._statements, Head(_JOURNAL, *(newest[0] if newest else ())))

    def _attempt(self, transaction: Transaction, units: Sequence[Unit]) -> list[Exception | None]:
        """Run each unit, and undo alone what fails: the error of each. Raises StoreUnavailable for the whole."""
        head = transaction.head
        transaction.execute("SAVEPOINT units")
        try:
            errors = transaction.run(units)
        except Exception as error:  # noqa: BLE001  # a unit's, whatever it is
            failure = self._of_one_unit(error)
            transaction.forget()
            transaction.execute("ROLLBACK TO units")
            transaction.head = head
            errors = [failure]
        transaction.execute("RELEASE units")
        if len(errors) == len(units):
            return errors
        # Rarely does one leave anything behind: rather all are run again then, than each in a savepoint of its own always.
        return [error for unit in units for error in self._attempt(transaction, [unit])]

    def _of_one_unit(self, error: Exception) -> Exception:
        """What the caller of a unit gets for `error`. Raises StoreUnavailable when it concerns all of them."""
        if not isinstance(error, peewee.PeeweeException):
            return error
        if _primary(error) not in _OF_ONE_UNIT:
            raise self._unavailable(error) from error
        return DuplicateError(str(error)) if _code(error) in _DUPLICATES else error

    def _commit(self, transaction: Transaction) -> None:
        try:
            transaction.execute("COMMIT")
        except peewee.PeeweeException as error:
            raise self._unavailable(error) from error
        # A process can write into a deleted file as if nothing were wrong; what is acknowledged must be in the one that is there.
        self._connection.confirm()

    def close(self) -> None:
        self._connection.drop()

    def _unavailable(self, error: peewee.PeeweeException) -> StoreUnavailable:
        if _primary(error) not in _PASSING:
            # Idle readers as well: as long as any connection is open, the log keeps the permissions that it was made with.
            self._connection.drop()
            self._readers.drop()
            return _ReopenedError(str(self._file.unavailable(error)))
        return self._file.unavailable(error)


class SqliteBackend:
    """One SQLite file as a place to write units of work and to read."""

    def __init__(
        self,
        path: Path,
        *,
        patience: float,
        places: Places | None = None,
        largest_batch: int = LARGEST_BATCH,
        read_only: bool = False,
    ) -> None:
        """Opens nothing yet. `patience`: seconds that a verb waits for the database at most. `places`: where threads work."""
        # A little less for the lock than for the turn, so that who waits hears the cause and not only that it took long.
        self._file = DatabaseFile(path, patience=patience * 0.8, read_only=read_only)
        self.statements = statements(peewee.SqliteDatabase(None))
        self._readers = _Readers(self._file)
        places = places or Unlimited()
        self._writer = _Writer(self._file, self._readers, self.statements, places)
        self._queue = GroupCommit(self._writer, patience=patience, places=places, largest_batch=largest_batch)

    @contextmanager
    def schema(self, *, create: bool) -> Iterator[peewee.Database]:
        """A connection of its own; `create` makes the file when there is none. Raises StoreUnavailable."""
        if create:
            self._file.create()
        database = self._file.connect()
        try:
            yield database
        except peewee.PeeweeException as error:
            raise self._file.unavailable(error) from error
        finally:
            database.close()

    def write(self, unit: Unit) -> None:
        """Store `unit` durably; see `GroupCommit.run`."""
        self._queue.run(unit)

    def read(self, query: Callable[[peewee.Database], T]) -> T:
        """Answer `query` from a snapshot of its own: sooner than anybody else could begin to work. Raises StoreUnavailable."""
        return self._readers.read(query)

    def close(self) -> None:
        """Finish what waits, then close every connection; one that is reading closes when it has read."""
        self._queue.close()
        self._writer.close()
        self._readers.close()
