"""Where clients, decisions and policy revisions are kept: SQLite in one file, or PostgreSQL."""

from registrar.store.counting import Counted
from registrar.store.failures import (
    ChangedError,
    DatabaseURLError,
    DuplicateError,
    OutcomeUnknown,
    SchemaTooNew,
    SchemaTooOld,
    StoreUnavailable,
    TokenSpentError,
)
from registrar.store.journal import ChainBreak, Head
from registrar.store.metered import Meter
from registrar.store.opening import SchemaStatus, migrate, shown, status
from registrar.store.places import Places
from registrar.store.reading import Verification
from registrar.store.records import (
    OUTCOMES,
    RESULTS,
    STATUSES,
    TOKEN_KINDS,
    Activation,
    Client,
    DecisionRecord,
    Outcome,
    Result,
    Status,
    TokenKind,
    TokenRecord,
)
from registrar.store.store import Store

__all__ = [
    "OUTCOMES",
    "RESULTS",
    "STATUSES",
    "TOKEN_KINDS",
    "Activation",
    "ChainBreak",
    "ChangedError",
    "Client",
    "Counted",
    "DatabaseURLError",
    "DecisionRecord",
    "DuplicateError",
    "Head",
    "Meter",
    "Outcome",
    "OutcomeUnknown",
    "Places",
    "Result",
    "SchemaStatus",
    "SchemaTooNew",
    "SchemaTooOld",
    "Status",
    "Store",
    "StoreUnavailable",
    "TokenKind",
    "TokenRecord",
    "TokenSpentError",
    "Verification",
    "migrate",
    "shown",
    "status",
]
