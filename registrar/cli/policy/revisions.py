"""A policy tree as a directory, or as git has it in a revision. Nothing here touches the work tree, the index or the network."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from registrar.errors import Place, RegistrarError
from registrar.policy import read_files

_TIMEOUT: Final = 60  # seconds
_FILE, _PROGRAM, _LINK = "100644", "100755", "120000"


class RevisionError(RegistrarError):
    """A tree that cannot be read: no such revision, no such path in it, or no git."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A tree's files, and what stands before their paths where a person looks for them.

    `folder` is where they are in a checkout: the directory itself, or the path inside the repository.
    """

    name: str
    files: Mapping[str, bytes]
    folder: str = ""

    def place(self, place: Place) -> Place:
        """A place in the tree, as a person finds it."""
        return Place(f"{self.name}/{place.file}", place.line, place.column)

    def in_checkout(self, place: Place) -> Place:
        """The same place in a checkout of the tree."""
        return Place((PurePosixPath(self.folder) / place.file).as_posix(), place.line, place.column)


def read_stored(text: str, path: str | None) -> Stored:
    """The tree that `text` names: a directory that exists, `REVISION:PATH`, or `REVISION` with `path`.

    Raises RevisionError, and LoadError for files that cannot be read.
    """
    if Path(text).is_dir():
        name = Path(text).as_posix().removesuffix("/")
        return Stored(name, read_files(Path(text)), name)
    revision, colon, inside = text.partition(":")
    if not colon and path is None:
        raise RevisionError(f"{text} is no directory; a git revision needs a path: {text}:PATH, or --path PATH")
    folder = PurePosixPath(inside if colon else path or "").as_posix()
    folder = "" if folder == "." else folder
    return Stored(f"{revision}:{folder or '.'}", dict(_read_revision(revision, folder)), folder)


def _read_revision(revision: str, folder: str) -> Iterator[tuple[str, bytes]]:
    # git would take a revision with a dash in front for an option.
    if not revision or revision.startswith("-"):
        raise RevisionError(f'"{revision}" is no git revision')
    tree = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}:{folder}")
    if tree is None:
        raise RevisionError(_missing(revision, folder))
    yield from _blobs(tree.decode().strip(), f"{revision}:{folder}")


def _missing(revision: str, folder: str) -> str:
    """What it is that git does not have: a repository, the revision, or the folder in it."""
    if _git("rev-parse", "--git-dir") is None:
        return f'git finds no repository here, which the revision "{revision}" needs'
    if _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}") is None:
        return f'git has no revision "{revision}"'
    return f"git has no {folder or 'files'} in revision {revision}"


def _blobs(tree: str, name: str) -> Iterator[tuple[str, bytes]]:
    """The YAML files of a git tree by their path in it, by the same rule as those of a directory: none that is hidden."""
    listed = _git("ls-tree", "-r", "-z", tree)
    if listed is None:
        raise RevisionError(f"{name} is no folder")
    # Not `git archive`: attributes of the repository (export-ignore, export-subst) would change what is read.
    for entry in listed.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        head, path = entry.split("\t", 1)
        mode, _, blob = head.split(" ")
        if not _is_policy(path):
            continue
        if mode == _LINK:
            raise RevisionError(f"{name}/{path} is a symbolic link, which is not followed inside a revision")
        if mode in (_FILE, _PROGRAM):
            yield path, _blob(blob, f"{name}/{path}")


def _is_policy(path: str) -> bool:
    parts = PurePosixPath(path)
    return parts.suffix.lower() in (".yaml", ".yml") and not any(part.startswith(".") for part in parts.parts)


def _blob(blob: str, name: str) -> bytes:
    content = _git("cat-file", "blob", blob)
    if content is None:
        raise RevisionError(f"git cannot read {name}")
    return content


def _git(*arguments: str) -> bytes | None:
    """What git prints; None when it says no. Raises RevisionError when there is no git, or no end."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell; a revision never begins with a dash
            ["git", "--no-optional-locks", "--no-replace-objects", *arguments],  # noqa: S607 - the operator's own git
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=_TIMEOUT,
        )
    except FileNotFoundError:
        raise RevisionError("there is no git here, which a revision needs") from None
    except subprocess.TimeoutExpired:
        raise RevisionError(f"git gave no answer in {_TIMEOUT} seconds") from None
    return done.stdout if done.returncode == 0 else None
