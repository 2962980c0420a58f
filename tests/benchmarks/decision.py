"""What a decision of the shipped policies costs, for each of the shipping clients, and what loading them costs.

    python -m tests.benchmarks decision

A whole decision is everything between a parsed body and a `Decision`: schema, normalisation, redirect URIs, profile, rules. Each
figure is the best of several rounds, so that other work on the machine shows least. Loading is measured in new processes, imports
included, with bytecode cached, as in an installed wheel.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from registrar.bundled import bundled
from registrar.policy import Facts, PolicySet, Source, load, take_in
from registrar.schema import Schema
from tests.benchmarks.cel import best, in_new_process
from tests.clients.shipped import ADMITTED

_LOADING = """
from registrar.bundled import bundled
from registrar.policy import load
from registrar.schema import Schema
load(bundled("policies"), Schema.load("policy"))
"""
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SOURCE = Source(ip="203.0.113.7", prefix="203.0.113.7")


def decisions() -> dict[str, tuple[float, float]]:
    """Microseconds of the whole decision, and of `decide` alone, by client."""
    policies = load(bundled("policies"), Schema.load("policy"))
    request = Schema.load("registration-request")
    figures = {}
    for name, client in ADMITTED.items():
        facts = partial(_facts, client.document, request, policies)
        assert policies.decide(facts()).allowed, name
        figures[name] = (best(lambda: policies.decide(facts())), best(partial(policies.decide, facts())))  # noqa: B023
    return figures


def _facts(body: Mapping[str, Any], request: Schema, policies: PolicySet) -> Facts:
    intake = take_in(body, request, policies.extensions)
    return Facts(now=_NOW, metadata=intake.metadata, redirects=intake.redirects, submitted=body, source=_SOURCE)


def main() -> None:
    print(f"{'microseconds':32}{'whole':>10}{'decide':>10}")
    for name, (whole, decide) in decisions().items():
        print(f"{name:32}{whole:10.1f}{decide:10.1f}")
    print(f"\n{'milliseconds in a new process':32}")
    print(f"{'load the shipped policies':32}{in_new_process(_LOADING):10.1f}")


if __name__ == "__main__":
    main()
