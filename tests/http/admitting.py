"""The public app on a policy tree that a test writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.http.served import Served, served
from tests.service.admitting import Clock, files


def written(folder: Path, limits: str = "", spec: str = "", **profiles: str) -> Path:
    """The tree of `tests.service.admitting.files`, in a folder."""
    for path, text in files(limits, spec, **profiles).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@contextmanager
def admitting(folder: Path, limits: str = "", spec: str = "", clock: Clock | None = None, **profiles: str) -> Iterator[Served]:
    """The app on such a tree."""
    with served(folder, clock=clock or Clock(), policies=written(folder / "tree", limits, spec, **profiles)) as app:
        yield app
