"""`examples/static-clients`: what its README says is run."""

import re
from pathlib import Path

from registrar.app import create_clients
from registrar.store import Store
from tests.cli.databases import run

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/static-clients"
MADE = re.compile(
    r"client_secret \S{43}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)  # another one each time, or with other policies


def test_the_commands_of_the_readme_print_what_it_shows(tmp_path: Path) -> None:
    """A dry run first, which writes nothing; and the same file again, which changes nothing."""
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    commands, printed = re.findall(r"```(?:sh)?\n(.*?)```", readme, re.DOTALL)
    url = f"sqlite:///{tmp_path}/registrar.db"
    file = EXAMPLE / "clients.yaml"
    assert [line.split()[:4] for line in commands.splitlines()] == [
        ["registrar", "client", "import", "examples/static-clients/clients.yaml"]
    ] * 2
    Store.open(url).close()  # as where a server runs
    dry = run(url, "client", "import", file, "--dry-run")
    done = run(url, "client", "import", file)
    assert (dry.exit_code, done.exit_code) == (0, 0), done.output
    assert MADE.sub("made", done.stdout) == MADE.sub("made", printed)
    named = [line.split()[1] for line in done.stdout.splitlines()]
    assert [line.split()[:3] for line in dry.stdout.splitlines()] == [["would", "create", client_id] for client_id in named]
    again = run(url, "client", "import", file).stdout.splitlines()
    assert [line.split()[0] for line in again] == ["unchanged"] * 3


def test_the_first_has_the_secret_that_was_printed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registrar.db"
    line = run(url, "client", "import", EXAMPLE / "clients.yaml").stdout.splitlines()[0]
    store = Store.open(url)
    assert create_clients(store).authenticate("reports", line.split()[-1])
    store.close()
