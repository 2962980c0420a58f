"""Fixtures of tests that speak HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.served import Served, served


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Served]:
    """The public app with default settings, without authorization server metadata."""
    with served(tmp_path) as running:
        yield running
