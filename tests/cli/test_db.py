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
from tests.store.samples import denied, rows
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


@pytest.fixture(name="recorded")
def _recorded(url: str) -> str:
    """A database with three decisions in one journal."""
    store = Store.open(url)
    for number in (1, 2, 3):
        store.record(denied(number))
    store.close()
    return url


def test_an_untouched_journal_is_whole(recorded: str) -> None:
    """And its head is told, so that it can be kept where nobody reaches who reaches the database."""
    [(journal, digest)] = rows(recorded, "SELECT journal, hash FROM decision WHERE seq = 3")
    result = run("verify", "--database-url", recorded)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{'JOURNAL':<{len(journal)}}  NEWEST RECORD  HASH",
        f"{journal:<7}  3              {bytes(digest).hex()}",
        "3 records, each in its place",
    ]
    told = json.loads(run("verify", "--format", "json", "--database-url", recorded).stdout)
    assert told == {"records": 3, "heads": [{"journal": journal, "seq": 3, "hash": bytes(digest).hex()}], "breaks": []}


@pytest.mark.parametrize(
    ("tampering", "flaw"),
    [
        ("UPDATE decision SET record = '{}' WHERE seq = 2", "record 2: its content does not have its hash"),
        ("DELETE FROM decision WHERE seq = 2", "record 3: record 2 is missing"),
    ],
)
def test_a_journal_that_somebody_changed(recorded: str, tampering: str, flaw: str) -> None:
    """Exit code 4, with the first record that is not as it was; the head is the last one that is."""
    rows(recorded, tampering)
    result = run("verify", "--database-url", recorded)
    assert result.exit_code == 4
    assert flaw in result.stderr
    assert "each in its place" not in result.stdout
    told = json.loads(run("verify", "--format", "json", "--database-url", recorded).stdout)
    assert ([head["seq"] for head in told["heads"]], told["records"]) == ([1], 1)
    assert [(found["seq"], found["reason"]) for found in told["breaks"]] == [(int(flaw[7]), flaw[10:])]


def test_an_empty_journal_is_whole(url: str) -> None:
    Store.open(url).close()
    result = run("verify", "--database-url", url)
    assert (result.exit_code, result.stdout) == (0, "0 records, each in its place\n")


def test_a_journal_that_is_cut_off_shows_beside_the_heads_that_were_kept(recorded: str, tmp_path: Path) -> None:
    """Which a chain alone cannot show: the records that came later are no break, those that went are one."""
    kept = tmp_path / "heads.json"
    kept.write_text(run("verify", "--format", "json", "--database-url", recorded).stdout, encoding="utf-8")
    store = Store.open(recorded)
    store.record(denied(4))
    store.close()
    assert run("verify", "--against", str(kept), "--database-url", recorded).exit_code == 0
    rows(recorded, "DELETE FROM decision WHERE seq >= 3")
    assert run("verify", "--database-url", recorded).exit_code == 0
    cut = run("verify", "--against", str(kept), "--database-url", recorded)
    assert cut.exit_code == 4
    assert "record 3: it was there when the heads were kept, and is not there" in cut.stderr
    rows(recorded, "DELETE FROM decision")
    gone = run("verify", "--against", str(kept), "--database-url", recorded)
    assert (gone.exit_code, "record 3: it was there" in gone.stderr) == (4, True)


def test_a_journal_that_was_written_anew_shows_beside_the_heads_that_were_kept(tmp_path: Path) -> None:
    """Whole as it is in itself."""
    url = f"sqlite:///{tmp_path}/registrar.db"
    kept = tmp_path / "heads.json"
    for numbers in ((1, 2, 3), (5, 6, 7, 8)):
        store = Store.open(url)
        for number in numbers:
            store.record(denied(number))
        store.close()
        if not kept.exists():
            kept.write_text(run("verify", "--format", "json", "--database-url", url).stdout, encoding="utf-8")
            rows(url, "DELETE FROM decision")
    assert run("verify", "--database-url", url).exit_code == 0
    anew = run("verify", "--against", str(kept), "--database-url", url)
    assert anew.exit_code == 4
    assert "record 3: it has another hash than when the heads were kept" in anew.stderr


@pytest.mark.parametrize(
    "text", ["", "[]", '{"heads": [{"journal": "a"}]}', '{"heads": [{"journal": "a", "seq": 1, "hash": "x"}]}']
)
def test_a_file_that_has_no_heads(recorded: str, tmp_path: Path, text: str) -> None:
    """2, as for every file that is wrong; so for one that is not there."""
    kept = tmp_path / "heads.json"
    missing = run("verify", "--against", str(kept), "--database-url", recorded)
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (2, True)
    kept.write_text(text, encoding="utf-8")
    wrong = run("verify", "--against", str(kept), "--database-url", recorded)
    assert (wrong.exit_code, "verify --format json" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("command", ["status", "migrate", "verify"])
def test_a_database_of_a_newer_release(url: str, command: str) -> None:
    """Is shown, and not touched."""
    migrate(url)
    rows(url, f"INSERT INTO schema_version VALUES ({NEWEST + 1}, 'future', 0)")
    result = run(command, "--database-url", url)
    assert result.exit_code == 1
    assert f"schema version {NEWEST + 1}" in result.stderr
    assert "upgrade registrar" in result.stderr


def test_a_server_that_nobody_reaches() -> None:
    """One line, with the port, which may be what is wrong, and without the password."""
    result = run("status", "--database-url", "postgresql://me:hidden@127.0.0.1:1/none")
    assert result.exit_code == 1
    assert result.stderr.startswith("registrar: cannot use the database postgresql://127.0.0.1:1/none: ")
    assert "hidden" not in result.output


@pytest.mark.parametrize("url", ["mysql://h/d", "registrar.db", ""])
def test_a_url_that_names_no_database(url: str) -> None:
    assert run("status", "--database-url", url).exit_code in {1, 2}
