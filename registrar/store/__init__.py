"""Where clients, decisions and policy revisions are kept: SQLite in one file, or PostgreSQL."""

from registrar.store.failures import (
    DatabaseURLError,
    DuplicateError,
    OutcomeUnknown,
    SchemaTooNew,
    SchemaTooOld,
    StoreUnavailable,
)
from registrar.store.journal import ChainBreak, Head
from registrar.store.records import RESULTS, STATUSES, Activation, Client, DecisionRecord, Result, Status
from registrar.store.store import SchemaStatus, Store, Verification, migrate, shown, status

__all__ = [
    "RESULTS",
    "STATUSES",
    "Activation",
    "ChainBreak",
    "Client",
    "DatabaseURLError",
    "DecisionRecord",
    "DuplicateError",
    "Head",
    "OutcomeUnknown",
    "Result",
    "SchemaStatus",
    "SchemaTooNew",
    "SchemaTooOld",
    "Status",
    "Store",
    "StoreUnavailable",
    "Verification",
    "migrate",
    "shown",
    "status",
]
