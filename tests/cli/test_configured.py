"""Commands on a database that is not there, or that another release made: who looks for a client makes and migrates nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registrar.store import Store, status
from registrar.store.migrations import NEWEST
from tests.cli.databases import fresh, run
from tests.servers import free_port
from tests.store.test_migrations import connected, frozen

CHANGING = [
    ("sweep",),
    ("token", "revoke", "t1"),
    ("client", "disable", "c1"),
    ("client", "enable", "c1"),
    ("client", "delete", "c1"),
    ("client", "rotate-secret", "c1"),
]
READING = [("token", "list"), ("client", "list"), ("client", "show", "c1"), ("limits", "show"), ("db", "verify")]


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh(request.param, tmp_path) as url:
        yield url


@pytest.mark.parametrize("command", [*CHANGING, *READING], ids=" ".join)
def test_a_path_that_is_mistyped_does_not_become_a_database(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Exit 1: otherwise a sweep from cron would go well for ever, on a database that nobody else uses."""
    failed = run(f"sqlite:///{tmp_path}/registar.db", *command)
    assert (failed.exit_code, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert "registar.db is not there" in failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "registrar.db"
    file.touch()
    failed = run(f"sqlite:///{file}", "sweep")
    assert (failed.exit_code, "no registrar has used it" in failed.stderr) == (1, True)
    assert [(path, path.stat().st_size) for path in tmp_path.iterdir()] == [(file, 0)]


def test_an_older_database_is_migrated_by_who_is_told_to(url: str) -> None:
    """There is no way back, so no other command does it on the side."""
    with connected(url) as database:
        frozen(database, 1)
    for command in (*CHANGING, *READING, ("token", "create", "admin")):
        failed = run(url, *command)
        assert (failed.exit_code, failed.stdout) == (1, ""), command
        assert failed.stderr.endswith(": migrate it (registrar db migrate)\n"), command
    assert status(url).version == 1
    assert run(url, "db", "migrate").exit_code == 0
    assert run(url, "sweep").exit_code == 0
    assert status(url).version == NEWEST


def test_a_token_may_come_before_the_first_start(url: str) -> None:
    """And so makes the database."""
    assert run(url, "token", "create", "admin").exit_code == 0
    Store.open_existing(url).close()


@pytest.mark.parametrize("command", [*CHANGING[:1], *READING[:2], *READING[3:], ("policy", "replay", "--verify")], ids=" ".join)
def test_a_database_is_found_in_the_state_folder_that_the_server_was_given(tmp_path: Path, command: tuple[str, ...]) -> None:
    """By the same flag."""
    Store.open(f"sqlite:///{tmp_path}/registrar.db").close()
    done = run(None, *command, "--state-dir", tmp_path)
    assert done.exit_code == 0, done.output


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """One line that names it."""
    (tmp_path / "state").touch()
    config = tmp_path / "registrar.yaml"
    for folder, reason in (("state", "is a file"), ("state/below", "cannot be made: not a directory")):
        config.write_text(f"state_dir: ./{folder}\n", encoding="utf-8")
        for command in (["token", "create", "admin"], ["serve", "--bind", f"127.0.0.1:{free_port()}", "--private-bind", ""]):
            failed = run(None, *command, "--config", config)
            assert failed.exit_code == 1
            assert failed.stderr.endswith(f": the state folder {tmp_path / folder} {reason}\n"), failed.stderr
