"""Ids and secrets."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


class TimeOrderedIds:
    """Makes UUIDs of version 7 (RFC 9562 §5.7): later ones sort behind earlier ones, which keeps inserts local in an index.

    `clock` is timezone-aware; `random` gives as many random bytes as it is asked for.
    """

    def __init__(self, clock: Callable[[], datetime], random: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._random = random

    def __call__(self) -> str:
        """A new id. It has 74 random bits, so it is unique, but no secret."""
        milliseconds = (self._clock() - _EPOCH) // _MILLISECOND
        return _uuid(milliseconds << 80 | int.from_bytes(self._random(10)), version=7)


def named_id(name: str) -> str:
    """The id that goes with `name`, always the same: a UUID of version 8 (RFC 9562 §5.8) of its SHA-256."""
    return _uuid(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16]), version=8)


def _uuid(bits: int, *, version: int) -> str:
    bits = bits & ~(0xF << 76) | version << 76
    digits = f"{bits & ~(0x3 << 62) | 0x2 << 62:032x}"  # with the variant; `uuid.UUID` would take three times as long to say so
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_secret() -> str:
    """A client secret of 256 random bits, base64url: so long that a single SHA-256 is enough to store it."""
    return secrets.token_urlsafe(32)
