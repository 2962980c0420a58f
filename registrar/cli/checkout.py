"""What git knows about a policy tree."""

import subprocess
from pathlib import Path
from typing import Final

from registrar.app import Checkout

_TIMEOUT: Final = 10  # seconds; a repository on a dead network drive must not keep the server from starting


def find_checkout(tree: Path) -> Checkout:
    """The commit that `tree` stands at, and whether files in it differ from that; empty where git does not track the tree."""
    # A tree inside an ignored folder (a virtual environment in a checkout) is no part of the repository around it.
    if not _git(tree, "ls-files", "--error-unmatch", "policyset.yaml"):
        return Checkout()
    commit = _git(tree, "rev-parse", "HEAD")
    if not commit:
        return Checkout()
    return Checkout(commit, dirty=bool(_git(tree, "status", "--porcelain", "--", ".")))


def _git(tree: Path, *arguments: str) -> str:
    """What `git` prints, "" when it fails or is not there."""
    try:
        done = subprocess.run(  # noqa: S603 - constant words and an operator's folder, no shell
            ["git", "-C", str(tree), *arguments],  # noqa: S607 - the operator's own git
            capture_output=True,
            check=False,
            text=True,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
