"""Where the databases' DDL differs, and nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Words that a migration writes differently for each database."""

    binary: str
    counting_key: str
    bytewise: str
    """The statement after which a column of text is ordered by its bytes; empty where that is so anyway."""


SQLITE = Dialect(binary="BLOB", counting_key="INTEGER PRIMARY KEY AUTOINCREMENT", bytewise="")
POSTGRESQL = Dialect(
    binary="BYTEA",
    counting_key="BIGSERIAL PRIMARY KEY",
    bytewise='ALTER TABLE {table} ALTER COLUMN {column} TYPE TEXT COLLATE "C"',
)
