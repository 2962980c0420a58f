"""Counters as rows of their table."""

import hashlib
from collections.abc import Sequence
from typing import Any

from registrar.limits import Counter, read, written
from registrar.store.failures import StoreUnavailable

_LONGEST_KEY = 200  # bytes: PostgreSQL indexes no more than about 2,700, and some keys are what a client says of itself
_ROUNDING = 60  # seconds: a row whose expiry stays the same is cheaper to change, as no index entry changes


def stored_key(key: str) -> str:
    """`key` as the database has it: one that is too long, or that no text column holds, as its hash."""
    encoded = key.encode()
    if len(encoded) <= _LONGEST_KEY and b"\0" not in encoded:
        return key
    return f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def counter_of(limit: str, key: str, state: Sequence[Any]) -> Counter:
    """What the columns of a row say. Raises StoreUnavailable: nobody gets in by a limit whose state is unknown."""
    slices, tat, active, total = state
    try:
        return read(slices, full_at=tat, active=active, total=total)
    except ValueError as error:
        raise StoreUnavailable(f"the state of limit {limit} under {key!r} is corrupt: {error}") from error


def counter_values(counter: Counter) -> tuple[str, int, int, int, int]:
    """The columns of a row."""
    return written(counter), counter.bucket.full_at, counter.active, counter.total, expiry(counter)


def expiry(counter: Counter) -> int:
    """When (epoch seconds) a row may be forgotten; 0: not while what it counts is in use."""
    return -(-counter.over_at // _ROUNDING) * _ROUNDING


def milliseconds(at: float) -> int:
    """Epoch seconds as the arithmetic of limits has them."""
    return int(at * 1000)
