"""`registrar policy init`."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

import registrar
from registrar.cli.exits import UNEXPECTED, leave
from registrar.cli.policy.schema import read_schema

_STARTER: Final = Path(registrar.__file__).resolve().parent / "starter"
_HEAD: Final = "policyset.yaml"
# Beside the tree, since an address on the network would be another version's, and a path into this installation nobody else's.
# Hidden files are no part of a policy tree, so a newer schema changes no revision.
_SCHEMA: Final = ".schemas/policy.schema.json"
_NEXT: Final = """\
{directory} has a policy tree: two profiles, one guardrail, limits and their tests. Editors read {schema}.

Next:
  1. Edit it, first the lines in {head} that say EDIT, and ask:
       registrar policy check {argument}
       registrar policy test {argument} --coverage --min 100
  2. Commit it, with a review for each change.
  3. registrar serve --policies {argument}
"""


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Write a small policy tree with its tests into DIR, to begin with. DIR must be empty, or not there yet.

    Exits 0 when all of it is written, 1 when nothing is, 2 when DIR has something in it.
    """
    try:
        if directory.is_dir():
            _fill(directory)
        else:
            _create(directory)
    except OSError as error:
        leave(UNEXPECTED, f"{directory} cannot be written: {error.strerror}")
    argument = shlex.quote(str(directory))
    click.echo(_NEXT.format(directory=directory, argument=argument, head=_HEAD, schema=_SCHEMA), nl=False)


def _create(directory: Path) -> None:
    """A whole tree takes the name `directory`, or nothing does."""
    if directory.exists():
        raise click.BadParameter(f"{directory} is no directory", param_hint="DIR")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory.parent, prefix=".policy-init-") as staging:
        tree = Path(staging) / "tree"
        _write(tree, _files())
        tree.rename(directory)


def _fill(directory: Path) -> None:
    """A directory that is there stays itself: it may be a mount, or where a shell stands."""
    if any(directory.iterdir()):
        raise click.BadParameter(f"{directory} is not empty", param_hint="DIR")
    with TemporaryDirectory(dir=directory, prefix=".policy-init-") as staging:
        tree = Path(staging) / "tree"
        _write(tree, _files())
        # The head comes last: a tree without one never loads, so nobody serves a part of it.
        for entry in sorted(tree.iterdir(), key=lambda entry: entry.name == _HEAD):
            entry.rename(directory / entry.name)


def _files() -> Mapping[str, bytes]:
    """What is written, by its path in the tree."""
    starter = {path.relative_to(_STARTER).as_posix(): path.read_bytes() for path in sorted(_STARTER.rglob("*.yaml"))}
    return {**starter, _SCHEMA: read_schema()}


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
