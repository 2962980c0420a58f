"""Scope strings: contract 6 and 26."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.wire import format_scope, parse_scope

TOKENS = st.text(st.sampled_from([chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\']), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ()),
        ("  ", ()),
        ("mcp:tools mcp:read", ("mcp:tools", "mcp:read")),
        (" b  a b ", ("b", "a")),
        ("https://api.example/read!", ("https://api.example/read!",)),
    ],
)
def test_6_26_a_scope_is_its_tokens(text: str, tokens: tuple[str, ...]) -> None:
    """Contract 6 and 26: in their order, each once, spaces too many forgiven."""
    assert parse_scope(text) == tokens


@pytest.mark.parametrize("text", ['a"', "a\\", "a\tb", "a\n", "\n", "ä", "a\u00a0b", "a\x7f", "a\0"])
def test_6_other_characters_are_refused(text: str) -> None:
    """Contract 6: RFC 6749 §3.3 has no tabs, line breaks, quotes, backslashes or characters outside ASCII."""
    with pytest.raises(ValueError, match=r"^has a character"):
        parse_scope(text)


@settings(deadline=None)
@given(st.lists(TOKENS, unique=True))
def test_6_formatting_and_parsing_are_inverse(tokens: list[str]) -> None:
    """Contract 6: every legal token survives."""
    assert parse_scope(format_scope(tokens)) == tuple(tokens)
