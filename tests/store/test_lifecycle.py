"""What happens to a client after its registration."""

from dataclasses import replace
from typing import Literal

import pytest

from registrar.store import ChangedError, Client, DuplicateError, Status, Store
from tests.store.samples import allowed, client, digest, event, pair

KEYS: dict[str, object] = {
    "secret_hash": digest(1),
    "secret_expires_at": 2_000,
    "management_token_hash": digest(2),
    "previous_token_hash": digest(3),
    "previous_secret_hash": digest(4),
    "previous_secret_expires_at": 1_500,
    "reuse_key": "k",
    "due_at": 3_000,
}


def furnished(store: Store, **changes: object) -> Client:
    """Client `c1`, which has everything that a client may have."""
    owner = client(1, **KEYS | changes)
    store.add(owner, allowed(1))
    return owner


def found(store: Store, client_id: str = "c1") -> Client:
    answer = store.client(client_id)
    assert answer is not None
    return answer


def test_a_client_is_replaced_by_what_was_decided(store: Store) -> None:
    old = furnished(store)
    new = replace(old, metadata={"client_name": "other"}, profile="web", decision_id="d2", previous_token_hash=None)
    store.replace(old, new, replace(allowed(2), client_id="c1"))
    assert found(store) == new
    assert [decision.decision_id for decision in store.decisions_of("c1")] == ["d2", "d1"]


@pytest.mark.parametrize("change", ["secret", "status", "seen", "gone", "never there"])
def test_a_client_that_somebody_else_changed_is_not_replaced(store: Store, change: str) -> None:
    """Not even by what would not be visible: whoever decided did not know of it."""
    old = furnished(store) if change != "never there" else client(1)
    match change:
        case "secret":
            store.put_secret("c1", digest(9), 0, event(7, "c1"))
        case "status":
            store.switch("c1", "disabled", event(7, "c1"))
        case "seen":
            store.seen("c1", 1_790_000_500)
        case "gone":
            store.end("c1", "deleted", event(7, "c1"), at=5)
    before = store.client("c1")
    with pytest.raises(ChangedError):
        store.replace(old, replace(old, profile="web"), replace(allowed(2), client_id="c1"))
    assert store.client("c1") == before
    assert store.decision("d2") is None


def test_a_replacement_may_not_take_what_another_client_has(store: Store) -> None:
    old = furnished(store)
    store.add(replace(client(2), management_token_hash=digest(20)), allowed(2))
    with pytest.raises(DuplicateError):
        store.replace(old, replace(old, management_token_hash=digest(20)), replace(allowed(3), client_id="c1"))
    assert found(store) == old


@pytest.mark.parametrize(("new", "decision"), [("c2", "c1"), ("c1", "c2")])
def test_a_replacement_is_of_the_same_client(store: Store, new: str, decision: str) -> None:
    old = furnished(store)
    with pytest.raises(ValueError, match="another client"):
        store.replace(old, replace(old, client_id=new), replace(allowed(2), client_id=decision))


def test_a_value_that_no_column_holds_replaces_nothing(store: Store) -> None:
    old = furnished(store)
    with pytest.raises(ValueError, match="NUL"):
        store.replace(old, replace(old, profile="a\0b"), replace(allowed(2), client_id="c1"))
    assert found(store) == old


def test_deleting_leaves_a_tombstone(store: Store) -> None:
    """What it was stays readable; what could be used for anything is gone."""
    owner = furnished(store)
    assert store.end("c1", "deleted", event(2, "c1"), at=2_500)
    assert found(store) == replace(
        owner,
        status="deleted",
        ended_at=2_500,
        due_at=0,
        secret_hash=None,
        previous_secret_hash=None,
        previous_secret_expires_at=0,
        management_token_hash=None,
        previous_token_hash=None,
        reuse_key=None,
    )
    assert store.holder_of(digest(2)) is None
    assert store.decision("d2") == event(2, "c1")


def test_a_client_ends_once(store: Store) -> None:
    """The second time nothing is stored, its event neither."""
    furnished(store)
    assert store.end("c1", "deleted", event(2, "c1"), at=2_500)
    assert not store.end("c1", "deleted", event(3, "c1"), at=2_600)
    assert not store.end("c1", "expired", event(4, "c1"), at=2_700)
    assert not store.end("c9", "deleted", event(5, "c9"), at=2_700)
    assert found(store).ended_at == 2_500
    assert store.verify().records == 2


@pytest.mark.parametrize(("at", "ended"), [(2_999, False), (3_000, True), (9_999, True)])
def test_a_client_expires_when_it_is_due(store: Store, at: int, ended: bool) -> None:
    """And not when it was used between being found and being ended."""
    furnished(store)
    assert store.end("c1", "expired", event(2, "c1"), at=at) is ended
    assert found(store).status == ("expired" if ended else "active")


def test_a_client_without_an_end_never_expires(store: Store) -> None:
    furnished(store, due_at=0)
    assert not store.end("c1", "expired", event(2, "c1"), at=2**60)


def test_a_disabled_client_can_end(store: Store) -> None:
    furnished(store, status="disabled")
    assert store.end("c1", "expired", event(2, "c1"), at=3_000)


def test_disabling_and_enabling(store: Store) -> None:
    """Each once; credentials stay as they are."""
    owner = furnished(store)
    assert store.switch("c1", "disabled", event(2, "c1"))
    assert not store.switch("c1", "disabled", event(3, "c1"))
    assert found(store) == replace(owner, status="disabled", reuse_key=None)
    assert store.switch("c1", "active", event(4, "c1"))
    assert not store.switch("c1", "active", event(5, "c1"))
    assert found(store) == replace(owner, reuse_key=None)
    assert [decision.decision_id for decision in store.decisions_of("c1")] == ["d4", "d2", "d1"]


@pytest.mark.parametrize("status", ["active", "disabled"])
def test_what_has_ended_stays_ended(store: Store, status: Literal["active", "disabled"]) -> None:
    furnished(store)
    store.end("c1", "deleted", event(2, "c1"), at=2_500)
    assert not store.switch("c1", status, event(3, "c1"))
    assert not store.switch("c9", status, event(4, "c9"))
    assert found(store).status == "deleted"


def test_an_event_is_about_the_client(store: Store) -> None:
    furnished(store)
    with pytest.raises(ValueError, match="another client"):
        store.end("c1", "deleted", event(2, "c2"), at=5)


def secrets(store: Store) -> tuple[bytes | None, int, bytes | None, int]:
    owner = found(store)
    return owner.secret_hash, owner.secret_expires_at, owner.previous_secret_hash, owner.previous_secret_expires_at


def test_a_new_secret_takes_the_place_of_the_old(store: Store) -> None:
    furnished(store)
    store.put_secret("c1", digest(9), 9_000, event(2, "c1", "secret_rotated"))
    assert secrets(store) == (digest(9), 9_000, None, 0)
    assert store.decision("d2") == event(2, "c1", "secret_rotated")


@pytest.mark.parametrize(
    ("own_end", "keep_until", "until"),
    [(2_000, 1_900, 1_900), (1_800, 1_900, 1_800), (0, 1_900, 1_900), (1_800, 0, 1_800), (0, 0, 0)],
)
def test_the_old_secret_may_go_on_for_a_while(store: Store, own_end: int, keep_until: int, until: int) -> None:
    """Not longer than it would have by itself; 0 is for ever."""
    furnished(store, previous_secret_hash=None, previous_secret_expires_at=0, secret_expires_at=own_end)
    store.put_secret("c1", digest(9), 9_000, event(2, "c1"), keep_until=keep_until)
    assert secrets(store) == (digest(9), 9_000, digest(1), until)


def test_a_secret_that_never_arrived_gives_way_to_the_one_that_did(store: Store) -> None:
    """Rotated twice without an answer: what the client has goes on."""
    furnished(store)
    store.put_secret("c1", digest(9), 9_000, event(2, "c1"), keep_until=1_900)
    assert secrets(store) == (digest(9), 9_000, digest(4), 1_500)


def test_a_client_without_a_secret_gets_its_first(store: Store) -> None:
    furnished(store, secret_hash=None, secret_expires_at=0, previous_secret_hash=None, previous_secret_expires_at=0)
    store.put_secret("c1", digest(9), 0, event(2, "c1"), keep_until=1_900)
    assert secrets(store) == (digest(9), 0, None, 0)


def test_the_first_use_of_the_new_secret_forgets_the_old(store: Store) -> None:
    furnished(store)
    assert not store.confirm_secret("c1", digest(4))
    assert secrets(store)[2] == digest(4)
    assert store.confirm_secret("c1", digest(1))
    assert secrets(store) == (digest(1), 2_000, None, 0)
    assert not store.confirm_secret("c1", digest(1))
    assert not store.confirm_secret("c9", digest(1))


def test_a_tombstone_gets_no_secret(store: Store) -> None:
    furnished(store)
    store.end("c1", "deleted", event(2, "c1"), at=5)
    for client_id in ("c1", "c9"):
        with pytest.raises(ChangedError):
            store.put_secret(client_id, digest(9), 0, event(3, client_id))
    assert found(store).secret_hash is None
    assert store.decision("d3") is None


def test_a_registration_access_token_finds_its_client(store: Store) -> None:
    """The one before as well, until the new one was used."""
    owner = furnished(store)
    assert store.holder_of(digest(2)) == owner
    assert store.holder_of(digest(3)) == owner
    assert store.holder_of(digest(5)) is None
    assert not store.confirm_token("c1", digest(3))
    assert store.confirm_token("c1", digest(2))
    assert store.holder_of(digest(3)) is None
    assert store.holder_of(digest(2)) == found(store)
    assert not store.confirm_token("c1", digest(2))


def test_a_registration_access_token_is_revoked_with_its_predecessor(store: Store) -> None:
    furnished(store)
    assert store.revoke_management_token("c1", event(2, "c1", "token_revoked"))
    assert (store.holder_of(digest(2)), store.holder_of(digest(3))) == (None, None)
    assert not store.revoke_management_token("c1", event(3, "c1"))
    assert store.verify().records == 2


def test_two_clients_never_have_one_token(store: Store) -> None:
    furnished(store)
    with pytest.raises(DuplicateError):
        store.add(replace(client(2), management_token_hash=digest(2)), allowed(2))


ISSUED = 1_790_000_000


@pytest.mark.parametrize(
    ("changes", "due_at"),
    [
        ({"unused": 1_000, "expires_at": 0}, ISSUED + 1_500),
        ({"unused": 1_000, "expires_at": ISSUED + 1_200}, ISSUED + 1_200),
        ({"unused": 0, "expires_at": ISSUED + 1_200}, ISSUED + 1_200),
        ({"unused": 0, "expires_at": 0}, 0),
        ({"unused": 1_000, "expires_at": ISSUED + 1_200, "provisioned": True}, 0),
    ],
    ids=["by use", "by its lifetime", "without unused", "without an end", "brought by the operator"],
)
def test_being_seen_moves_the_end(store: Store, changes: dict[str, int], due_at: int) -> None:
    furnished(store, **changes)
    assert store.seen("c1", ISSUED + 500)
    assert (found(store).last_seen_at, found(store).due_at) == (ISSUED + 500, due_at)


def test_being_seen_is_noted_once_a_minute(store: Store) -> None:
    """And never backwards, whatever the clock of another node says."""
    furnished(store)
    noted = []
    for at in (500, 559, 560, 400, 621):
        assert store.seen("c1", ISSUED + at)
        noted.append(found(store).last_seen_at - ISSUED)
    assert noted == [500, 500, 560, 560, 621]


@pytest.mark.parametrize("status", ["disabled", "expired", "deleted"])
def test_only_an_active_client_is_seen(store: Store, status: Status) -> None:
    furnished(store, status=status)
    assert not store.seen("c1", ISSUED + 500)
    assert not store.seen("c9", ISSUED + 500)
    assert found(store).last_seen_at == 0


def test_clients_are_due_in_the_order_of_their_ends(store: Store) -> None:
    for number, due in enumerate((50, 0, 20, 40, 60), start=1):
        owner, decision = pair(number, number)
        store.add(replace(owner, due_at=due), decision)
    assert [owner.client_id for owner in store.due(50, 10)] == ["c3", "c4", "c1"]
    assert [owner.client_id for owner in store.due(50, 2)] == ["c3", "c4"]
    assert store.due(19, 10) == ()
    store.end("c3", "expired", event(9, "c3"), at=50)
    assert [owner.client_id for owner in store.due(50, 10)] == ["c4", "c1"]
