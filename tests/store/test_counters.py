"""Limits as the store keeps them: consumed with the client, all or nothing, and given back when it ends."""

import math
from dataclasses import replace

import pytest

from registrar.limits import LimitReachedError, LimitUse, Usage
from registrar.store import DecisionRecord, DuplicateError, Store, StoreUnavailable
from tests.store.samples import allowed, client, rows

NOW = 1_790_000_000.25


def use(key: str = "all", limit: str = "registration/everyone", **numbers: int) -> LimitUse:
    """A use of a limit."""
    return LimitUse(limit=limit, key=key, **numbers)


def register(store: Store, number: int, *uses: LimitUse, at: float = NOW) -> tuple[Usage, ...]:
    """Register client `c<number>` under these limits."""
    return store.add(client(number), allowed(number), uses=uses, at=at)


def refused(store: Store, number: int, *uses: LimitUse, at: float = NOW) -> LimitReachedError:
    """Fail to register client `c<number>`, and leave no trace of it."""
    with pytest.raises(LimitReachedError) as refusal:
        register(store, number, *uses, at=at)
    assert store.client(f"c{number}") is None
    assert store.decision(f"d{number}") is None
    return refusal.value


def end(store: Store, number: int, event_id: str = "") -> bool:
    """Delete client `c<number>`."""
    event = DecisionRecord(
        decision_id=event_id or f"e{number}", at=int(NOW), result="event", client_id=f"c{number}", record={"event": "deleted"}
    )
    return store.end(f"c{number}", "deleted", event, int(NOW))


def test_a_rate_admits_so_many_in_its_period(store: Store) -> None:
    """Three an hour: the fourth is told when the first one's hour is over, and gets in then."""
    hourly = use(rate=3, period=3600)
    answers = [register(store, number, hourly, at=NOW + number * 100) for number in range(3)]
    assert answers[2] == (Usage("registration/everyone", "all", "rate", 3, 3, 3401),)
    refusal = refused(store, 3, hourly, at=NOW + 300)
    assert refusal.usage == Usage("registration/everyone", "all", "rate", 3, 3, 3301)
    assert refusal.retry_after == 3301
    refused(store, 3, hourly, at=NOW + 3600)
    register(store, 3, hourly, at=NOW + 3601)
    refused(store, 4, hourly, at=NOW + 3601)


def test_keys_count_apart(store: Store) -> None:
    """One address has used its rate up; another has not, and neither has the same address under another limit."""
    register(store, 1, use("192.0.2.1", rate=1, period=60))
    refused(store, 2, use("192.0.2.1", rate=1, period=60))
    register(store, 2, use("192.0.2.2", rate=1, period=60))
    register(store, 3, use("192.0.2.1", "registration/other", rate=1, period=60))


def test_a_burst_is_refilled(store: Store) -> None:
    """Two at once of sixty an hour: then one a minute."""
    slow = use(rate=60, period=3600, burst=2)
    register(store, 1, slow)
    assert register(store, 2, slow) == (
        Usage("registration/everyone", "all", "rate", 2, 60, 3601),
        Usage("registration/everyone", "all", "burst", 2, 2, 60),
    )
    assert refused(store, 3, slow).retry_after == 60
    refused(store, 3, slow, at=NOW + 59)
    register(store, 3, slow, at=NOW + 60)


def test_places_of_clients_are_given_back_at_their_end(store: Store) -> None:
    """Two at a time: a disabled client keeps its place, a deleted one gives it back, once."""
    two = use(max_active=2)
    register(store, 1, two)
    register(store, 2, two)
    assert refused(store, 3, two).retry_after == 0
    event = DecisionRecord(decision_id="off", at=int(NOW), result="event", client_id="c1", record={"event": "disabled"})
    assert store.switch("c1", "disabled", event)
    refused(store, 3, two)
    assert end(store, 1)
    assert not end(store, 1, "again")
    register(store, 3, two)
    refused(store, 4, two)


def test_a_total_is_never_given_back(store: Store) -> None:
    """Ten registrations with one token, however long ago and whatever became of the clients."""
    ten = use("t1", "registration/per-token", max_total=10)
    for number in range(10):
        register(store, number, ten, at=NOW + number * 1e6)
        end(store, number)
    assert refused(store, 10, ten, at=NOW + 1e9).usage.measure == "total"


def test_a_reserve_is_kept_for_others(store: Store) -> None:
    """Of ten, strangers may have seven and known clients all."""
    for number, known in enumerate([False, True, False, True, False, False, False]):
        register(store, number, use(rate=10, period=60, max_active=10, reserve=0 if known else 3))
    refusal = refused(store, 7, use(rate=10, period=60, max_active=10, reserve=3))
    assert (refusal.usage.used, refusal.usage.of) == (7, 7)
    for number in range(7, 10):
        register(store, number, use(rate=10, period=60, max_active=10))
    refused(store, 10, use(rate=10, period=60, max_active=10))


def test_the_second_limit_refuses_and_the_first_is_not_used(store: Store, store_url: str) -> None:
    """All or nothing, whichever of the limits says no, and of a client that collides as well."""
    wide, narrow = use("a", "l/wide", rate=5, period=60, max_active=5), use("b", "l/narrow", rate=1, period=60)
    register(store, 1, narrow, wide)
    before = rows(store_url, "SELECT * FROM counter ORDER BY limit_id")
    refused(store, 2, wide, narrow)
    refused(store, 2, narrow, wide)
    with pytest.raises(DuplicateError):
        register(store, 1, wide)
    assert rows(store_url, "SELECT * FROM counter ORDER BY limit_id") == before
    assert rows(store_url, "SELECT client_id FROM hold") == [("c1",)]


def test_usages_come_in_the_order_of_the_uses(store: Store) -> None:
    """Whatever the order that they are locked in."""
    answers = register(store, 1, use(limit="l/z", max_active=3), use(limit="l/a", rate=2, period=60, max_total=9))
    assert [(usage.limit, usage.measure, usage.used, usage.of) for usage in answers] == [
        ("l/z", "active", 1, 3),
        ("l/a", "rate", 1, 2),
        ("l/a", "total", 1, 9),
    ]


def test_the_refusal_names_the_limit_that_frees_last(store: Store) -> None:
    """A client that came back for the sooner one would be refused again."""
    uses = [use(limit=f"l/{period}", rate=1, period=period) for period in (60, 3600, 600)]
    register(store, 1, *uses)
    assert refused(store, 2, *uses).usage.limit == "l/3600"


def test_reuse_counts_in_the_rates_only(store: Store, store_url: str) -> None:
    """A shared client that is given out again is no further client."""
    both = use(rate=3, period=60, max_active=1)
    shared = replace(client(1), reuse_key="k")
    store.add(shared, allowed(1), uses=[both], at=NOW)
    for number in (2, 3):
        assert len(store.reuse(shared, replace(allowed(number), client_id="c1"), uses=[both], at=NOW)) == 1
    with pytest.raises(LimitReachedError) as refusal:
        store.reuse(shared, replace(allowed(4), client_id="c1"), uses=[both], at=NOW)
    assert refusal.value.usage.measure == "rate"
    assert rows(store_url, "SELECT active, total FROM counter") == [(1, 0)]


@pytest.mark.parametrize("key", ["", "x" * 100_000, "🦊" * 60, "nul\0", "sha256:", "a%sb?c'\"\\"], ids=repr)
def test_any_key_counts(store: Store, key: str) -> None:
    """A client may have chosen the key: the database takes each, and tells it from others."""
    register(store, 1, use(key, max_active=1))
    assert refused(store, 2, use(key, max_active=1)).usage.key == key
    register(store, 2, use(key + "x", max_active=1))
    end(store, 1)
    register(store, 3, use(key, max_active=1))


@pytest.mark.parametrize("column", ["slices = '['", "slices = '{\"ends\":[1]}'", "active = -1", "slices = '[]'"])
def test_a_corrupt_state_lets_nobody_in(store: Store, store_url: str, column: str) -> None:
    """Neither does it end what else the database does."""
    register(store, 1, use(rate=5, period=60, max_active=5))
    rows(store_url, f"UPDATE counter SET {column}")
    with pytest.raises(StoreUnavailable, match="registration/everyone under 'all' is corrupt"):
        register(store, 2, use(rate=5, period=60, max_active=5))
    with pytest.raises(StoreUnavailable, match="corrupt"):
        store.usage(NOW)
    register(store, 3)
    assert end(store, 1)
    assert store.prune_counters(NOW + 1e6) in {0, 1}
    assert rows(store_url, "SELECT COUNT(*) FROM counter") == [(1,)]


def test_what_says_nothing_any_more_is_forgotten(store: Store, store_url: str) -> None:
    """Addresses that came once: an hour later nothing is kept of them. A client that is there counts on, and so does a total."""
    hourly = use(rate=20, period=3600)
    for number in range(5):
        register(store, number, replace(hourly, key=f"192.0.2.{number}"), at=NOW + number)
    register(store, 5, replace(hourly, key="client", max_active=5))
    register(store, 6, replace(hourly, key="token", max_total=5))
    assert store.prune_counters(NOW + 3600) == 0
    assert store.prune_counters(NOW + 3800) == 5
    assert rows(store_url, "SELECT key FROM counter ORDER BY key") == [("client",), ("token",)]
    end(store, 5)
    store.prune_counters(NOW + 60)
    assert rows(store_url, "SELECT COUNT(*) FROM counter") == [(2,)]  # it still counts in the rate
    assert store.prune_counters(NOW + 3800) == 1
    assert rows(store_url, "SELECT key FROM counter") == [("token",)]


def test_forgetting_takes_small_bites(store: Store) -> None:
    """So that registrations get a turn."""
    for number in range(7):
        register(store, number, use(str(number), rate=1, period=1))
    assert [store.prune_counters(NOW + 1000, limit=3) for _ in range(4)] == [3, 3, 1, 0]


def test_usage_is_listed(store: Store) -> None:
    """All of it page by page, and the keys that use most of each limit."""
    for number in range(12):
        register(store, number, use(f"k{int(math.sqrt(number))}", "l/a", rate=100, period=60), use(limit="l/b", max_active=100))
    everything = store.usage(NOW)
    assert [(row.limit, row.key, row.recent, row.span, row.active) for row in everything] == [
        ("l/a", "k0", 1, 60, 0),
        ("l/a", "k1", 3, 60, 0),
        ("l/a", "k2", 5, 60, 0),
        ("l/a", "k3", 3, 60, 0),
        ("l/b", "all", 0, 0, 12),
    ]
    assert store.usage(NOW, after=("l/a", "k1"), most=2) == everything[2:4]
    assert store.usage(NOW, limits=["l/b"]) == everything[4:]
    assert [(row.limit, row.key) for row in store.top_usage(NOW, most=1)] == [("l/a", "k2"), ("l/b", "all")]
    assert store.usage(NOW + 62)[0].recent == 0
    register(store, 20, use("", "l/a", max_active=100))
    assert store.usage(NOW)[0].key == store.usage(NOW, limits=["l/a"], most=1)[0].key == ""
    assert store.usage(NOW, after=("l/a", "")) == everything
    assert everything[2].counter.usages(use("k2", "l/a", rate=6, period=60), int(NOW * 1000))[0].remaining == 1
