"""Where the folders are that ship with the program: `policies/` and `schemas/`."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def bundled(name: str) -> Path:
    """The shipped folder `name`: inside an installed wheel, or beside the package in a checkout.

    Raises FileNotFoundError when the installation lacks it.
    """
    for folder in (_PACKAGE / "_bundled" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"this installation has no {name}/ folder")
