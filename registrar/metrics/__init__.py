"""Counts what happens, in every process, and tells it in Prometheus's format."""

from registrar.metrics.asked import Asked
from registrar.metrics.counts import Counts
from registrar.metrics.exposition import Metrics

__all__ = ["Asked", "Counts", "Metrics"]
