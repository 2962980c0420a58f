"""A token bucket as one number: the generic cell rate algorithm (ITU-T I.371, appendix I)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that is full again at `full_at`.

    In any time of t seconds it gives at most `burst + rate / period * (t + 1)`: clocks may be a second apart.
    """

    full_at: int = 0
    """Epoch microseconds."""
    interval: int = 0
    """Microseconds in which one token came back when it was written."""

    def used(self, at: int, interval: int) -> int:
        """How many tokens are missing at `at` (epoch milliseconds), a part of one counting whole."""
        missing = self._full_at(at, interval) - at * 1000
        return max(-(-missing // interval), 0)

    def room_in(self, at: int, interval: int, ceiling: int) -> int | None:
        """Milliseconds after `at` until fewer than `ceiling` tokens are missing; None: never."""
        if ceiling <= 0:
            return None
        missing = self._full_at(at, interval) - at * 1000
        return max(-(-(missing - (ceiling - 1) * interval) // 1000), 0)

    def add(self, at: int, interval: int) -> "Bucket":
        """The bucket after one more use at `at`."""
        return Bucket(max(self._full_at(at, interval), at * 1000) + interval, interval)

    @property
    def over_at(self) -> int:
        """When it is full again (epoch milliseconds)."""
        return -(-self.full_at // 1000)

    def _full_at(self, at: int, interval: int) -> int:
        """`full_at` at another speed: as many tokens are missing, and come back in the new time."""
        missing = self.full_at - at * 1000
        if self.interval in {0, interval} or missing <= 0:
            return self.full_at
        return at * 1000 + -(-missing * interval // self.interval)


def interval(rate: int, period: int) -> int:
    """Microseconds in which one token comes back, rounded up."""
    return -(-period * 1_000_000 // rate)
