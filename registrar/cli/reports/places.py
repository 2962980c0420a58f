"""Files as a continuous integration names them: relative to the working directory where they are in it, with forward slashes."""

from pathlib import Path
from urllib.parse import quote


def relative(file: str, root: Path) -> str:
    """`file` relative to the absolute path `root` when it is inside; a file outside stays as it is."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(root):
        path = path.relative_to(root)
    return path.as_posix()


def uri(file: str, root: Path) -> str:
    """`file` as a URI reference (RFC 3986 §4.1): relative to `root` when it is inside, else with the scheme `file`."""
    path = Path(relative(file, root))
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
