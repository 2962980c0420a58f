"""A sliding window that is kept in slices: bounded state, and never more than the rate in any window.

What it promises for `rate` uses in a `period`, with clocks that are up to CLOCKS apart: every use has a moment between its
request and its answer, such that no span of `period`, wherever it begins, has more than `rate` of these moments. The price is
that room comes back late, by at most `period`/60 (a slice) and CLOCKS.

Why it holds. A use is stamped with its node's time, or with the newest stamp if that is later; a slice has the stamp of its
last use, and counts while that lies after `now - period - CLOCKS`. Of two uses less than `period` apart, the stamp of the
first is less than `period + CLOCKS` before the clock of the second: the second finds it counted. Time that a use waits for
its turn counts like a difference between clocks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

CLOCKS = 1_000
"""Milliseconds that the clocks of two nodes may differ by."""

_SLICES = 60  # to a period: how exactly it is known when room comes back
_MOST_SLICES = 128  # with one period there are at most 60 and what CLOCKS adds; several periods under one key add up


@dataclass(frozen=True, slots=True)
class Window:
    """Uses by the time of the last of each slice (epoch milliseconds), oldest first."""

    slices: tuple[tuple[int, int], ...] = ()
    """The end of a slice, and how many uses it has."""
    span: int = 0
    """The longest period (seconds) that somebody counts by: so long slices are kept."""
    span_at: int = 0
    """When somebody last did (epoch milliseconds)."""

    def used(self, at: int, period: int) -> int:
        """How many uses count at `at` (epoch milliseconds) for a period of `period` seconds."""
        horizon = at - _kept(period)
        return sum(count for end, count in self.slices if end > horizon)

    def room_in(self, at: int, period: int, ceiling: int) -> int | None:
        """Milliseconds after `at` until fewer than `ceiling` uses count; None: never."""
        over = self.used(at, period) - ceiling
        if over < 0:
            return 0
        horizon = at - _kept(period)
        for end, count in self.slices:
            if end > horizon:
                over -= count
                if over < 0:
                    return end + _kept(period) - at
        return None

    def add(self, at: int, period: int) -> "Window":
        """The window after one more use at `at`."""
        stamp = max(at, self.newest)
        longest = self._spanning(at, period)
        horizon = at - _kept(longest.span)
        slices = [piece for piece in self.slices if piece[0] > horizon]
        width = max(period * 1000 // _SLICES, 1)
        if slices and slices[-1][0] // width == stamp // width:
            slices[-1] = (stamp, slices[-1][1] + 1)
        else:
            slices.append((stamp, 1))
        return replace(longest, slices=tuple(_bounded(slices)))

    @property
    def newest(self) -> int:
        """The newest stamp; 0 when there is none."""
        return self.slices[-1][0] if self.slices else 0

    @property
    def over_at(self) -> int:
        """When nothing in here counts any more (epoch milliseconds)."""
        return self.newest + _kept(self.span) if self.slices else 0

    def _spanning(self, at: int, period: int) -> "Window":
        # A longer period is forgotten when nobody has counted by it for its whole length: a policy changed.
        if period >= self.span or at - self.span_at > _kept(self.span):
            return replace(self, span=period, span_at=at)
        return self


def joined(windows: Iterable[Window]) -> Window:
    """All uses of `windows` as one."""
    found = list(windows)
    longest = max(found, key=lambda window: window.span, default=Window())
    return replace(longest, slices=tuple(sorted(piece for window in found for piece in window.slices)))


def _kept(period: int) -> int:
    return period * 1000 + CLOCKS


def _bounded(slices: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Too many slices become fewer where it is felt least: in the pair that is closest together for its age."""
    while len(slices) > _MOST_SLICES:
        newest = slices[-1][0]
        index = min(range(len(slices) - 1), key=lambda i: (slices[i + 1][0] - slices[i][0]) / (newest - slices[i][0] + 1))
        end, count = slices[index + 1]
        slices[index : index + 2] = [(end, slices[index][1] + count)]
    return slices
