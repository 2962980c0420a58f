"""How refusals are written down: one by one while they are few, counted when they flood."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.service.refusals import Kind, Refusals
from registrar.store import RESULTS, DecisionRecord, OutcomeUnknown, Store, StoreUnavailable
from tests.service.admitting import CLI, Clock, service, tree

ELSEWHERE = {"redirect_uris": ["https://elsewhere.example/"]}
KIND = Kind("sha256:1", "deny", "invalid_redirect_uri", ("native/client.redirect_uris",))
HOURLY = "{id: per-source, key: source.prefix, rate: 1/hour}"


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """An empty database."""
    with closing(Store.open(f"sqlite:///{tmp_path}/registrar.db")) as opened:
        yield opened


def written(store: Store) -> list[DecisionRecord]:
    """Every entry of the journal, oldest first."""
    return [record for record, _ in store.decisions(results=RESULTS)][::-1]


def counts(store: Store) -> list[Mapping[str, Any]]:
    """The records of counts."""
    return [record.record for record in written(store) if record.result == "event"]


def test_few_refusals_are_recorded_whole(either: Store) -> None:
    """As many as the setting says, at once; then as time passes."""
    running = service(either, tree(), per_minute=6)
    whole = [running.refused(ELSEWHERE) for _ in range(6)]
    assert {running.record(one).result for one in whole} == {"deny"}
    counted = running.refused(ELSEWHERE)
    assert either.decision(counted.decision_id) is None
    running.clock.sleep(10)
    assert running.record(running.refused(ELSEWHERE)).result == "deny"
    assert either.decision(running.refused(ELSEWHERE).decision_id) is None
    running.refusals.close()


def test_a_flood_is_one_record(either: Store) -> None:
    """With a number for each kind, and from when to when; each answer names the record."""
    running = service(either, tree(HOURLY), per_minute=0)
    running.register()
    began = int(running.clock().timestamp())
    answers = [running.refused(ELSEWHERE) for _ in range(30)]
    running.clock.sleep(5)
    answers += [running.refused() for _ in range(20)]
    (decision_id,) = {one.decision_id for one in answers}
    assert running.refusals.flush()
    assert not running.refusals.flush()
    record = either.decision(decision_id)
    assert record is not None
    assert (record.result, record.client_id, record.at) == ("event", "", began + 5)
    revision = tree(HOURLY).revision
    rule = "native/client.redirect_uris"
    assert record.record == {
        "version": 1,
        "event": "refusals",
        "by": "registrar",
        "since": began,
        "until": began + 5,
        "count": 50,
        "others": 0,
        "groups": [
            {"revision": revision, "result": "deny", "code": "invalid_redirect_uri", "rules": [rule], "count": 30},
            {"revision": revision, "result": "deny", "code": "too_many_requests", "rules": ["l/per-source"], "count": 20},
        ],
    }


def test_a_flood_of_many_threads_is_counted_exactly(either: Store) -> None:
    """While counts are written again and again."""
    running = service(either, tree(), per_minute=30)
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.01):
            running.refusals.flush()

    writer = threading.Thread(target=write)
    writer.start()
    outcomes = running.at_once(16, lambda _index: [running.refused(ELSEWHERE).decision_id for _ in range(25)])
    done.set()
    writer.join()
    running.refusals.close()
    whole = [record for record in written(either) if record.result == "deny"]
    assert len(whole) == 30
    assert sum(record["count"] for record in counts(either)) == 16 * 25 - 30
    told = {decision_id for outcome in outcomes for decision_id in outcome}  # type: ignore[attr-defined]  # lists of ids
    assert told == {record.decision_id for record in written(either)}


def test_counts_are_written_by_themselves(store: Store) -> None:
    """A while after the first."""
    running = service(store, tree(), per_minute=0, period=0.05)
    for _ in range(3):
        running.refused(ELSEWHERE)
        wait_for(lambda: not running.refusals._timer)
    running.refusals.close()
    assert sum(record["count"] for record in counts(store)) == 3
    assert len(counts(store)) == 3


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it is true, which is soon."""
    gate = threading.Event()
    for _ in range(500):
        if condition():
            return
        gate.wait(0.02)
    raise AssertionError("it did not come true")


class Fickle:
    """A store that fails as it is told to, before or after it has recorded."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failing: str = ""

    def record(self, decision: DecisionRecord) -> None:
        if self.failing == "before":
            raise StoreUnavailable("gone")
        self.store.record(decision)
        if self.failing == "after":
            raise OutcomeUnknown("silent")


def refusals(store: Any, **options: Any) -> Refusals:
    """Refusals of which each is counted."""
    clock = Clock()
    numbers = iter(range(1, 1_000_000))
    given: Mapping[str, Any] = {"clock": clock, "new_id": lambda: f"id-{next(numbers):06}", "per_minute": 0, "period": 3600.0}
    return Refusals(store, **{**given, **options})


def test_counts_outlive_an_outage(store: Store) -> None:
    """Those that were tried stay as they are; what comes meanwhile is counted apart; all are written once."""
    fickle = Fickle(store)
    counting = refusals(fickle)
    fickle.failing = "before"
    first = counting.count(KIND)
    assert not counting.flush()
    second = counting.count(KIND)
    for _ in range(3):
        assert not counting.flush()
        assert counting.count(KIND) == second
    fickle.failing = ""
    counting.close()
    assert [(record.decision_id, record.record["count"]) for record in written(store)] == [(first, 1), (second, 4)]


def test_counts_whose_writing_was_lost_sight_of_are_written_once(store: Store) -> None:
    """The store had them all the same: trying again collides with them, and is as good."""
    fickle = Fickle(store)
    counting = refusals(fickle)
    fickle.failing = "after"
    first = counting.count(KIND)
    assert not counting.flush()
    second = counting.count(KIND)
    fickle.failing = ""
    counting.close()
    assert [(record.decision_id, record.record["count"]) for record in written(store)] == [(first, 1), (second, 1)]


def test_the_thread_goes_on_through_an_outage(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """And says once a while that it could not."""
    fickle = Fickle(store)
    counting = refusals(fickle, period=0.02)
    fickle.failing = "before"
    counting.count(KIND)
    wait_for(lambda: sum(record.message == "refusals not recorded yet" for record in caplog.records) >= 3)
    fickle.failing = ""
    wait_for(lambda: len(counts(store)) == 1)
    counting.close()


def test_a_refusal_that_is_recorded_whole_needs_the_store(store: Store) -> None:
    """As a registration does: the client is told 503, and its refusal not."""
    fickle = Fickle(store)
    counting = refusals(fickle, per_minute=1)
    fickle.failing = "before"
    with pytest.raises(StoreUnavailable):
        counting.note("id", KIND, lambda: DecisionRecord(decision_id="id", at=1, result="deny", record={}))
    assert counting.note("id", KIND, lambda: pytest.fail("asked for")) == "id-000001"
    fickle.failing = ""
    counting.close()
    assert len(written(store)) == 1


def test_after_the_end_no_thread_begins(store: Store) -> None:
    """What comes then is written by whoever closes again."""
    counting = refusals(store, period=0.01)
    counting.close()
    counting.count(KIND)
    assert counting._timer is None
    counting.close()
    assert len(counts(store)) == 1


def test_kinds_are_bounded(store: Store) -> None:
    """Clients choose which rules they break together; what is beyond is counted as other."""
    counting = refusals(store)
    for number in range(250):
        counting.count(KIND._replace(rules=(f"rule-{number}",)))
        counting.count(KIND)
    counting.close()
    (record,) = counts(store)
    assert record["count"] == 500
    assert len(record["groups"]) == 100
    assert record["groups"][0]["count"] >= 249
    assert sum(group["count"] for group in record["groups"]) + record["others"] == 500


@given(st.lists(st.floats(0, 20), max_size=80), st.integers(0, 20))
def test_never_more_than_the_setting_in_any_minute_beyond_the_burst(pauses: list[float], per_minute: int) -> None:
    """In any time of t minutes at most burst + rate · t are recorded whole, the burst being the rate."""

    class Counted:
        def record(self, decision: DecisionRecord) -> None:
            if decision.result != "event":
                times.append(clock().timestamp())

    clock, times = Clock(), list[float]()
    counting = refusals(Counted(), clock=clock, per_minute=per_minute)
    for pause in pauses:
        clock.sleep(pause)
        counting.note("id", KIND, lambda: DecisionRecord(decision_id="id", at=1, result="deny", record={}))
    counting.close()
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= per_minute + per_minute * (times[last] - times[first]) / 60 + 1e-6


def test_a_clock_that_is_set_back_does_no_harm(store: Store) -> None:
    """No room comes of it, and none goes."""
    clock = Clock()
    counting = refusals(store, clock=clock, per_minute=2)
    record = iter(DecisionRecord(decision_id=f"d-{number}", at=1, result="deny", record={}) for number in range(9))
    assert counting.note("whole", KIND, lambda: next(record)) == "whole"
    clock.sleep(-3600)
    assert counting.note("whole", KIND, lambda: next(record)) == "whole"
    assert counting.note("whole", KIND, lambda: next(record)) != "whole"
    clock.sleep(3600)
    counting.close()


def test_a_flood_does_not_grow_the_database(store: Store) -> None:
    """A minute of twenty refusals a second: what the setting lets through, and six records of counts."""
    running = service(store, tree(HOURLY), per_minute=60)
    running.register(CLI)
    for second in range(60):
        for _ in range(20):
            running.refused(ELSEWHERE)
        if second % 10 == 9:
            running.refusals.flush()
        running.clock.sleep(1)
    assert len(written(store)) <= 1 + 60 + 60 + 6
    assert sum(record["count"] for record in counts(store)) + len(written(store)) - len(counts(store)) - 1 == 1200
