"""The token bucket against one that is counted in fractions."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from registrar.limits.bucket import Bucket, interval

_START = 1_790_000_000_000
_RATES = st.sampled_from([(20, 3600), (7, 60), (1200, 3600), (5000, 1), (1, 86_400)])


@given(_RATES, st.integers(1, 10), st.lists(st.integers(0, 3000), min_size=1, max_size=100))
def test_it_gives_what_a_bucket_of_fractions_gives(rate: tuple[int, int], burst: int, steps: list[int]) -> None:
    """Never more; and not less, but for the rounding up of the time that a token takes."""
    per = interval(*rate)
    exact_level, at, bucket = Fraction(burst), _START, Bucket()
    for step in steps:
        elapsed = step * per // 1_500_000  # up to two tokens
        at += elapsed
        exact_level = min(exact_level + Fraction(elapsed * 1000, per), Fraction(burst))
        assert bucket.used(at) == -((exact_level - burst) // 1)
        if exact_level >= 1:
            assert bucket.used(at) < burst
            bucket = bucket.add(at, per)
            exact_level -= 1
        else:
            assert bucket.used(at) >= burst


@given(_RATES, st.integers(1, 10), st.lists(st.tuples(st.integers(0, 3000), st.integers(-500, 500)), min_size=1, max_size=60))
def test_no_time_has_more_than_its_refill(rate: tuple[int, int], burst: int, steps: list[tuple[int, int]]) -> None:
    """By clocks a second apart: from any use to any later one, the burst and what came back in that time and a second."""
    per, true, bucket, admitted = interval(*rate), _START, Bucket(), []
    for step, wrong in steps:
        true += step * per // 1_500_000
        if bucket.used(true + wrong) < burst:
            bucket = bucket.add(true + wrong, per)
            admitted.append(true)
    for first, begin in enumerate(admitted):
        for later, end in enumerate(admitted[first:]):
            assert later + 1 <= burst + Fraction((end - begin + 1000) * 1000, per)


@given(_RATES, st.integers(1, 10), st.integers(1, 10))
def test_what_is_said_of_the_wait_is_true(rate: tuple[int, int], burst: int, uses: int) -> None:
    """At the promised millisecond there is a token, and one before there is none."""
    per, bucket = interval(*rate), Bucket()
    for _ in range(uses):
        bucket = bucket.add(_START, per)
    wait = bucket.room_in(_START, burst)
    assert wait is not None
    assert bucket.used(_START + wait) < burst
    if wait:
        assert bucket.used(_START + wait - 1) >= burst


def test_another_speed_keeps_the_tokens_that_are_missing() -> None:
    """The operator lowers the rate: the burst is not there twice. From the next use on tokens come back at the new speed."""
    fast, slow = interval(3600, 3600), interval(60, 3600)
    bucket = Bucket()
    for _ in range(5):
        bucket = bucket.add(_START, fast)
    assert [bucket.used(_START + second * 1000) for second in range(6)] == [5, 4, 3, 2, 1, 0]
    slower = bucket.add(_START + 2000, slow)
    assert [slower.used(_START + 2000 + minute * 60_000) for minute in range(5)] == [4, 3, 2, 1, 0]
    faster = slower.add(_START + 2000, fast)
    assert [faster.used(_START + 2000 + second * 1000) for second in range(6)] == [5, 4, 3, 2, 1, 0]


@given(st.lists(st.tuples(_RATES, st.integers(0, 100_000)), min_size=1, max_size=20), st.integers(1, 10))
def test_what_is_said_of_the_wait_is_true_at_any_speed(uses: list[tuple[tuple[int, int], int]], burst: int) -> None:
    """Whoever used it last, and at whatever speed tokens came back for him."""
    bucket, at = Bucket(), _START
    for rate, step in uses:
        at += step
        bucket = bucket.add(at, interval(*rate))
        wait = bucket.room_in(at, burst)
        assert wait is not None
        assert bucket.used(at + wait) < burst
        assert not wait or bucket.used(at + wait - 1) >= burst


def test_an_empty_ceiling_never_has_room() -> None:
    """All of the burst is reserved for others."""
    assert Bucket().room_in(_START, 0) is None
