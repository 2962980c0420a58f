"""Tokens that the operator gives out, and leases between nodes."""

import pytest

from registrar.store import TOKEN_KINDS, DuplicateError, Store, TokenKind
from tests.store.samples import digest, token


@pytest.mark.parametrize("kind", TOKEN_KINDS)
def test_a_token_is_found_by_its_hash(store: Store, kind: TokenKind) -> None:
    made = token(
        1, kind=kind, name="Häger", scopes=("a", "b"), labels={"team": "x", "env": "y"}, uses_left=3, expires_at=9, revoked_at=4
    )
    store.add_token(made)
    assert store.token_of(digest(1001)) == made
    assert store.token_of(digest(1002)) is None


def test_tokens_are_listed_oldest_first(store: Store) -> None:
    for number in (3, 1, 2):
        store.add_token(token(number))
    assert store.tokens() == (token(1), token(2), token(3))


@pytest.mark.parametrize("changes", [{"id": "t1"}, {"hash": digest(1001)}])
def test_two_tokens_share_neither_id_nor_hash(store: Store, changes: dict[str, object]) -> None:
    store.add_token(token(1))
    with pytest.raises(DuplicateError):
        store.add_token(token(2, **changes))
    assert store.tokens() == (token(1),)


def test_a_token_is_revoked_once(store: Store) -> None:
    """The first moment stays."""
    store.add_token(token(1))
    assert store.revoke_token("t1", 500)
    assert not store.revoke_token("t1", 600)
    assert not store.revoke_token("t9", 600)
    assert store.tokens() == (token(1, revoked_at=500),)


def test_a_token_with_what_no_column_holds(store: Store) -> None:
    with pytest.raises(ValueError, match="NUL"):
        store.add_token(token(1, name="a\0b"))


def test_a_lease_is_one_holders_at_a_time(store: Store) -> None:
    """Who has it may prolong it; others get it when it has run out."""
    assert store.lease("sweep", "one", now=100, seconds=60)
    assert not store.lease("sweep", "two", now=159, seconds=60)
    assert store.lease("sweep", "one", now=150, seconds=60)
    assert not store.lease("sweep", "two", now=209, seconds=60)
    assert store.lease("sweep", "two", now=210, seconds=60)
    assert not store.lease("sweep", "one", now=211, seconds=60)
    assert store.lease("other", "one", now=211, seconds=60)


def test_a_lease_is_given_back_by_its_holder(store: Store) -> None:
    store.lease("sweep", "one", now=100, seconds=60)
    store.release("sweep", "two")
    assert not store.lease("sweep", "two", now=101, seconds=60)
    store.release("sweep", "one")
    assert store.lease("sweep", "two", now=101, seconds=60)
