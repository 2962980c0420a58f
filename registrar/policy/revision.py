"""The name of a policy tree: a digest that changes when, and only when, a byte of it does."""

import hashlib
from collections.abc import Mapping


def revision(files: Mapping[str, bytes]) -> str:
    """`sha256:` over the sorted list of (path, digest of the bytes) of a tree's files.

    One line a file, `<hex digest>  <path>`, as `sha256sum` prints it: anybody can compute it without this program.
    """
    lines = [f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(files.items())]
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()
