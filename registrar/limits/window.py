"""A sliding window that is kept in slices: bounded state, and never more than the rate in any window.

What it promises for `rate` uses in a `period`, with clocks that are up to CLOCKS apart: every use has a moment between its
request and its answer, such that no span of `period`, wherever it begins, has more than `rate` of these moments. The price is
that room comes back late, by at most `period`/60 (a slice) and CLOCKS.

Why it holds. A use is stamped with its node's time, or with the newest stamp if that is later; a slice has the stamp of its
last use, and counts while that lies after `now - period - CLOCKS`. Of two uses less than `period` apart, the stamp of the
first is less than `period + CLOCKS` before the clock of the second: the second finds it counted. Time that a use waits for
its turn counts like a difference between clocks. A clock that is further ahead makes everybody wait until it is that late.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

CLOCKS = 1_000
"""Milliseconds that the clocks of two nodes may differ by."""

_SLICES = 60  # to a period: how exactly it is known when room comes back
_MOST_SLICES = 128  # with one period there are at most 60 and what CLOCKS adds; several periods under one key add up


class Window(NamedTuple):
    """Uses in slices, oldest first."""

    ends: tuple[int, ...] = ()
    """When the last use of each slice was (epoch milliseconds)."""
    counts: tuple[int, ...] = ()
    """How many uses each slice has."""
    span: int = 0
    """The longest period (seconds) that somebody counts by: so long slices are kept."""
    span_at: int = 0
    """When somebody last did (epoch milliseconds)."""

    def used(self, at: int, period: int) -> int:
        """How many uses count at `at` (epoch milliseconds) for a period of `period` seconds."""
        return sum(self.counts[self._past(at, period) :])

    def room_in(self, at: int, period: int, ceiling: int) -> int | None:
        """Milliseconds after `at` until fewer than `ceiling` uses count; None: never."""
        over = self.used(at, period) - ceiling
        if over < 0:
            return 0
        past = self._past(at, period)
        freed = accumulate(self.counts[past:])
        return next((end + _kept(period) - at for end, free in zip(self.ends[past:], freed, strict=True) if free > over), None)

    def add(self, at: int, period: int) -> "Window":
        """The window after one more use at `at`."""
        stamp = max(at, self.newest)
        span, span_at = self._longest(at, period)
        past = self._past(at, span)
        ends, counts = self.ends[past:], self.counts[past:]
        width = max(period * 1000 // _SLICES, 1)
        if ends and ends[-1] // width == stamp // width:
            return Window((*ends[:-1], stamp), (*counts[:-1], counts[-1] + 1), span, span_at)
        return Window(*_bounded((*ends, stamp), (*counts, 1)), span, span_at)

    @property
    def newest(self) -> int:
        """The newest stamp; 0 when there is none."""
        return self.ends[-1] if self.ends else 0

    @property
    def over_at(self) -> int:
        """When nothing in here counts any more (epoch milliseconds)."""
        return self.newest + _kept(self.span) if self.ends else 0

    def _past(self, at: int, period: int) -> int:
        """How many slices count no more."""
        return bisect_right(self.ends, at - _kept(period))

    def _longest(self, at: int, period: int) -> tuple[int, int]:
        # A longer period is forgotten when nobody has counted by it for its whole length: a policy changed.
        if period >= self.span or at - self.span_at > _kept(self.span):
            return period, at
        return self.span, self.span_at


def joined(windows: Iterable[Window]) -> Window:
    """All uses of `windows` as one."""
    found = list(windows)
    longest = max(found, key=lambda window: window.span, default=Window())
    slices = sorted(piece for window in found for piece in zip(window.ends, window.counts, strict=True))
    return Window(tuple(end for end, _ in slices), tuple(count for _, count in slices), longest.span, longest.span_at)


def _kept(period: int) -> int:
    return period * 1000 + CLOCKS


def _bounded(ends: tuple[int, ...], counts: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """One slice too many goes into the next one where it is felt least: where both together are shortest for their age."""
    if len(ends) <= _MOST_SLICES:
        return ends, counts
    newest = ends[-1]
    # Of the oldest nobody knows when it began.
    index = min(range(1, len(ends) - 1), key=lambda i: (ends[i + 1] - ends[i - 1]) / (newest - ends[i] + 1))
    both = counts[index] + counts[index + 1]
    return (*ends[:index], *ends[index + 1 :]), (*counts[:index], both, *counts[index + 2 :])
