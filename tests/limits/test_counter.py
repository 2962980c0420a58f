"""One limit in all its measures."""

import pytest

from registrar.limits import Counter, LimitReachedError, LimitUse, Usage, worst

_START = 1_790_000_000_000


@pytest.mark.parametrize(
    ("reserve", "ceilings"),
    [(0, (1200, 100, 50, 9)), (1, (1199, 99, 49, 8)), (240, (960, 80, 0, 0)), (1200, (0, 0, 0, 0)), (5000, (0, 0, 0, 0))],
)
def test_a_reserve_is_kept_of_every_measure(reserve: int, ceilings: tuple[int, ...]) -> None:
    """Of a burst, the part that it is of the rate, so that what is small is not reserved whole."""
    use = LimitUse(limit="l", key="k", rate=1200, period=3600, burst=100, max_active=50, max_total=9, reserve=reserve)
    assert (use.ceiling("rate"), use.ceiling("burst"), use.ceiling("active"), use.ceiling("total")) == ceilings


def test_no_number_is_no_limit() -> None:
    """Even when something is reserved of it."""
    assert LimitUse(limit="l", key="k", reserve=5).ceiling("active") is None
    assert Counter().usages(LimitUse(limit="l", key="k"), _START) == ()


def test_everything_that_is_asked_is_counted() -> None:
    """And nothing else: an operator who adds a maximum later begins to count then."""
    use = LimitUse(limit="l", key="k", rate=10, period=60, burst=2, max_active=5, max_total=7)
    counter = Counter().add(use, _START)
    assert counter.usages(use, _START) == (
        Usage("l", "k", "rate", 1, 10, 61),
        Usage("l", "k", "burst", 1, 2, 6),
        Usage("l", "k", "active", 1, 5, 0),
        Usage("l", "k", "total", 1, 7, 0),
    )
    assert Counter().add(LimitUse(limit="l", key="k", rate=10, period=60), _START).active == 0


def test_nothing_used_resets_in_no_time() -> None:
    """There is nothing to wait for."""
    use = LimitUse(limit="l", key="k", rate=10, period=60, burst=2)
    assert [usage.resets_in for usage in Counter().usages(use, _START)] == [0, 0]


def test_a_lowered_rate_waits_until_it_is_kept() -> None:
    """More is used than there may be by now: the wait is for the moment when there is room, not for the next slice."""
    before, now = (LimitUse(limit="l", key="k", rate=rate, period=60) for rate in (10, 2))
    counter = Counter()
    for second in range(10):
        counter = counter.add(before, _START + second * 1000)
    (usage,) = counter.usages(now, _START + 10_000)
    assert (usage.used, usage.of, usage.remaining) == (10, 2, 0)
    assert usage.resets_in == 8 + 60 + 1 - 10
    assert not counter.full(now, _START + 10_000 + usage.resets_in * 1000)
    assert counter.full(now, _START + 10_000 + (usage.resets_in - 1) * 1000)


def test_all_that_is_reserved_for_others_never_has_room() -> None:
    """And nobody can say when."""
    use = LimitUse(limit="l", key="k", rate=10, period=60, reserve=10)
    refusal = worst(Counter().full(use, _START))
    assert isinstance(refusal, LimitReachedError)
    assert (refusal.usage.of, refusal.retry_after) == (0, 0)
    assert str(refusal) == "l has no room for 'k': rate 0 of 0"


def test_the_worst_is_what_nobody_knows_the_end_of() -> None:
    """Then the one that takes longest."""
    minute, hour = Usage("l", "k", "rate", 1, 1, 60), Usage("l", "k", "rate", 1, 1, 3600)
    active = Usage("l", "k", "active", 1, 1, 0)
    assert [error.usage for error in (worst([minute, hour]), worst([hour, active, minute])) if error] == [hour, active]
    assert worst([]) is None


def test_it_is_over_when_nothing_counts_any_more() -> None:
    """A rate when its window is past, a burst when it is full again; never while a client is there."""
    use = LimitUse(limit="l", key="k", rate=10, period=60)
    assert Counter().add(use, _START).over_at == _START // 1000 + 61
    slow = LimitUse(limit="l", key="k", rate=1, period=60, burst=3)
    assert Counter().add(slow, _START).add(slow, _START).over_at == _START // 1000 + 120
    assert Counter(active=1).over_at == Counter(total=1).over_at == 0
    assert Counter().over_at == 1
