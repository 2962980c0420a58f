"""What is asked for when somebody scrapes: how things are."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from registrar.errors import RegistrarError
from registrar.service import InForce
from registrar.store import Status

_KEPT: Final = 10.0  # seconds for which a tally stands: counting a million clients takes a moment


class Asked(Collector):
    """The policy in force and the clients there are. `tally` counts the clients by status; it may raise RegistrarError."""

    def __init__(self, in_force: Callable[[], InForce], tally: Callable[[], Mapping[Status, int]]) -> None:
        self._in_force = in_force
        self._tally = tally
        self._tallied: Mapping[Status, int] = {}
        self._until = 0.0

    def collect(self) -> Iterable[Metric]:
        """Every gauge. That of the clients has no samples while the store does not answer."""
        yield from self._policy()
        clients = GaugeMetricFamily("registrar_clients", "Clients and tombstones", labels=["status"])
        for status, number in self._numbers().items():
            clients.add_metric([status], number)
        yield clients

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering asks nobody."""
        return ()

    def _policy(self) -> Iterable[Metric]:
        in_force = self._in_force()
        policies, rejected = in_force.policies, in_force.rejected
        info = GaugeMetricFamily("registrar_policy_info", "The policy tree in force", labels=["name", "revision"])
        info.add_metric([policies.name, policies.revision], 1)
        yield info
        what = "Whether the tree on disk is one that could not come into force"
        yield GaugeMetricFamily("registrar_policy_rejected", what, float(rejected is not None))
        if rejected is not None:
            yield GaugeMetricFamily("registrar_policy_rejected_time_seconds", "When it was looked at", rejected.at)
            yield GaugeMetricFamily("registrar_policy_rejected_problems", "Mistakes in it", len(rejected.problems))

    def _numbers(self) -> Mapping[Status, int]:
        if time.monotonic() >= self._until:
            try:
                self._tallied = self._tally()
            except RegistrarError:
                self._tallied = {}
            self._until = time.monotonic() + _KEPT
        return self._tallied
