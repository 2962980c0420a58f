"""Which database a URL names, and the schema that it has."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from registrar.store import migrations
from registrar.store.access import Backend
from registrar.store.failures import DatabaseURLError, SchemaTooNew, SchemaTooOld, StoreUnavailable
from registrar.store.places import Places
from registrar.store.sqlite import SqliteBackend

PATIENCE = 5.0
"""Seconds that a verb waits for the database before it answers StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The schema version that a database has, the newest that this release knows, and what `migrate` would apply."""

    version: int
    newest: int
    pending: tuple[str, ...]


def status(url: str, *, patience: float = PATIENCE) -> SchemaStatus:
    """Look at the schema of the database at `url` without changing it. Raises DatabaseURLError, StoreUnavailable."""
    with closing(backend_of(url, patience)) as backend, backend.schema(create=False) as database:
        version = migrations.applied(database)
    return SchemaStatus(version, migrations.NEWEST, _names(version, migrations.NEWEST))


def migrate(url: str, *, patience: float = PATIENCE) -> tuple[str, ...]:
    """Bring the database at `url` to the newest schema; the migrations that this call applied. Raises as `Store.open`."""
    backend, applied = migrated(url, patience)
    backend.close()
    return applied


def migrated(url: str, patience: float, places: Places | None = None, *, upgrade: bool = True) -> tuple[Backend, tuple[str, ...]]:
    """The database at `url`, brought to the newest schema, and the migrations that took. Raises as `Store.open`.

    Without `upgrade` only an empty one is brought there: another has to be there already.
    """
    backend = backend_of(url, patience, places)
    try:
        with backend.schema(create=True) as database:
            if not upgrade and (version := migrations.applied(database)):
                _require_newest(version)
            applied = [name for version in migrations.migrate(database) for name in _names(version - 1, version)]
    except BaseException:
        backend.close()
        raise
    return backend, tuple(applied)


def readable(url: str, patience: float) -> Backend:
    """The database at `url`, never changed. Raises as `Store.open_to_read`."""
    backend = backend_of(url, patience, read_only=True)
    try:
        with backend.schema(create=False) as database:
            _require_newest(migrations.applied(database))
    except BaseException:
        backend.close()
        raise
    return backend


def existing(url: str, patience: float) -> Backend:
    """The database at `url`, to be written to. Raises as `Store.open_existing`."""
    readable(url, patience).close()  # even to connect for writing changes a file, which may be no registrar's
    return backend_of(url, patience)


def shown(url: str) -> str:
    """A database URL as people and logs may see it: without user, password and options."""
    parts = urlsplit(url)
    return url if parts.scheme == "sqlite" else f"{parts.scheme}://{_address(parts)}{parts.path}"


def _address(parts: SplitResult) -> str:
    """Host and port, as far as there are any."""
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:  # no number, so it may be a piece of a password
        port = None
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")


def backend_of(url: str, patience: float, places: Places | None = None, *, read_only: bool = False) -> Backend:
    """The database that `url` names, not opened yet. Raises DatabaseURLError."""
    if url.startswith("sqlite:///"):
        path = unquote(url.removeprefix("sqlite:///"))
        if not path or path == ":memory:":
            raise DatabaseURLError("a sqlite:/// URL must name a file")
        return SqliteBackend(Path(path), patience=patience, places=places, read_only=read_only)
    if url.startswith(("postgresql://", "postgres://")):
        return _postgresql(url, patience, places, read_only=read_only)
    raise DatabaseURLError("a database URL starts with sqlite:/// or postgresql://")


def _postgresql(url: str, patience: float, places: Places | None, *, read_only: bool) -> Backend:
    try:
        from registrar.store.postgresql import PostgresqlBackend  # noqa: PLC0415  # its driver is an optional dependency
    except ImportError as error:
        raise DatabaseURLError(f"PostgreSQL needs the extra oauth-registrar[postgres]: {error}") from error
    return PostgresqlBackend(url, patience=patience, places=places, read_only=read_only)


def _require_newest(version: int) -> None:
    if version > migrations.NEWEST:
        raise SchemaTooNew(
            f"the database has schema version {version}; this release knows {migrations.NEWEST}: upgrade registrar"
        )
    if version == 0:
        raise StoreUnavailable("the database is empty: no registrar has used it")
    if version < migrations.NEWEST:
        raise SchemaTooOld(
            f"the database has schema version {version}, this release has {migrations.NEWEST}: migrate it (registrar db migrate)"
        )


def _names(after: int, until: int) -> tuple[str, ...]:
    return tuple(f"{step.version:04d} {step.name}" for step in migrations.MIGRATIONS[after:until])
