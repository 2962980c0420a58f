"""`registrar db`: what schema the database has, and bringing it up."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registrar.cli import main
from registrar.store import Store, migrate, status
from registrar.store.migrations import MIGRATIONS, NEWEST
from tests.postgresql import fresh_schema
from tests.store.samples import rows
from tests.store.test_migrations import connected, frozen

LATER = [f"{step.version:04d} {step.name}" for step in MIGRATIONS[1:]]


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/registrar.db"
    else:
        with fresh_schema() as url:
            yield url


@pytest.fixture(name="old")
def _old(url: str) -> str:
    """A database with the data of release 0.1."""
    with connected(url) as database:
        frozen(database, 1)
    return url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["db", *arguments], env={"NO_COLOR": "1"})


def test_status_says_what_is_pending(old: str) -> None:
    """And leaves it so."""
    result = run("status", "--database-url", old)
    assert result.exit_code == 0, result.output
    assert f"schema    1, this release has {NEWEST}" in result.output
    assert f"pending   {', '.join(LATER)}" in result.output
    assert status(old).version == 1


def test_status_for_programs(old: str) -> None:
    result = run("status", "--format", "json", "--check", "--database-url", old)
    assert json.loads(result.stdout) == {"version": 1, "newest": NEWEST, "pending": LATER}
    assert result.exit_code == 4


def test_migrating_applies_each_once(old: str) -> None:
    """The data is there after it, and a second time there is nothing to do."""
    result = run("migrate", "--database-url", old)
    assert (result.exit_code, result.output.splitlines()) == (0, [f"applied {name}" for name in LATER])
    assert run("migrate", "--database-url", old).output == "nothing to migrate\n"
    assert rows(old, "SELECT client_id FROM client ORDER BY client_id") == [("c101",), ("c102",)]
    result = run("status", "--check", "--database-url", old)
    assert result.exit_code == 0, result.output
    assert "pending   nothing" in result.output


def test_migrating_makes_an_empty_database(url: str) -> None:
    result = run("migrate", "--database-url", url)
    assert (result.exit_code, len(result.output.splitlines())) == (0, NEWEST)
    Store.open_to_read(url).close()


def test_the_embedded_database_gets_its_folder(tmp_path: Path) -> None:
    """As when the server starts."""
    config = tmp_path / "registrar.yaml"
    config.write_text("state_dir: ./state\n", encoding="utf-8")
    result = run("migrate", "--config", str(config))
    assert result.exit_code == 0, result.output
    (file,) = (tmp_path / "state").glob("*.db")
    assert file.stat().st_mode & 0o077 == 0


def test_an_empty_server_database_has_no_schema(postgresql: str) -> None:
    result = run("status", "--database-url", postgresql)
    assert result.exit_code == 0
    assert f"schema    empty, this release has {NEWEST}" in result.output


@pytest.fixture(name="postgresql")
def _postgresql() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


def test_a_database_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    result = run("status", "--database-url", f"sqlite:///{tmp_path}/none.db")
    assert result.exit_code == 1
    assert "is not there" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["status", "migrate"])
def test_a_database_of_a_newer_release(url: str, command: str) -> None:
    """Is shown, and not touched."""
    migrate(url)
    rows(url, f"INSERT INTO schema_version VALUES ({NEWEST + 1}, 'future', 0)")
    result = run(command, "--database-url", url)
    assert result.exit_code == 1
    assert f"schema version {NEWEST + 1}" in result.stderr
    assert "upgrade" in result.stderr


def test_a_server_that_nobody_reaches() -> None:
    """One line, without the password."""
    result = run("status", "--database-url", "postgresql://me:hidden@127.0.0.1:1/none")
    assert result.exit_code == 1
    assert result.stderr.startswith("registrar: cannot use the database postgresql://127.0.0.1/none: ")
    assert "hidden" not in result.output


@pytest.mark.parametrize("url", ["mysql://h/d", "registrar.db", ""])
def test_a_url_that_names_no_database(url: str) -> None:
    assert run("status", "--database-url", url).exit_code in {1, 2}
