"""`registrar policy init`: a tree to begin with, whole or not at all."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.server import PATIENCE, run

TREE = {
    ".schemas/policy.schema.json",
    "guardrails/names.yaml",
    "limits/registration.yaml",
    "policyset.yaml",
    "profiles/hosted.yaml",
    "profiles/native.yaml",
    "tests/clients_test.yaml",
}
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")
# A writer may not make a file of more than 8 KiB: the tree's own files fit, the schema does not.
FULL = 'ulimit -f 8; exec "$0" -m registrar policy init "$1"'


def files(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def commands(output: str) -> Iterator[list[str]]:
    """The commands on policy trees that the next steps name."""
    for line in output.splitlines():
        if line.strip().startswith("registrar policy "):
            yield shlex.split(line)[1:]


def init_on_a_full_disk(folder: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", FULL, sys.executable, str(directory)],
        env={"HOME": str(folder), "PYTHONPATH": ":".join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_new_tree_passes_the_commands_that_it_is_shown_with(tmp_path: Path) -> None:
    """It loads and its tests cover every rule, before anybody has edited it."""
    done = run(tmp_path, "policy", "init", str(tmp_path / "my policies"))
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "my policies") == TREE
    shown = list(commands(done.stdout))
    assert [words[1] for words in shown] == ["check", "test"]
    for words in shown:
        assert words[2] == str(tmp_path / "my policies")
        checked = run(tmp_path, *words)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_file_names_a_schema_that_is_there(tmp_path: Path) -> None:
    """Editors follow the first line of each file to what `policy schema` prints, without a network."""
    run(tmp_path, "policy", "init", str(tmp_path / "tree"))
    schema = run(tmp_path, "policy", "schema").stdout
    for path in (tmp_path / "tree").rglob("*.yaml"):
        named = MODELINE.match(path.read_text(encoding="utf-8"))
        assert named, path
        assert (path.parent / named[1]).read_text(encoding="utf-8") == schema


def test_the_schema_is_no_part_of_the_revision(tmp_path: Path) -> None:
    """A newer schema for the editor does not make a new policy."""
    tree = tmp_path / "tree"
    run(tmp_path, "policy", "init", str(tree))
    before = run(tmp_path, "policy", "check", str(tree))
    (tree / ".schemas/policy.schema.json").unlink()
    after = run(tmp_path, "policy", "check", str(tree))
    assert (after.returncode, after.stdout) == (0, before.stdout)


def test_an_empty_directory_is_filled_and_stays_itself(tmp_path: Path) -> None:
    """A volume or the folder of a shell cannot be replaced by another directory of its name."""
    directory = tmp_path / "empty"
    directory.mkdir(mode=0o750)
    before = directory.stat()
    assert run(tmp_path, "policy", "init", str(directory)).returncode == 0
    assert files(directory) == TREE
    after = directory.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)


def test_missing_parents_are_made(tmp_path: Path) -> None:
    """As git init does."""
    assert run(tmp_path, "policy", "init", str(tmp_path / "a/b")).returncode == 0
    assert files(tmp_path / "a/b") == TREE


@pytest.mark.parametrize("name", ["policyset.yaml", ".git"])
def test_a_directory_with_anything_in_it_is_left_alone(tmp_path: Path, name: str) -> None:
    """Nothing of the operator's is ever overwritten or mixed with the starter."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / name).write_text("mine", encoding="utf-8")
    done = run(tmp_path, "policy", "init", str(tmp_path / "tree"))
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert files(tmp_path / "tree") == {name}
    assert (tmp_path / "tree" / name).read_text(encoding="utf-8") == "mine"


def test_a_file_is_left_alone(tmp_path: Path) -> None:
    """DIR is a directory, or not there."""
    (tmp_path / "tree").write_text("mine", encoding="utf-8")
    done = run(tmp_path, "policy", "init", str(tmp_path / "tree"))
    assert done.returncode == 2
    assert "is no directory" in done.stderr
    assert (tmp_path / "tree").read_text(encoding="utf-8") == "mine"


def test_a_full_disk_leaves_no_tree(tmp_path: Path) -> None:
    """The directory appears when all of it is written."""
    (tmp_path / "work").mkdir()
    done = init_on_a_full_disk(tmp_path, tmp_path / "work/tree")
    assert done.returncode == 1, done.stderr
    assert done.stderr == f"registrar: {tmp_path}/work/tree cannot be written: File too large\n"
    assert list((tmp_path / "work").iterdir()) == []


def test_a_full_disk_leaves_an_empty_directory_empty(tmp_path: Path) -> None:
    """Not one file of the tree, and nothing hidden."""
    (tmp_path / "tree").mkdir()
    done = init_on_a_full_disk(tmp_path, tmp_path / "tree")
    assert done.returncode == 1, done.stderr
    assert list((tmp_path / "tree").iterdir()) == []
