"""Where the counts of all processes come together."""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from registrar.metrics.asked import Asked
from registrar.metrics.counts import Counts

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def share(folder: Path) -> None:
    """Count in files of `folder` from now on: in each process that serves, before it counts anything.

    The library chooses when it is imported, by the environment. That may have been before anybody knew the folder.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


def counts_of_this_process() -> tuple[Counts, CollectorRegistry]:
    """New counts, and the registry that has them."""
    registry = CollectorRegistry()
    return Counts(registry), registry


class Exposition:
    """Everything in Prometheus's text format: what `asked` says, and the counts.

    Those are of all processes that share `folder`, or, without one, those in `own`.
    """

    def __init__(self, asked: Asked, *, own: CollectorRegistry | None = None, folder: Path | None = None) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(asked)
        if folder is not None:
            MultiProcessCollector(self._registry, str(folder))  # type: ignore[no-untyped-call]
        self._own = own if folder is None else None

    def render(self) -> tuple[bytes, str]:
        """The text, and its content type."""
        own = generate_latest(self._own) if self._own is not None else b""
        return generate_latest(self._registry) + own, CONTENT_TYPE
