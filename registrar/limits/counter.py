"""What was used of one limit under one key, in every measure that it is counted by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from registrar.limits.bucket import Bucket, interval
from registrar.limits.usage import LimitUse, Measure, Usage
from registrar.limits.window import Window


class Share(NamedTuple):
    """How much of a measure one shard may use without a look at the others (see `registrar.limits.shards`)."""

    of: int
    """What all shards may use together."""
    mine: int
    period: int = 0
    """Seconds, of a rate."""


@dataclass(frozen=True, slots=True)
class Counter:
    """The state of a limit under one key, or of one of its shards. A measure that no use asks for is not counted."""

    window: Window = field(default_factory=Window)
    bucket: Bucket = field(default_factory=Bucket)
    active: int = 0
    total: int = 0
    shards: int = 1
    """How many rows the limit is counted in under this key."""
    shares: Mapping[Measure, Share] = field(default_factory=dict)

    def used(self, measure: Measure, use: LimitUse, at: int) -> int:
        """How much of `measure` counts for `use` at `at` (epoch milliseconds)."""
        match measure:
            case "rate":
                return self.window.used(at, use.period)
            case "burst":
                return self.bucket.used(at)
            case "active":
                return self.active
            case "total":
                return self.total

    def usages(self, use: LimitUse, at: int) -> tuple[Usage, ...]:
        """How much is used of every measure that `use` asks for."""
        return tuple(
            Usage(use.limit, use.key, measure, used, ceiling, self._resets_in(measure, use, at, min(used, ceiling)))
            for measure, ceiling in use.ceilings()
            for used in (self.used(measure, use, at),)
        )

    def has_room(self, use: LimitUse, at: int) -> bool:
        """Whether there is room for `use` at `at` (epoch milliseconds), in every measure that it asks for."""
        return all(self.used(measure, use, at) < ceiling for measure, ceiling in use.ceilings())

    def full(self, use: LimitUse, at: int) -> list[Usage]:
        """The measures that have no room for `use` at `at` (epoch milliseconds)."""
        return [] if self.has_room(use, at) else [usage for usage in self.usages(use, at) if not usage.remaining]

    def add(self, use: LimitUse, at: int) -> "Counter":
        """The state after `use`, whether there was room or not."""
        return Counter(
            self.window.add(at, use.period) if use.rate else self.window,
            self.bucket.add(at, interval(use.rate, use.period)) if use.burst else self.bucket,
            self.active + bool(use.max_active),
            self.total + bool(use.max_total),
            self.shards,
            self.shares,
        )

    @property
    def over_at(self) -> int:
        """From when on (epoch seconds) it says nothing any more; 0: not before somebody gives back what is in use."""
        if self.active or self.total:
            return 0
        return max(-(-max(self.window.over_at, self.bucket.over_at) // 1000), 1)

    def _resets_in(self, measure: Measure, use: LimitUse, at: int, below: int) -> int:
        if below == 0:  # nothing is used, or there never is any room
            return 0
        match measure:
            case "rate":
                milliseconds = self.window.room_in(at, use.period, below)
            case "burst":
                milliseconds = self.bucket.room_in(at, below)
            case _:
                milliseconds = None
        return max(-(-milliseconds // 1000), 1) if milliseconds is not None else 0
