"""What commands on recorded decisions have in common: which tree, which database, which records."""

import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Final

import click

from registrar.cli.configured import settings_or_leave
from registrar.cli.exits import BROKEN_TREE, UNEXPECTED, USAGE, leave
from registrar.cli.moments import since
from registrar.cli.policy.revisions import RevisionError, Stored, read_stored
from registrar.errors import LoadError, Problem
from registrar.policy import PolicySet, compile_tree
from registrar.schema import Schema
from registrar.store import DatabaseURLError, SchemaTooNew, SchemaTooOld, Store, StoreUnavailable, shown

CHANGED: Final = 4
"""The exit code of a command that was told to fail on what it found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records a command looks at: in the database `url`, from `since` on, at most `limit` of them (None: all)."""

    url: str
    since: datetime | None = None
    limit: int | None = None

    @property
    def epoch(self) -> int:
        """`since` in epoch seconds."""
        return math.ceil(self.since.timestamp()) if self.since else 0

    @property
    def database(self) -> str:
        """The URL as it can be shown."""
        return shown(self.url)


def selection_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which records; the command gets them as one `selection: Selection`."""

    @click.option("--config", metavar="FILE", help="Settings file (YAML) that names the database. Also REGISTRAR_CONFIG.")
    @click.option("--database-url", metavar="URL", help="sqlite:///FILE or postgresql://...")
    @click.option("--state-dir", metavar="DIR", help="Folder of the embedded database.")
    @click.option("--since", metavar="WHEN", callback=since, help="From when on: 2026-10-01T12:00:00Z, or 30d ago (s, m, h, d).")
    @click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Look at so many at most.")
    @wraps(command)
    def told(
        *,
        config: str | None,
        database_url: str | None,
        state_dir: str | None,
        since: datetime | None,
        limit: int | None,
        **others: Any,
    ) -> None:
        given = {"database_url": database_url, "state_dir": state_dir}
        url = settings_or_leave(config, {name: value for name, value in given.items() if value is not None}).database_url
        command(selection=Selection(url=url, since=since, limit=limit), **others)

    return told


@dataclass(frozen=True, slots=True)
class Tree:
    """A policy set, and how it was named."""

    name: str
    policies: PolicySet

    def __str__(self) -> str:
        return f"{self.name} ({self.policies.name}, {self.policies.revision})"

    @property
    def record(self) -> dict[str, str]:
        """The same for programs."""
        return {"tree": self.name, "name": self.policies.name, "revision": self.policies.revision}


def tree_or_leave(text: str) -> Tree:
    """The tree that `text` names, a directory or REVISION:PATH; exits 2 when there is none, 3 when it does not load."""
    stored = Stored(text, {})
    try:
        stored = read_stored(text, None)
        return Tree(stored.name, compile_tree(stored.files, Schema.load("policy")))
    except RevisionError as error:
        leave(USAGE, str(error))
    except LoadError as error:
        problems = [Problem(stored.place(problem.place), problem.path, problem.message) for problem in error.problems]
        leave(BROKEN_TREE, f"the policy tree {text} does not load:", problems)


@contextmanager
def store_or_leave(selection: Selection) -> Iterator[Store]:
    """The database, opened to read; exits 1 with one line when it cannot be read, now or while the block runs."""
    try:
        with closing(Store.open_to_read(selection.url)) as store:
            yield store
    except (DatabaseURLError, SchemaTooNew, SchemaTooOld, StoreUnavailable) as error:
        leave(UNEXPECTED, f"cannot read the database {selection.database}: {error}")
