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
        assert bucket.used(at, per) == -((exact_level - burst) // 1)
        if exact_level >= 1:
            assert bucket.used(at, per) < burst
            bucket = bucket.add(at, per)
            exact_level -= 1
        else:
            assert bucket.used(at, per) >= burst


@given(_RATES, st.integers(1, 10), st.integers(1, 10))
def test_what_is_said_of_the_wait_is_true(rate: tuple[int, int], burst: int, uses: int) -> None:
    """At the promised millisecond there is a token, and one before there is none."""
    per, bucket = interval(*rate), Bucket()
    for _ in range(uses):
        bucket = bucket.add(_START, per)
    wait = bucket.room_in(_START, per, burst)
    assert wait is not None
    assert bucket.used(_START + wait, per) < burst
    if wait:
        assert bucket.used(_START + wait - 1, per) >= burst


def test_another_speed_keeps_the_tokens_that_are_missing() -> None:
    """The operator lowers the rate: the burst is not there twice."""
    fast, slow = interval(3600, 3600), interval(60, 3600)
    bucket = Bucket()
    for _ in range(5):
        bucket = bucket.add(_START, fast)
    assert bucket.used(_START, slow) == 5
    assert bucket.used(_START + 60_000, slow) == 0  # back at the old speed, as nobody used it at the new one
    slower = bucket.add(_START, slow)
    assert slower.used(_START + 60_000, slow) == 5
    assert slower.used(_START + 60_000, fast) == 5


def test_an_empty_ceiling_never_has_room() -> None:
    """All of the burst is reserved for others."""
    assert Bucket().room_in(_START, 1000, 0) is None
