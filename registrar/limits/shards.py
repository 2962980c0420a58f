"""A hot limit in several rows, so that those who use it at the same time do not queue for one.

Every shard has a share of each measure, and all shares of a measure sum to what all may use together. Who holds one shard
alone may use its share up and nothing beyond: then the sum cannot be exceeded, whatever happens in the others meanwhile. Who
finds no room there holds all shards, sees the exact sum, and shares out anew what is left. So it is exact: no shard's share
lets more in than the limit has, and nobody is refused while any shard has room.

Uses of one limit may come with unlike ceilings (`reserve`, `overrides`). Shares were made for the ceiling of one use; another
may go by them when its own ceiling is not lower, its period the same.
"""

from collections.abc import Sequence
from dataclasses import replace

from registrar.limits.counter import Counter, Share
from registrar.limits.usage import LimitUse, Measure, Usage
from registrar.limits.window import joined

SHARDS = 16
"""How many rows a hot limit has."""

_HOT = 16 * SHARDS  # smaller ones are used up before anybody gains, and most limits are small: one row for every address


def divisible(use: LimitUse) -> bool:
    """Whether the limit of `use` is large enough for shards. A token bucket never is: parts of it waste what overflows."""
    return not use.burst and all(ceiling >= _HOT for _, ceiling in use.ceilings())


def admitted_alone(shard: Counter, use: LimitUse, at: int) -> bool:
    """Whether `shard` has room for `use` in its own shares: then the limit has, too."""
    return all(_within(shard, measure, ceiling, use, at) for measure, ceiling in use.ceilings())


def whole(shards: Sequence[Counter]) -> Counter:
    """All shards as one."""
    if len(shards) == 1:
        return shards[0]
    return Counter(
        window=joined(shard.window for shard in shards),
        bucket=max((shard.bucket for shard in shards), key=lambda bucket: bucket.full_at),
        active=sum(shard.active for shard in shards),
        total=sum(shard.total for shard in shards),
        shards=len(shards),
    )


def shared_out(shards: Sequence[Counter], use: LimitUse, at: int) -> list[Counter]:
    """`shards` with new shares for the ceilings of `use`: each keeps what it used, and what is left is divided.

    The first gets the odd ones: while the limit has room, the first shard has.
    """
    shares: list[dict[Measure, Share]] = [dict(shard.shares) for shard in shards]
    for measure, ceiling in use.ceilings():
        if measure != "burst":
            for share, mine in zip(shares, _divided(shards, measure, use, at, ceiling), strict=True):
                share[measure] = Share(ceiling, mine, use.period if measure == "rate" else 0)
    return [replace(shard, shards=len(shards), shares=share) for shard, share in zip(shards, shares, strict=True)]


def estimated(shard: Counter, use: LimitUse, at: int) -> tuple[Usage, ...]:
    """How much of the limit is used, judged by one shard: all of them are used alike."""
    return tuple(
        replace(usage, used=min(-(-usage.used * usage.of // max(shard.shares[usage.measure].mine, 1)), usage.of))
        for usage in shard.usages(use, at)
    )


def _within(shard: Counter, measure: Measure, ceiling: int, use: LimitUse, at: int) -> bool:
    share = shard.shares.get(measure)
    if share is None or share.of > ceiling or (measure == "rate" and share.period != use.period):
        return False
    return shard.used(measure, use, at) < share.mine


def _divided(shards: Sequence[Counter], measure: Measure, use: LimitUse, at: int, ceiling: int) -> list[int]:
    used = [shard.used(measure, use, at) for shard in shards]
    each, odd = divmod(max(ceiling - sum(used), 0), len(shards))
    return [mine + each + (index < odd) for index, mine in enumerate(used)]
