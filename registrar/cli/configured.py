"""What commands on the database have in common: the settings that name it, and the store itself."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from registrar.app import open_store
from registrar.cli.exits import UNEXPECTED, USAGE, leave
from registrar.settings import Settings, SettingsError
from registrar.store import DatabaseURLError, SchemaTooNew, SchemaTooOld, Store, StoreUnavailable, shown


def database_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which database; the command gets them as one `settings: Settings`."""

    @click.option("--config", metavar="FILE", help="Settings file (YAML). Also REGISTRAR_CONFIG.")
    @click.option("--database-url", metavar="URL", help="sqlite:///FILE or postgresql://...")
    @wraps(command)
    def told(*, config: str | None, database_url: str | None, **others: Any) -> None:
        flags = {} if database_url is None else {"database_url": database_url}
        command(settings=settings_or_leave(config, flags), **others)

    return told


def settings_or_leave(config: str | None, flags: Mapping[str, str]) -> Settings:
    """The settings of the file `config` (None: REGISTRAR_CONFIG), the environment and `flags`; exits 2 when they are wrong."""
    file = config or os.environ.get("REGISTRAR_CONFIG")
    try:
        return Settings.load(Path(file) if file else None, os.environ, flags)
    except SettingsError as error:
        leave(USAGE, "the settings are wrong:", error.lines())


@contextmanager
def store_or_leave(settings: Settings) -> Iterator[Store]:
    """The database, made or migrated where that is needed; exits 1 with one line when it cannot be used, now or in the block."""
    with using(settings), closing(_open(settings)) as store:
        yield store


@contextmanager
def store_to_read_or_leave(settings: Settings) -> Iterator[Store]:
    """The database as it is, opened to read; exits 1 as `store_or_leave` does."""
    with using(settings), closing(Store.open_to_read(settings.database_url)) as store:
        yield store


def _open(settings: Settings) -> Store:
    mask = os.umask(0o077)  # the database holds who registered from where
    try:
        return open_store(settings)
    except OSError as error:
        raise StoreUnavailable(str(error)) from error
    finally:
        os.umask(mask)


@contextmanager
def using(settings: Settings) -> Iterator[None]:
    """Exit 1 with one line when the database cannot be used in the block."""
    try:
        yield
    except (DatabaseURLError, SchemaTooNew, SchemaTooOld, StoreUnavailable) as error:
        leave(UNEXPECTED, f"cannot use the database {shown(settings.database_url)}: {error}")
