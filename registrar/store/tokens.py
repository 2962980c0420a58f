"""Bearer tokens that the operator gives out."""

from registrar.store.access import Access
from registrar.store.records import TokenRecord
from registrar.store.rows import token_of, token_row


class Tokens(Access):
    """The verbs about initial access tokens and those of authorization servers, administrators and auditors."""

    def add_token(self, token: TokenRecord) -> None:
        """Store a token, durably. Raises DuplicateError when its id or hash exists; ValueError or TypeError as `add`."""
        values = token_row(token)
        self._write(lambda transaction: transaction.execute(self._sql.insert_token, values))

    def token_of(self, token_hash: bytes) -> TokenRecord | None:
        """The token with this hash, whatever has become of it."""
        row = self._one(self._sql.select_token, (token_hash,))
        return token_of(row) if row else None

    def tokens(self) -> tuple[TokenRecord, ...]:
        """Every token, oldest first, also those that are spent, expired or revoked."""
        return tuple(map(token_of, self._all(self._sql.select_tokens)))

    def revoke_token(self, token_id: str, at: int) -> bool:
        """Let a token be worth nothing from `at` (epoch seconds) on; False when it was revoked already, or there is none."""
        return self._write(lambda transaction: transaction.change(self._sql.revoke_token, (at, token_id))) == 1
