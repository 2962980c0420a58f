"""Where the databases' DDL differs, and nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Words that a migration writes differently for each database."""

    binary: str
    counting_key: str


SQLITE = Dialect(binary="BLOB", counting_key="INTEGER PRIMARY KEY AUTOINCREMENT")
POSTGRESQL = Dialect(binary="BYTEA", counting_key="BIGSERIAL PRIMARY KEY")
