"""The benchmark measures what it says."""

from pathlib import Path

import pytest

from tests.benchmarks.load import generator
from tests.benchmarks.registration import measure


@pytest.mark.slow
def test_every_request_of_the_benchmark_registers_a_client(tmp_path: Path) -> None:
    """Figures of refusals would be worth nothing, and a registrar faster than its floor would mean that the floor is none."""
    _, load = generator()
    [only] = measure(load, tmp_path, rounds=1, turn=1, connections=8)
    assert (only.registrar.failed, only.floor.failed) == (0, 0)
    assert only.registrar.requests > 0
    assert 0 < only.ratio < 1
    assert 0 < only.registrar.p50 <= only.registrar.p99
