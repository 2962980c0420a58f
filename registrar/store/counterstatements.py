"""The SQL of limits. All of it is also SQL of CockroachDB's by its documentation; it was tried on SQLite and PostgreSQL only."""

from dataclasses import dataclass
from functools import cache

import peewee

_STATE = ("shard", "slices", "tat", "active", "total")
_CHANGING = (*_STATE[1:], "expires_at")
_ROW = ("limit_id", "key", *_STATE, "expires_at")

_PLACES = f"({', '.join('?' * len(_ROW))})"
_SELECT = f"SELECT {', '.join(_STATE)} FROM counter WHERE limit_id = ? AND key = ?"  # noqa: S608  # constants of this module
_FIRST = f"SELECT key, {', '.join(_STATE[1:])} FROM counter WHERE limit_id = ? AND shard = 0"  # noqa: S608  # likewise
_INSERT = f"INSERT INTO counter ({', '.join(_ROW)}) VALUES "  # noqa: S608  # likewise
_REPLACE = " ON CONFLICT (limit_id, key, shard) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _CHANGING)
# Expired at 1: the next pruning looks when its window is over, which is not known here.
_LOOK = "CASE WHEN active = 1 AND total = 0 THEN 1 ELSE expires_at END"
_ONE = " WHERE limit_id = ? AND key = ? AND shard = ?"

_TEXTS = {
    "select": f"{_SELECT} ORDER BY shard",
    "lock_one": f"{_SELECT} ORDER BY shard < ?, shard LIMIT 1 FOR UPDATE",
    "lock_free": f"{_SELECT} ORDER BY shard < ?, shard LIMIT 1 FOR UPDATE SKIP LOCKED",
    "give_back": f"UPDATE counter SET active = active - 1, expires_at = {_LOOK}{_ONE} AND active > 0",  # noqa: S608  # likewise
    "delete": "DELETE FROM counter WHERE limit_id = ? AND key = ?",
    "postpone": "UPDATE counter SET expires_at = ? WHERE limit_id = ? AND key = ?",
    "select_expired": "SELECT limit_id, key FROM counter WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?",
    "select_limit": "SELECT limit_id FROM counter WHERE limit_id > ? ORDER BY limit_id LIMIT 1",
    "select_keys": f"{_FIRST} ORDER BY key LIMIT ?",
    "select_keys_after": f"{_FIRST} AND key > ? ORDER BY key LIMIT ?",
    "insert_hold": "INSERT INTO hold (client_id, limit_id, key, shard) VALUES (?, ?, ?, ?)",
    "select_holds": "SELECT limit_id, key, shard FROM hold WHERE client_id = ?",
    "delete_holds": "DELETE FROM hold WHERE client_id = ?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterStatements:
    """Constant SQL in the dialect of one database."""

    select: str
    """The state of a limit under a key, shard by shard."""
    lock_one: str
    """The first shard from a number on, then from 0 on."""
    lock_free: str
    """The same of those that nobody has locked; "" where a transaction is alone anyway."""
    give_back: str
    delete: str
    postpone: str
    select_expired: str
    select_limit: str
    """The name of the limit after one."""
    select_keys: str
    """The first rows of a limit under its first keys."""
    select_keys_after: str
    """The same under the keys after one."""
    insert_hold: str
    select_holds: str
    delete_holds: str
    parameter: str
    """What stands for a value."""

    def lock(self, limits: int) -> str:
        """The shards of so many limits, with the place of each in the question. Nobody else may change them from then on."""
        return _lock(limits, self.parameter, " FOR UPDATE OF counter" if self.lock_free else "")

    def create(self, rows: int) -> str:
        """Write so many rows, but none that is there."""
        return _insert(rows, self.parameter, " ON CONFLICT DO NOTHING")

    def replace(self, rows: int) -> str:
        """Write so many rows, whether they are there or not."""
        return _insert(rows, self.parameter, _REPLACE)


def counter_statements(database: peewee.Database) -> CounterStatements:
    """The statements for `database`, which need not be connected."""
    texts = _TEXTS
    if isinstance(database, peewee.SqliteDatabase):  # a transaction that writes has all of it for itself
        texts = _TEXTS | {"lock_one": "", "lock_free": ""}
    dialect = {name: text.replace("?", database.param) for name, text in texts.items()}
    return CounterStatements(parameter=database.param, **dialect)


@cache
def _lock(limits: int, parameter: str, clause: str) -> str:
    """PostgreSQL locks rows in the order that they are asked for in: a sort is done before."""
    wanted = ", ".join(f"({place}, ?, ?)" for place in range(limits))
    text = (
        f"WITH wanted (place, limit_id, key) AS (VALUES {wanted}) SELECT place, {', '.join(_STATE)} FROM wanted "  # noqa: S608  # likewise
        f"JOIN counter ON counter.limit_id = wanted.limit_id AND counter.key = wanted.key ORDER BY place, shard{clause}"
    )
    return text.replace("?", parameter)


@cache
def _insert(rows: int, parameter: str, otherwise: str) -> str:
    return (_INSERT + ", ".join([_PLACES] * rows) + otherwise).replace("?", parameter)
