"""Where the counts of all processes come together."""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from registrar.metrics.asked import Asked
from registrar.metrics.counts import Counts

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The `counts` of this process, and what is told of them: beside those of all processes that share `folder`, or alone.

    MUST: in a process that shares a folder this is made before anything is counted, and once.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None:
            _share(folder)
        self._folder = folder
        self._own = CollectorRegistry()
        self.counts = Counts(self._own)

    def render(self, asked: Asked) -> tuple[bytes, str]:
        """What `asked` says and what was counted, in Prometheus's text format, and the content type of that."""
        counted = self._own if self._folder is None else _of_all(self._folder)
        told = CollectorRegistry()
        told.register(asked)
        return generate_latest(told) + generate_latest(counted), CONTENT_TYPE


def _share(folder: Path) -> None:
    """Count in files of `folder` from now on.

    The library chooses when it is imported, by the environment. That may have been before anybody knew the folder.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    process = os.getpid()  # asked once, and not at every count: what serves does not fork
    values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]


def _of_all(folder: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return registry
