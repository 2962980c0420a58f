"""What commands on the database have in common: the settings that name it, and the store itself."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from registrar.app import open_store
from registrar.cli.exits import UNEXPECTED, USAGE, leave
from registrar.settings import Settings, SettingsError
from registrar.store import DatabaseURLError, SchemaTooNew, SchemaTooOld, Store, StoreUnavailable, shown


def database_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which database; the command gets them as one `settings: Settings`."""
    return _settings_options(command, "database_url", "state_dir")


def tree_and_database_options(command: Callable[..., None]) -> Callable[..., None]:
    """The same, and the policy tree that judges."""
    return _settings_options(command, "policies", "database_url", "state_dir")


def _settings_options(command: Callable[..., None], *names: str) -> Callable[..., None]:
    @wraps(command)
    def told(*, config: str | None, **given: Any) -> None:
        flags = {name: value for name in names if (value := given.pop(name)) is not None}
        command(settings=settings_or_leave(config, flags), **given)

    for name in ("config", *names):
        _OPTIONS[name](told)
    return told


_OPTIONS: Final[Mapping[str, Callable[[Callable[..., None]], object]]] = {
    "config": click.option("--config", metavar="FILE", help="Settings file (YAML). Also REGISTRAR_CONFIG."),
    "policies": click.option("--policies", metavar="DIR", help="Policy tree.  [default: the one that ships with the program]"),
    "database_url": click.option("--database-url", metavar="URL", help="sqlite:///FILE or postgresql://..."),
    "state_dir": click.option("--state-dir", metavar="DIR", help="Folder of the embedded database."),
}
"""Flags that `serve` has, too: what it was started with has to be sayable here."""


def settings_or_leave(config: str | None, flags: Mapping[str, str]) -> Settings:
    """The settings of the file `config` (None: REGISTRAR_CONFIG), the environment and `flags`; exits 2 when they are wrong."""
    file = config or os.environ.get("REGISTRAR_CONFIG")
    try:
        return Settings.load(Path(file) if file else None, os.environ, flags)
    except SettingsError as error:
        leave(USAGE, "the settings are wrong:", error.lines())


@contextmanager
def store_or_leave(settings: Settings) -> Iterator[Store]:
    """The database, there and at this release's schema; exits 1 with one line when it cannot be used, now or in the block.

    Nothing is made and nothing migrated: a path that is mistyped must not become a database, and there is no way back.
    """
    with using(settings), closing(Store.open_existing(settings.database_url)) as store:
        yield store


@contextmanager
def store_made_or_leave(settings: Settings, *, upgrade: bool = False) -> Iterator[Store]:
    """The database, made where there is none, for what may come before the first start of a server; else as `store_or_leave`.

    With `upgrade` it is migrated as well.
    """
    with using(settings), closing(_made(settings, upgrade=upgrade)) as store:
        yield store


@contextmanager
def store_to_read_or_leave(settings: Settings) -> Iterator[Store]:
    """The database as it is, opened to read; exits 1 as `store_or_leave` does."""
    with using(settings), closing(Store.open_to_read(settings.database_url)) as store:
        yield store


def _made(settings: Settings, *, upgrade: bool) -> Store:
    mask = os.umask(0o077)  # the database holds who registered from where
    try:
        return open_store(settings, upgrade=upgrade)
    finally:
        os.umask(mask)


@contextmanager
def using(settings: Settings) -> Iterator[None]:
    """Exit 1 with one line when the database cannot be used in the block."""
    try:
        yield
    except (DatabaseURLError, SchemaTooNew, SchemaTooOld, StoreUnavailable) as error:
        leave(UNEXPECTED, f"cannot use the database {shown(settings.database_url)}: {error}")
