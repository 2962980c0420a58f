"""The store: one method per verb, one transaction per method, whatever database is behind it."""

from registrar.store.counting import Counting
from registrar.store.leases import Leases
from registrar.store.lifecycle import Lifecycle
from registrar.store.metered import Meter, Metered
from registrar.store.opening import PATIENCE, existing, migrated, readable
from registrar.store.places import Places
from registrar.store.reading import Reading
from registrar.store.registrations import Registrations
from registrar.store.revisions import Revisions
from registrar.store.tokens import Tokens


class Store(Registrations, Lifecycle, Reading, Tokens, Revisions, Leases, Counting):
    """Clients, decisions, tokens and policy revisions in one database. Safe to share between threads; not across a fork.

    Every verb raises StoreUnavailable when the database cannot serve within the store's patience. Use `Store.open`; the
    constructor takes a backend whose schema is current.
    """

    applied: tuple[str, ...] = ()
    """The migrations that opening it took."""

    @classmethod
    def open(
        cls,
        url: str,
        *,
        patience: float = PATIENCE,
        meter: Meter | None = None,
        places: Places | None = None,
        upgrade: bool = True,
    ) -> "Store":
        """Open, and migrate when it is empty or older, the database at `url`; without `upgrade` only when it is empty.

        From then on `meter` is told how long it works. Threads work at `places`, and leave them while they wait for it.

        `sqlite:////absolute/path.db`, `sqlite:///relative.db` or `postgresql://…`. Raises DatabaseURLError, SchemaTooNew,
        SchemaTooOld (without `upgrade`), StoreUnavailable.
        """
        backend, applied = migrated(url, patience, places, upgrade=upgrade)
        store = cls(backend if meter is None else Metered(backend, meter))
        store.applied = applied
        return store

    @classmethod
    def open_existing(cls, url: str, *, patience: float = PATIENCE) -> "Store":
        """Open the database at `url`, which is there and has the newest schema. Makes and migrates nothing.

        Raises as `open_to_read`.
        """
        return cls(existing(url, patience))

    @classmethod
    def open_to_read(cls, url: str, *, patience: float = PATIENCE) -> "Store":
        """Open the database at `url`, which a server may be writing to, for the verbs that read.

        Makes, migrates and writes nothing; verbs that write raise StoreUnavailable. Raises DatabaseURLError, StoreUnavailable
        (no such database, too), and SchemaTooNew or SchemaTooOld for one that another release migrated.
        """
        return cls(readable(url, patience))

    def check(self) -> None:
        """Raise StoreUnavailable unless the database takes durable writes.

        Found out by a write of no meaning, at most once a second: meanwhile its answer stands, unless another write ends
        otherwise.
        """
        self._health.check()

    def close(self) -> None:
        """Finish the writes that wait, refuse new ones, and release the database."""
        self._backend.close()
