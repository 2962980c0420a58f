"""What a limit is asked, and what it answers: how much of it is used."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from registrar.errors import RegistrarError

Measure: TypeAlias = Literal["rate", "burst", "active", "total"]

MEASURES: Final[tuple[Measure, ...]] = ("rate", "burst", "active", "total")


# Made for each request, where a frozen one would take three times as long: here the type checker sees that nothing changes.
@dataclass(slots=True, kw_only=True)
class LimitUse:
    """One limit that a client has to find room in. A number that is 0 sets no limit of that measure."""

    limit: Final[str]
    """`<Limits document>/<id>`."""
    key: Final[str]
    """What the limit counts by, for this client: the value of its CEL key."""
    rate: Final[int] = 0
    """Registrations in any `period`."""
    period: Final[int] = 0
    """Seconds."""
    burst: Final[int] = 0
    """At most this many at once, refilled at `rate` in a `period` (a token bucket)."""
    max_active: Final[int] = 0
    """Clients that exist at a time, disabled ones too."""
    max_total: Final[int] = 0
    """Registrations ever."""
    reserve: Final[int] = 0
    """How much of each measure this client may not use, because it is kept for profiles that it is not in."""

    def ceiling(self, measure: Measure) -> int | None:
        """How much of `measure` this client may bring the limit to; None: as much as it likes."""
        return next((ceiling for asked, ceiling in self.ceilings() if asked == measure), None)

    def ceilings(self) -> Iterator[tuple[Measure, int]]:
        """The measures that there is a limit of, and how much of each this client may bring it to.

        Of a burst, a part is reserved that is as large as the reserved part of the rate, rounded up.
        """
        if self.rate:
            yield "rate", max(self.rate - self.reserve, 0)
        if self.burst:
            yield "burst", max(self.burst - -(-self.reserve * self.burst // max(self.rate, 1)), 0)
        if self.max_active:
            yield "active", max(self.max_active - self.reserve, 0)
        if self.max_total:
            yield "total", max(self.max_total - self.reserve, 0)


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of one measure of a limit is used, after a use or at a look."""

    NEAR: ClassVar = 0.8
    """The part of a limit from which on the log warns of it, and a metric counts."""

    limit: str
    key: str
    measure: Measure
    used: int
    of: int
    """The ceiling for this client: without what is reserved for others."""
    resets_in: int
    """Seconds until there is room for one more than now, if nobody uses it meanwhile; 0: nobody knows, or nothing is used."""

    @property
    def remaining(self) -> int:
        """How many more there is room for."""
        return max(self.of - self.used, 0)

    @property
    def near(self) -> bool:
        """Whether little is left."""
        return self.used >= self.of * self.NEAR


class LimitReachedError(RegistrarError):
    """A limit has no room for this client; nothing was consumed of any limit."""

    def __init__(self, usage: Usage, retry_after: int) -> None:
        """`retry_after`: seconds until there is room again if nobody else takes it; 0: nobody knows."""
        super().__init__(f"{usage.limit} has no room for {usage.key!r}: {usage.measure} {usage.used} of {usage.of}")
        self.usage = usage
        self.retry_after = retry_after


def worst(full: Iterable[Usage]) -> LimitReachedError | None:
    """Of measures that have no room, the one whose room comes back last; None when there is none."""
    # What nobody knows the end of is worse than any time.
    found = max(full, key=lambda usage: (usage.resets_in == 0, usage.resets_in), default=None)
    return LimitReachedError(found, found.resets_in) if found else None
