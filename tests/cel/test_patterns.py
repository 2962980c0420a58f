"""Regular expressions as the rest of the program uses them."""

import pytest

from registrar.cel import PatternError, compile_pattern


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
