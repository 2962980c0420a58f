"""Shards of a hot limit: whatever happens in each, together they admit what the limit admits."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.limits import Counter, LimitUse, admitted_alone, divisible, estimated, shared_out, whole

_START = 1_790_000_000_000
_HOT = LimitUse(limit="l/hot", key="all", rate=40, period=60, max_active=50)
_USES = [
    _HOT,
    replace(_HOT, reserve=10),
    replace(_HOT, max_active=0),
    replace(_HOT, rate=15, period=10),
    replace(_HOT, rate=0, max_active=45),
    replace(_HOT, rate=20, max_total=70),
    replace(_HOT, burst=5),
]
_STEPS = st.lists(
    st.tuples(st.sampled_from(_USES), st.integers(0, 3), st.integers(0, 3000), st.booleans()), min_size=20, max_size=300
)
"""The use, the shard that was free, milliseconds since the one before, and whether somebody ends meanwhile."""


@settings(max_examples=200)
@given(_STEPS)
def test_shards_admit_what_one_row_would(steps: list[tuple[LimitUse, int, int, bool]]) -> None:
    """A use is admitted if and only if there is room in all shards together, whoever shared out before and by what ceiling."""
    shards, at = [Counter()] * 4, _START
    for use, free, step, ends in steps:
        at += step
        room = not whole(shards).full(use, at)
        alone = admitted_alone(shards[free], use, at)
        assert room or not alone
        if room:
            if not alone:
                shards = shared_out(shards, use, at)
                assert use.burst or admitted_alone(shards[0], use, at)
            used = free if alone else 0
            shards[used] = shards[used].add(use, at)
        for measure in ("rate", "active", "total"):
            ceiling = use.ceiling(measure)
            assert not room or ceiling is None or whole(shards).used(measure, use, at) <= ceiling
        if ends and shards[free].active:
            shards[free] = replace(shards[free], active=shards[free].active - 1)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=16), st.integers(0, 2000))
def test_shares_sum_to_the_ceiling(active: list[int], ceiling: int) -> None:
    """Each keeps what it used; of what is over, the first has never less than another."""
    use = LimitUse(limit="l", key="k", max_active=ceiling)
    shards = shared_out([Counter(active=number) for number in active], use, _START)
    if not ceiling:
        assert all(not shard.shares for shard in shards)
        return
    mine = [shard.shares["active"].mine for shard in shards]
    assert sum(mine) == max(ceiling, sum(active))
    left = [share - number for share, number in zip(mine, active, strict=True)]
    assert all(number >= 0 for number in left)
    assert left == sorted(left, reverse=True)
    assert left[0] - left[-1] <= 1


@pytest.mark.parametrize(
    ("use", "answer"),
    [
        (LimitUse(limit="l", key="k", rate=256, period=60), True),
        (LimitUse(limit="l", key="k", rate=255, period=60), False),
        (LimitUse(limit="l", key="k", rate=300, period=60, reserve=100), False),
        (LimitUse(limit="l", key="k", rate=1000, period=60, max_active=100), False),
        (LimitUse(limit="l", key="k", rate=1000, period=60, burst=500), False),
        (LimitUse(limit="l", key="k", max_total=1000), True),
    ],
    ids=["large", "small", "what is not reserved is small", "one of two is small", "burst", "total"],
)
def test_only_what_is_large_in_every_measure_is_divided(use: LimitUse, answer: bool) -> None:
    """Small limits are used up before anybody gains by it."""
    assert divisible(use) is answer


def test_what_is_used_is_judged_by_one_shard() -> None:
    """A shard that used a quarter of its share says that a quarter of the limit is used."""
    use = LimitUse(limit="l", key="k", max_active=400)
    shard = replace(shared_out([Counter()] * 4, use, _START)[1], active=25)
    (usage,) = estimated(shard, use, _START)
    assert (usage.used, usage.of) == (100, 400)
