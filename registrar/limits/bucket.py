"""A token bucket as one number: the generic cell rate algorithm (ITU-T I.371, appendix I)."""

from typing import NamedTuple


class Bucket(NamedTuple):
    """A bucket that is full again at `full_at`.

    In any time of t seconds it gives at most `burst + rate / period * (t + 1)`: clocks may be a second apart.
    """

    full_at: int = 0
    """Epoch microseconds."""
    interval: int = 0
    """Microseconds in which one token comes back, as the last use had it."""

    def used(self, at: int) -> int:
        """How many tokens are missing at `at` (epoch milliseconds), a part of one counting whole."""
        return max(-(-(self.full_at - at * 1000) // max(self.interval, 1)), 0)

    def room_in(self, at: int, ceiling: int) -> int | None:
        """Milliseconds after `at` until fewer than `ceiling` tokens are missing; None: never."""
        if ceiling <= 0:
            return None
        return max(-(-(self.full_at - (ceiling - 1) * self.interval) // 1000) - at, 0)

    def add(self, at: int, interval: int) -> "Bucket":
        """The bucket after one more use at `at`. What is missing comes back in `interval` from now on."""
        missing = max(self.full_at - at * 1000, 0)
        if self.interval not in {0, interval}:
            missing = -(-missing * interval // self.interval)
        return Bucket(at * 1000 + missing + interval, interval)

    @property
    def over_at(self) -> int:
        """When it is full again (epoch milliseconds)."""
        return -(-self.full_at // 1000)


def interval(rate: int, period: int) -> int:
    """Microseconds in which one token comes back, rounded up."""
    return -(-period * 1_000_000 // rate)
