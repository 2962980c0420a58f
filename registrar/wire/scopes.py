"""Scope strings (RFC 6749 §3.3)."""

import re
from collections.abc import Iterable

# scope-token = 1*( %x21 / %x23-5B / %x5D-7E ): no space, no quote, no backslash, nothing outside ASCII.
_TOKENS = re.compile(r"[\x21\x23-\x5B\x5D-\x7E ]*")


def check_scope(text: str) -> None:
    """Raises ValueError when a character of a scope string may not stand in a scope token."""
    if not _TOKENS.fullmatch(text):
        raise ValueError("has a character that a scope token must not have")


def parse_scope(text: str) -> tuple[str, ...]:
    """The tokens of a scope string, in their order, each once. Spaces too many are forgiven: clients join lists with empty items.

    Raises ValueError as `check_scope` does.
    """
    check_scope(text)
    return tuple(_tokens(text))


def plain_scope(text: str) -> str:
    """`text` as RFC 6749 §3.3 writes it: each token once, in its order, one space between two. Its characters are not checked."""
    return " ".join(_tokens(text))


def _tokens(text: str) -> Iterable[str]:
    return dict.fromkeys(filter(None, text.split(" ")))


def format_scope(tokens: Iterable[str]) -> str:
    """The scope string of `tokens`."""
    return " ".join(tokens)
