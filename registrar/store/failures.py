"""How the store says no."""

from registrar.errors import RegistrarError


class StoreUnavailable(RegistrarError):  # noqa: N818  # a state of the world, not a mistake
    """The database cannot serve now (locked, full, read-only, gone, corrupt, connection lost): nothing was stored.

    The text names the cause, for the log; it is not for clients, who get 503 (`temporarily_unavailable`). The same call may
    succeed later: the store recovers by itself when the cause is gone.
    """


class OutcomeUnknown(StoreUnavailable):
    """The database went silent while it was committing: the unit of work is stored whole, or not at all."""


class DuplicateError(RegistrarError):
    """An id, a hash or a reuse key that exists already; nothing of the unit of work was stored."""


class ChangedError(RegistrarError):
    """The client is not what the caller read any more, or is no longer active; nothing was stored. Read it again."""


class TokenSpentError(RegistrarError):
    """A token that is used up, expired, revoked or unknown by now; nothing of the unit of work was stored."""


class SchemaTooNew(RegistrarError):  # noqa: N818  # likewise
    """The database was migrated by a newer release than this one, which must not guess what the new schema means."""


class SchemaTooOld(RegistrarError):  # noqa: N818  # likewise
    """The database was not migrated to this release's schema yet, and whoever only reads it must not do that."""


class DatabaseURLError(RegistrarError):
    """A database URL that this program cannot use. The text never shows the URL, which may hold a password."""
