"""`registrar policy matrix`: what it prints, and how it exits."""

import subprocess
from pathlib import Path

from click.testing import CliRunner, Result

from registrar.cli import main
from tests.policy.trees import BASE, profile


def matrix(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", "matrix", *arguments])


def write(directory: Path, native: str = BASE["profiles/native.yaml"]) -> Path:
    for path, text in {**BASE, "profiles/native.yaml": native}.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text, encoding="utf-8")
    return directory


def git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(directory), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_shipped_tree_is_shown_when_none_is_given() -> None:
    result = matrix()
    assert result.exit_code == 0
    assert result.output.startswith("# Policy default\n")
    assert "## Guardrail identity\n" in result.output


def test_a_page(tmp_path: Path) -> None:
    result = matrix(str(write(tmp_path)), "--format", "html")
    assert result.exit_code == 0
    assert result.output.startswith("<!doctype html>\n")
    assert result.output.endswith("</html>\n")


def test_a_tree_that_does_not_load(tmp_path: Path) -> None:
    result = matrix(str(write(tmp_path, profile("client: {scpoe: {remove: true}}"))))
    assert result.exit_code == 3
    assert f"{tmp_path}/profiles/native.yaml:5:12: " in result.stderr
    assert result.stdout == ""


def test_the_state_of_the_repository_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    assert "git" not in matrix(str(tmp_path)).output
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "m")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert f", git {head}.\n" in matrix(str(tmp_path)).output
    write(tmp_path, profile("client: {scope: {remove: true}}"))
    assert f", git {head} with changes that are not committed.\n" in matrix(str(tmp_path)).output


def test_marks_that_turn_text_around_are_shown(tmp_path: Path) -> None:
    """A right-to-left override, or an escape sequence, would let a review show something else than what is decided."""
    write(tmp_path, profile('client: {client_name: {allow: ["a\\u202eb\\e[2Jc"]}}'))
    for style in ("markdown", "html"):
        output = matrix(str(tmp_path), "--format", style).output.replace("\\\\", "\\")
        assert "\u202e" not in output
        assert "\x1b" not in output
        assert "a\\u202eb\\x1b" in output
