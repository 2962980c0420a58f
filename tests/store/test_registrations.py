"""Admitting clients with a token, and giving one client to all who register the same."""

from dataclasses import replace

import pytest

from registrar.store import ChangedError, Client, DecisionRecord, DuplicateError, Store, TokenSpentError
from tests.store.samples import add, allowed, digest, event, known, pair, stored, token

AT = 1_790_000_000.5
"""When the sample clients are issued, and half a second."""
DAY = 86_400


def shared_client(number: int, **changes: object) -> tuple[Client, DecisionRecord]:
    """Client `c<number>`, whom identical registrations share under "k" until a day after its issue."""
    owner, decision = pair(number, number)
    return replace(owner, **{"reuse_key": "k", "due_at": 1_790_000_000 + DAY, **changes}), decision  # type: ignore[arg-type]


def again(number: int, client_id: str = "c1") -> DecisionRecord:
    """The decision `d<number>`, which gives a client out once more."""
    return replace(allowed(number), client_id=client_id)


def test_a_token_admits_as_many_as_it_says(store: Store, store_url: str) -> None:
    store.add_token(token(1, uses_left=2))
    store.add(*pair(1, 1), token_id="t1", at=AT)
    store.add(*pair(2, 2), token_id="t1", at=AT)
    with pytest.raises(TokenSpentError, match="used up"):
        store.add(*pair(3, 3), token_id="t1", at=AT)
    assert stored(store_url) == ({"c1", "c2"}, {"c1", "c2"})
    assert store.token_of(digest(1001)) == token(1, uses_left=0)


def test_a_token_without_a_number_admits_without_end(store: Store) -> None:
    store.add_token(token(1))
    for number in range(5):
        store.add(*pair(number, number), token_id="t1", at=AT)
    assert store.token_of(digest(1001)) == token(1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expires_at": 1_790_000_000}, "revoked or expired"),
        ({"revoked_at": 5}, "revoked or expired"),
        ({"uses_left": 3, "expires_at": 1_789_999_999}, "revoked or expired"),
        ({"uses_left": 0}, "used up"),
    ],
    ids=["expired at this second", "revoked", "expired with uses left", "used up"],
)
def test_a_token_that_admits_nobody(store: Store, store_url: str, changes: dict[str, int], message: str) -> None:
    """Nothing is stored of the registration, not its decision either."""
    store.add_token(token(1, **changes))
    with pytest.raises(TokenSpentError, match=message):
        store.add(*pair(1, 1), token_id="t1", at=AT)
    assert stored(store_url) == (set(), set())


def test_a_token_that_nobody_made(store: Store, store_url: str) -> None:
    with pytest.raises(TokenSpentError):
        store.add(*pair(1, 1), token_id="t1", at=AT)
    assert stored(store_url) == (set(), set())


def test_a_token_in_its_last_second_admits(store: Store) -> None:
    store.add_token(token(1, expires_at=1_790_000_001))
    store.add(*pair(1, 1), token_id="t1", at=AT)
    assert store.client("c1") is not None


def test_what_is_not_stored_uses_no_token(store: Store) -> None:
    store.add_token(token(1, uses_left=5))
    add(store, 1)
    with pytest.raises(DuplicateError):
        store.add(*pair(1, 2), token_id="t1", at=AT)
    assert store.token_of(digest(1001)) == token(1, uses_left=5)


def test_without_a_moment_a_decision_counts_as_of_when_it_was_made(store: Store) -> None:
    store.add_token(token(1, expires_at=1_790_000_001))
    with pytest.raises(TokenSpentError):
        store.add(*pair(1, 1), token_id="t1")


def test_an_identical_registration_gets_the_client_that_is_there(store: Store) -> None:
    """Which stays as it is; that it was given out again is in the journal."""
    owner, decision = shared_client(1)
    store.add(owner, decision, at=AT)
    assert store.shared("k") == owner
    store.reuse(owner, again(2), at=AT)
    assert store.client("c1") == owner
    assert store.decision("d2") == again(2)
    assert store.verify().records == 2


def test_a_reuse_key_is_held_once(store: Store, store_url: str) -> None:
    store.add(*shared_client(1), at=AT)
    with pytest.raises(DuplicateError):
        store.add(*shared_client(2), at=AT)
    assert stored(store_url) == ({"c1"}, {"c1"})


def test_nobody_shares_by_another_key(store: Store) -> None:
    store.add(*shared_client(1), at=AT)
    assert store.shared("other") is None
    with pytest.raises(ChangedError):
        store.reuse(shared_client(1, reuse_key="other")[0], again(2), at=AT)
    assert store.decision("d2") is None


def test_reusing_uses_a_token(store: Store) -> None:
    store.add_token(token(1, uses_left=1))
    store.add(*shared_client(1), at=AT)
    store.reuse(known(store), again(2), token_id="t1", at=AT)
    with pytest.raises(TokenSpentError):
        store.reuse(known(store), again(3), token_id="t1", at=AT)
    assert store.decision("d3") is None


@pytest.mark.parametrize("way", ["disabled", "deleted", "overdue", "never there"])
def test_only_an_active_client_is_shared(store: Store, way: str) -> None:
    """And its key is free for the next, at once."""
    if way != "never there":
        store.add(*shared_client(1), at=AT)
    if way == "disabled":
        store.switch("c1", "disabled", event(5, "c1"))
    if way == "deleted":
        store.end("c1", "deleted", event(5, "c1"), at=5)
    now = AT + DAY if way == "overdue" else AT
    assert store.shared("k", at=now) is None
    with pytest.raises(ChangedError):
        store.reuse(shared_client(1)[0], again(2), at=now)
    store.add(*shared_client(3), at=now)
    found = store.shared("k", at=AT)
    assert found is not None
    assert found.client_id == "c3"


def test_a_client_that_was_enabled_again_is_not_shared(store: Store) -> None:
    """Another may have its key by then."""
    store.add(*shared_client(1), at=AT)
    store.switch("c1", "disabled", event(5, "c1"))
    store.add(*shared_client(2), at=AT)
    store.switch("c1", "active", event(6, "c1"))
    found = store.shared("k")
    assert found is not None
    assert found.client_id == "c2"


def test_giving_a_client_out_again_keeps_it_from_lying_unused(store: Store) -> None:
    """Its end moves as if it had been used; not for every registration, and never past its lifetime."""
    store.add(*shared_client(1, expires_at=1_790_000_000 + 2 * DAY), at=AT)

    def due_after(number: int, seconds: int) -> int:
        store.reuse(known(store), again(number), at=AT + seconds)
        found = store.client("c1")
        assert found is not None
        assert found.last_seen_at == 0
        return found.due_at - 1_790_000_000

    assert due_after(2, DAY // 20) == DAY
    assert due_after(3, DAY // 2) == DAY + DAY // 2
    assert due_after(4, DAY + DAY // 3) == 2 * DAY


def test_a_client_that_may_lie_unused_is_not_touched_when_it_is_given_out(store: Store) -> None:
    store.add(*shared_client(1, unused=0, expires_at=0, due_at=0), at=AT)
    store.reuse(known(store), again(2), at=AT + 10 * DAY)
    assert store.client("c1") == shared_client(1, unused=0, expires_at=0, due_at=0)[0]


def test_reusing_speaks_of_the_client_that_it_gives_out(store: Store) -> None:
    store.add(*shared_client(1), at=AT)
    with pytest.raises(ValueError, match="another client"):
        store.reuse(known(store), again(2, "c2"), at=AT)
