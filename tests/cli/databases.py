"""Databases for commands, and commands on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from registrar.cli import main
from tests.postgresql import fresh_schema


@contextmanager
def fresh(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database: `sqlite` in `folder`, or `postgresql`."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/registrar.db"
    else:
        with fresh_schema() as url:
            yield url


def run(url: str | None, *arguments: str | Path) -> Result:
    """A command on the database at `url`, with nothing else set; None: not even that."""
    environ = {"NO_COLOR": "1", "REGISTRAR_CONFIG": None, "REGISTRAR_DATABASE_URL": url}
    return CliRunner().invoke(main, list(map(str, arguments)), env=environ)
