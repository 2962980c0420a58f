"""The bearer tokens that this server issues: to clients-to-be (RFC 7591 §3), authorization servers, administrators, auditors."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from registrar.policy import Token
from registrar.service.credentials import digest
from registrar.service.outcomes import Refusal
from registrar.store import Store, TokenKind, TokenRecord
from registrar.wire import ErrorCode

PREFIX: Final = "rgt_"
"""What every token's text begins with, so that scanners find one that was published by mistake."""

_MAX_LENGTH: Final = 256  # characters: what is longer was never issued, and is not looked up
_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})


class Tokens:
    """Issues and recognises tokens. Their text is shown once; the store keeps a digest of it.

    `clock` gives the time in UTC, `new_id` unique ids, `new_secret` secrets of 256 random bits in base64url.
    """

    def __init__(
        self, store: Store, *, clock: Callable[[], datetime], new_id: Callable[[], str], new_secret: Callable[[], str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._new_secret = new_secret

    def create(
        self,
        kind: TokenKind,
        *,
        name: str = "",
        scopes: Collection[str] = (),
        labels: Mapping[str, str] = _NO_LABELS,
        uses: int | None = None,
        expires_at: int = 0,
    ) -> tuple[str, TokenRecord]:
        """A new token: its text, which nobody can find out again, and what is stored of it.

        `uses`: how many registrations it admits, None without end. `expires_at`: epoch seconds, 0 for never. Raises
        StoreUnavailable.
        """
        text = PREFIX + self._new_secret()
        record = TokenRecord(
            id=self._new_id(),
            hash=digest(text),
            kind=kind,
            name=name,
            scopes=tuple(scopes),
            labels=dict(labels),
            uses_left=uses,
            issued_at=self._now(),
            expires_at=expires_at,
        )
        self._store.add_token(record)
        return text, record

    def authenticate(self, text: str, kinds: Collection[TokenKind]) -> TokenRecord:
        """The token of which `text` is the text: of one of these kinds, not revoked, expired or used up.

        Raises Refusal: 401, in the same words whatever is wrong (RFC 6750 §3.1), and StoreUnavailable.
        """
        # A digest is looked up, not a text compared: how long that takes says nothing about any token's text.
        record = self._store.token_of(digest(text)) if text.startswith(PREFIX) and len(text) <= _MAX_LENGTH else None
        if record is None or record.kind not in kinds or not _alive(record, self._now()):
            raise invalid_token()
        return record

    def _now(self) -> int:
        return int(self._clock().timestamp())


def fact(record: TokenRecord) -> Token:
    """The token as policies see it."""
    return Token(present=True, id=record.id, scopes=record.scopes, labels=record.labels)


def invalid_token() -> Refusal:
    """RFC 6750 §3.1: expired, revoked, malformed, used up, or never issued."""
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return Refusal(401, ErrorCode.INVALID_TOKEN, "the token is not valid", headers=headers)


def _alive(record: TokenRecord, now: int) -> bool:
    return not record.revoked_at and record.uses_left != 0 and (not record.expires_at or now < record.expires_at)
