"""Regular expressions as the rest of the program uses them."""

import pytest
import re2  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from registrar.cel import PatternError, compile_pattern
from registrar.cel.patterns import Pattern


def test_a_pattern_searches_or_fits_all() -> None:
    pattern = compile_pattern("[a-z]+")
    assert pattern.search("1abc2")
    assert not pattern.fullmatch("1abc2")
    assert pattern.fullmatch("abc")
    assert not pattern.fullmatch("abc\n")


def test_a_pattern_counts_code_points() -> None:
    assert compile_pattern("^.{2}$").search("ü€")


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "(?=a)", r"\1", "a**", "\ud800"])
def test_what_is_wrong_with_a_pattern_is_said_without_repeating_it(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern + "s3cr3t")
    assert str(caught.value).startswith("the pattern is wrong: ")
    assert "s3cr3t" not in str(caught.value)
    assert capfd.readouterr().err == ""


# One character each, of many kinds; and what only looks like it.
ONE = [
    r"\p{Latin}",
    r"\P{L}",
    "[abc]",
    "[^a-z]",
    r"[\p{Cc}\p{Cf}]",
    r"[\x{430}-\x{44F}A-Z]",
    r"[^\p{Greek}.]",
    r"[\]\-\\]",
    r"[\p{^Lu}]",
]
OTHERS = [
    "[[:alpha:]]",
    "[]a]",
    "[^]a]",
    r"[\d]",
    r"[\x41]",
    "[a]b",
    "[a]+",
    "[a]|[b]",
    "(?i)[a]",
    "^[a]",
    r"\p{L}*",
    r"\pN",
    "a",
    "",
]


@given(st.sampled_from(ONE + OTHERS), st.lists(st.text(alphabet="abzAB7 -].\\\u03b1\u0436\u200b\u20ac\U0001f600", max_size=4)))
def test_what_is_learned_of_characters_changes_no_answer(pattern: str, texts: list[str]) -> None:
    """A pattern that has searched many texts answers as one that has not searched any."""
    experienced = Pattern(pattern, re2.compile(pattern))
    for text in texts * 2:
        found = re2.compile(pattern).search(text)
        assert experienced.search(text) is (found is not None)
        assert experienced.find(text) == (found.group() if found else "")


def test_what_is_learned_has_an_end() -> None:
    """Nobody fills the memory with characters."""
    pattern = Pattern("[a]", re2.compile("[a]"))
    for start in range(0x4E00, 0x9000, 64):
        assert not pattern.search("".join(map(chr, range(start, start + 64))))
    assert not pattern.search("xyz\u9fa5")
    assert pattern.search("xyza")
