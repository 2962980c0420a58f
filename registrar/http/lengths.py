"""How long a request says that its body is, and no more read of it than that: one reading of both for all who ask."""

from collections.abc import Mapping
from typing import Any, Final

SMALL: Final = 8_192
"""Bodies of up to so many bytes are waited for however small `max_body` is, which is about registrations: the private app takes
its questions in them."""

_MAX_DIGITS: Final = 18  # a longer number is over every cap even when it is cut here


def announced_length(environ: Mapping[str, Any]) -> int | None:
    """The length that a WSGI request announces, in bytes (RFC 9110 §8.6). None when it announces none.

    MUST: digits, however many zeros come first, and nothing else that int() takes.
    MUST: of Content-Length only. What a client writes as `Content_Length` is HTTP_CONTENT_LENGTH here, says nothing about the
    body, and comes first where a header is asked for by its name.
    Raises ValueError when it is malformed.
    """
    text = environ.get("CONTENT_LENGTH")
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise ValueError("the Content-Length is malformed")
    return int(text.lstrip("0")[:_MAX_DIGITS] or "0")


def read_at_most(stream: Any, size: int) -> bytes:
    """Up to `size` bytes: a WSGI stream may return less than it was asked for."""
    chunks: list[bytes] = []
    missing = size
    while missing and (chunk := stream.read(missing)):
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)
