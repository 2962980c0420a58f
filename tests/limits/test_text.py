"""What is stored of a counter: read as it was written, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.limits import MEASURES, Counter, read, written
from registrar.limits.bucket import Bucket
from registrar.limits.counter import Share
from registrar.limits.window import Window


def _window(slices: list[tuple[int, int]], span: int, span_at: int) -> Window:
    return Window(tuple(end for end, _ in slices), tuple(count for _, count in slices), span, span_at)


_NUMBERS = st.integers(0, 2**62)
_SLICES = st.lists(st.tuples(_NUMBERS, st.integers(1, 10**6)), min_size=1, max_size=20).map(sorted)
_SHARES = st.dictionaries(st.sampled_from(MEASURES), st.builds(Share, _NUMBERS, _NUMBERS, _NUMBERS))
_COUNTERS = st.builds(
    Counter,
    st.builds(_window, _SLICES, _NUMBERS, _NUMBERS) | st.just(Window()),
    st.builds(Bucket, _NUMBERS, st.integers(1, 2**62)) | st.just(Bucket()),
    _NUMBERS,
    _NUMBERS,
    st.integers(2, 64),
    _SHARES,
) | st.builds(Counter, active=_NUMBERS, total=_NUMBERS)


@given(_COUNTERS)
def test_it_is_read_as_it_was_written(counter: Counter) -> None:
    """With the numbers that have columns of their own."""
    text = written(counter)
    assert read(text, full_at=counter.bucket.full_at, active=counter.active, total=counter.total) == counter


def test_nothing_to_say_is_no_text() -> None:
    """A limit of clients alone costs nothing but its numbers."""
    assert written(Counter(active=7, total=9)) == ""


def test_a_full_window_is_short() -> None:
    """Sixty slices: some hundred bytes, of which the ends are differences."""
    window = Window()
    for tick in range(3600):
        window = window.add(1_790_000_000_000 + tick * 1000, 3600)
    assert len(written(Counter(window))) < 800


@pytest.mark.parametrize(
    "text",
    [
        *(
            "null",
            "[]",
            "7",
            '"x"',
            "{",
            "{} {}",
            "NaN",
            '{"other":1}',
            '{"ends":7}',
            '{"ends":[1]}',
            '{"ends":[1],"counts":[-1]}',
        ),
        *('{"ends":[1],"counts":[2.0]}', '{"ends":[true],"counts":[1]}', '{"ends":["1"],"counts":[1]}', '{"ends":[[1,1]]}'),
        *('{"ends":[1e999],"counts":[1]}', '{"counts":[1]}', '{"ends":null}', '{"span":[1]}', '{"span":7}'),
        *('{"interval":-1}', '{"interval":"1"}', '{"interval":null}', '{"shards":[2]}', '{"shards":0}'),
        *('{"shares":[]}', '{"shares":{"x":[1,1,1]}}', '{"shares":{"rate":[1,1]}}'),
    ],
)
def test_anything_else_is_an_error(text: str) -> None:
    """Half a state would let more in than the limit says."""
    with pytest.raises(ValueError):  # noqa: PT011  # of whichever part; the store names the limit
        read(text)


@pytest.mark.parametrize("column", ["full_at", "active", "total"])
def test_a_count_below_zero_is_an_error(column: str) -> None:
    """Somebody changed it by hand."""
    with pytest.raises(ValueError, match="below zero"):
        read("", **{column: -1})
