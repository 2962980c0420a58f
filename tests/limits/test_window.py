"""The sliding window against a log of every timestamp: never more than the rate, and room that comes back in time."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registrar.limits.window import Window, joined

_RATES = st.integers(1, 12)
_PERIODS = st.sampled_from([1, 2, 7, 60, 3600, 86_400])
_STEPS = st.lists(st.tuples(st.integers(0, 1000), st.integers(-500, 500)), min_size=1, max_size=150)
"""Of each attempt: how long after the one before (in thousandths of a third of the period), and how wrong its node's clock is."""

_START = 1_790_000_000_000


def attempts(steps: list[tuple[int, int]], period: int) -> list[tuple[int, int]]:
    """True time and what the node's clock says, in milliseconds."""
    true, found = _START, []
    for step, wrong in steps:
        true += step * period // 3
        found.append((true, true + wrong))
    return found


@given(_RATES, _PERIODS, _STEPS)
@example(rate=1, period=1, steps=[(0, -500), (2997, 500)])
def test_no_window_has_more_than_the_rate(rate: int, period: int, steps: list[tuple[int, int]]) -> None:
    """Whatever the moments, and whichever node is asked: no span of the period has more than `rate` admitted."""
    window, admitted = Window(), []
    for true, clock in attempts(steps, period):
        if window.used(clock, period) < rate:
            window = window.add(clock, period)
            admitted.append(true)
    for first, last in zip(admitted, admitted[rate:], strict=False):
        assert last - first >= period * 1000


@given(_RATES, _PERIODS, _STEPS)
def test_room_comes_back_in_time(rate: int, period: int, steps: list[tuple[int, int]]) -> None:
    """With one clock, a use is refused only if there were `rate` in the period, a slice and a second before it."""
    window, admitted = Window(), []
    for true, _ in attempts(steps, period):
        late = period * 1000 // 60 + 1000
        if window.used(true, period) < rate:
            window = window.add(true, period)
            admitted.append(true)
        else:
            assert sum(true - moment <= period * 1000 + late for moment in admitted) >= rate


@given(_RATES, _PERIODS, _STEPS)
def test_what_is_said_of_the_wait_is_true(rate: int, period: int, steps: list[tuple[int, int]]) -> None:
    """At the promised moment an only client finds room, and one millisecond before there is none."""
    window = Window()
    for true, _ in attempts(steps, period):
        wait = window.room_in(true, period, rate)
        assert wait is not None
        if wait:
            assert window.used(true + wait - 1, period) >= rate
        assert window.used(true + wait, period) < rate
        if not wait:
            window = window.add(true, period)


@given(st.lists(st.tuples(_PERIODS, st.integers(0, 3_600_000)), max_size=400))
def test_state_is_bounded_whatever_the_periods(uses: list[tuple[int, int]]) -> None:
    """Overrides may count one key by many periods: the state stays small, and forgets none that a longer one counts."""
    window, at = Window().add(_START, 86_400), _START
    log = [at]
    for period, step in uses:
        at += step
        window = window.add(at, period)
        log.append(at)
        assert len(window.ends) <= 128
        if at - _START < 86_400_000:
            assert window.used(at, 86_400) == len(log)


@pytest.mark.parametrize("step", [37, 1_000, 61_000])
def test_what_is_too_much_is_kept_more_coarsely(step: int) -> None:
    """A key counted by the day and by the second: whatever is merged counts too long rather than too short, and not for ever."""
    window, log = Window().add(_START, 86_400), [_START]
    for tick in range(1, 1000):
        log.append(_START + tick * step)
        window = window.add(log[-1], 1)
    assert len(window.ends) == 128
    for period in (1, 60, 3600, 86_400):
        for after in (0, 500, 30_000, 3_000_000, 80_000_000):
            at = log[-1] + after
            assert window.used(at, period) >= sum(at - moment < period * 1000 for moment in log)
            assert window.used(at, period) <= sum(at - moment < period * 1100 + 1_000 + step for moment in log)


def test_a_full_window_of_a_busy_limit_is_small() -> None:
    """Ten uses a second for two hours: about sixty slices to the period."""
    window = Window()
    for tick in range(72_000):
        window = window.add(_START + tick * 100, 3600)
    assert len(window.ends) in {60, 61, 62}
    assert window.used(_START + 71_999 * 100, 3600) in range(36_000, 36_000 + 700)


@given(_RATES, st.tuples(_PERIODS, _PERIODS), _STEPS, _STEPS)
def test_another_period_and_rate_stay_safe(
    rate: int, periods: tuple[int, int], before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    """An operator changes a limit over the state of another: what comes after keeps to the new one in every window."""
    window = Window()
    old, new = periods
    clock = _START
    for _, clock in attempts(before, old):
        window = window.add(clock, old)
    admitted = []
    for true, _ in attempts(after, new):
        at = true - _START + clock
        if window.used(at, new) < rate:
            window = window.add(at, new)
            admitted.append(at)
    for first, last in zip(admitted, admitted[rate:], strict=False):
        assert last - first >= new * 1000


def test_the_longer_of_two_periods_is_kept() -> None:
    """One key counted by the minute for some and by the hour for others: the minute does not forget for the hour."""
    window = Window()
    for minute in range(50):
        window = window.add(_START + minute * 60_000, 3600 if minute % 10 == 0 else 60)
    assert window.used(_START + 50 * 60_000, 3600) == 50
    assert window.used(_START + 50 * 60_000, 60) == 1


def test_a_longer_period_that_nobody_counts_by_is_forgotten() -> None:
    """A limit by the day became one by the minute: after a day its state is that of a minute."""
    window = Window().add(_START, 86_400)
    for hour in range(1, 26):
        window = window.add(_START + hour * 3_600_000, 60)
    assert window.span == 60
    assert len(window.ends) == 1


def test_a_clock_behind_stamps_no_use_before_the_newest() -> None:
    """Time in a row never runs backwards."""
    window = Window()
    for at in (_START, _START - 900, _START + 5, _START - 900):
        window = window.add(at, 60)
    assert all(one <= other for one, other in pairwise(window.ends))
    assert window.newest == _START + 5


def test_windows_join_to_the_sum() -> None:
    """Shards of a limit: together they are what one row would be."""
    one = Window().add(_START, 60).add(_START + 5_000, 60)
    other = Window().add(_START + 2_000, 60)
    together = joined([one, other])
    assert (together.ends, together.counts) == ((_START, _START + 2_000, _START + 5_000), (1, 1, 1))
    assert joined([]) == Window()


def test_no_room_ever_has_no_moment() -> None:
    """All of the rate is reserved for others."""
    assert Window().room_in(_START, 60, 0) is None
