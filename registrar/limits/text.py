"""A counter's window and shares as the text that is stored of them; the numbers beside it have columns of their own."""

import json
from itertools import accumulate
from operator import sub
from typing import Any, Final

from registrar.limits.bucket import Bucket
from registrar.limits.counter import Counter, Share
from registrar.limits.usage import MEASURES, Measure
from registrar.limits.window import Window

_PARTS: Final = {"ends", "counts", "span", "interval", "shards", "shares"}
_compact: Final = json.JSONEncoder(separators=(",", ":")).encode


def written(counter: Counter) -> str:
    """The text, which `read` reads: JSON, of the ends of slices only the first absolute; "" when there is nothing to say."""
    window = counter.window
    parts: dict[str, object] = {}
    if window.ends:
        parts["ends"] = list(map(sub, window.ends, (0, *window.ends)))
        parts["counts"] = window.counts
        parts["span"] = (window.span, window.span_at)
    if counter.bucket.interval:
        parts["interval"] = counter.bucket.interval
    if counter.shards > 1:
        parts["shards"] = counter.shards
        parts["shares"] = {measure: (share.of, share.mine, share.period) for measure, share in counter.shares.items()}
    return _compact(parts) if parts else ""


def read(text: str, *, full_at: int = 0, active: int = 0, total: int = 0) -> Counter:
    """The counter that was written as `text`, with the numbers of its columns.

    Raises ValueError for anything else than what `written` writes: a limit that guessed would let anybody in.
    """
    parts = json.loads(text) if text else {}
    if not isinstance(parts, dict) or not parts.keys() <= _PARTS:
        raise ValueError("no state of a limit")
    if min(full_at, active, total) < 0:
        raise ValueError("a count below zero")
    (interval,) = _numbers([parts.get("interval", 0)], 1)
    (shards,) = _numbers([parts.get("shards", 1)], 1)
    if not shards:
        raise ValueError("no shards")
    return Counter(_window(parts), Bucket(full_at, interval), active, total, shards, _shares(parts.get("shares", {})))


def _window(parts: dict[str, Any]) -> Window:
    ends, counts = _numbers(parts.get("ends", [])), _numbers(parts.get("counts", []))
    span, span_at = _numbers(parts.get("span", [0, 0]), 2)
    if len(ends) != len(counts):
        raise ValueError("half a slice")
    return Window(tuple(accumulate(ends)), tuple(counts), span, span_at)


def _shares(shares: Any) -> dict[Measure, Share]:
    if not isinstance(shares, dict) or not shares.keys() <= set(MEASURES):
        raise ValueError("no shares of measures")
    return {measure: Share(*_numbers(shares[measure], 3)) for measure in MEASURES if measure in shares}


def _numbers(value: Any, length: int | None = None) -> list[int]:
    """`value`, if it is a list of whole numbers that are not negative, of that `length`."""
    if not isinstance(value, list) or not {*map(type, value)} <= {int} or min(value, default=0) < 0:
        raise ValueError("something else than whole numbers that are not negative")
    if length is not None and len(value) != length:
        raise ValueError(f"{len(value)} numbers instead of {length}")
    return value
