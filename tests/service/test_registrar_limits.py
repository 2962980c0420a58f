"""Limits of a policy tree, as those who register meet them."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.limits import LimitReachedError
from registrar.policy import Source
from registrar.service import Refusal, Registration
from registrar.service.evidence import read_record, unlike
from registrar.store import DecisionRecord, Store
from registrar.wire import ErrorCode
from tests.policy.trees import compiled, head
from tests.service.admitting import CLI, HERE, THERE, Clock, Service, files, numbered, service, tree

HOURLY = "{id: per-source, key: source.prefix, rate: 3/hour}"


def test_a_limit_refuses_what_it_has_no_room_for(either: Store) -> None:
    """429 with what is needed to come back, and what was recorded; others are not concerned."""
    running = service(either, tree(HOURLY))
    for body in numbered(3):
        running.register(body)
    refusal = running.refused()
    assert (refusal.status, refusal.code) == (429, ErrorCode.TOO_MANY_REQUESTS)
    assert refusal.headers["RateLimit-Policy"] == '"l/per-source";q=3;w=3600'
    seconds = int(refusal.headers["Retry-After"])
    assert 3600 <= seconds <= 3600 + 62
    assert refusal.headers["RateLimit"] == f'"l/per-source";r=0;t={seconds}'
    assert refusal.description == f"the limit l/per-source has no room left: try again in {seconds} seconds"
    assert HERE.ip not in refusal.description
    running.register(source=THERE)


def test_room_comes_back_when_it_was_said(either: Store) -> None:
    """Retry-After is no guess: not too short, and a slice of the hour before it the store has no room for anybody, asked anew."""
    running, slice_of_hour = service(either, tree(HOURLY)), 60
    for body in numbered(3):
        running.register(body)
    running.clock.sleep(int(running.refused().headers["Retry-After"]) - slice_of_hour)
    forgetful = service(either, tree(HOURLY), clock=running.clock)
    assert forgetful.refused().status == 429
    running.clock.sleep(slice_of_hour)
    running.register()


def test_a_registration_says_how_much_is_left(either: Store) -> None:
    """RateLimit and RateLimit-Policy on 201 too: what comes back with time, and not how many others there are."""
    limits = (
        "{id: s, key: source.prefix, rate: 20/hour, burst: 5, maxActive: 100}, {id: all, key: '\"\"', rate: 9/hour, maxTotal: 9}"
    )
    running = service(either, tree(limits))
    first = running.register()
    assert first.headers["RateLimit-Policy"] == '"l/s";q=20;w=3600, "l/s/burst";q=5;w=900'
    policy, burst = first.headers["RateLimit"].split(", ")
    assert policy.startswith('"l/s";r=19;t=')
    assert burst == '"l/s/burst";r=4;t=180'
    assert service(either, tree()).register(source=THERE).headers == {}


def test_a_denial_by_limit_is_recorded(either: Store) -> None:
    """With the limit and the numbers; it can be read back, and replayed: the policy's part is the same."""
    policies = tree(HOURLY)
    running = service(either, policies)
    admitted, *_ = [running.record(running.register(body)) for body in numbered(3)]
    assert admitted.record["limits"] == [{"limit": "l/per-source", "key": HERE.prefix}]
    denied = running.record(running.refused())
    assert (denied.result, denied.client_id) == ("deny", "")
    limited = {**_limited(denied)}
    assert limited.pop("retry_after") >= 3600
    assert limited == {"limit": "l/per-source", "key": HERE.prefix, "measure": "rate", "used": 3, "of": 3}
    assert denied.record["violations"] == []
    for record in (admitted, denied):
        evidence = read_record(record)
        assert evidence.outcome.allowed
        assert unlike(record, policies.decide(evidence.facts)) == ()


def _limited(record: DecisionRecord) -> Mapping[str, Any]:
    found = record.record["limited"]
    assert isinstance(found, dict)
    return found


def test_a_replay_notices_another_limit(either: Store) -> None:
    """Which limits a client has to find room in is the policy's; so is under which key."""
    running = service(either, tree(HOURLY))
    record = running.record(running.register())
    facts = read_record(record).facts
    assert unlike(record, tree().decide(facts)) == ("revision", "limits")
    assert unlike(record, tree("{id: per-source, key: 'source.ip + \"!\"', rate: 3/hour}").decide(facts)) == (
        "revision",
        "limits",
    )
    without = service(either, tree())
    unlimited = without.record(without.register())
    assert unlike(unlimited, tree(HOURLY).decide(facts)) == ("revision", "limits")


def test_what_is_refused_for_another_reason_uses_no_room(either: Store) -> None:
    """Neither does what is malformed."""
    running = service(either, tree(HOURLY))
    for _ in range(5):
        assert running.refused({"redirect_uris": ["https://elsewhere.example/"]}).status == 400
        assert running.refused({"redirect_uris": 7}).status == 400
    for body in numbered(3):
        running.register(body)


@pytest.mark.parametrize(
    ("limit", "measure", "known"),
    [("burst: 2, rate: 20/hour", "burst", True), ("maxActive: 2", "active", False), ("maxTotal: 2", "total", False)],
)
def test_every_measure_is_told_of(either: Store, limit: str, measure: str, known: bool) -> None:
    """What nobody knows the end of is waited for an hour."""
    running = service(either, tree(f"{{id: x, key: source.prefix, {limit}}}"))
    for body in numbered(2):
        running.register(body)
    refusal = running.refused()
    assert refusal.headers["RateLimit"].startswith(f'"l/x/{measure}";r=0')
    assert (";t=" in refusal.headers["RateLimit"]) is known
    assert refusal.headers["Retry-After"] == ("180" if known else "3600")
    assert "try again" in refusal.description or not known
    assert _limited(running.record(refusal))["measure"] == measure


def test_a_limit_that_cannot_be_evaluated_is_the_operators_fault(either: Store) -> None:
    """500, as for every rule."""
    running = service(either, tree("{id: x, key: 'client.contacts[0]', rate: 3/hour}"))
    assert running.refused().status == 500
    running.register({**CLI, "contacts": ["a@b.example"]})


def test_exactly_as_many_as_there_is_room_for_at_once(either: Store) -> None:
    """Forty at the same moment, room for ten."""
    running = service(either, tree("{id: all, key: '\"all\"', rate: 10/hour, maxActive: 10}"))
    bodies = numbered(40)
    outcomes = running.at_once(40, lambda index: running.register(bodies[index]))
    admitted = [one for one in outcomes if isinstance(one, Registration)]
    refused = [one for one in outcomes if isinstance(one, Refusal)]
    assert (len(admitted), len(refused)) == (10, 30)
    assert {one.status for one in refused} == {429}
    assert all(either.client(str(one.client["client_id"])) for one in admitted)


def test_reserved_room_is_for_the_named_profile(either: Store) -> None:
    """Strangers fill only what is theirs; a flood of them does not keep the known ones out, early or late."""
    policies = tree(
        "{id: all, key: '\"all\"', rate: 5/hour, reserve: [{profiles: [known], slots: 2}]}",
        known="matchConditions: [{name: office, expression: '\"corp\" in source.networks'}]",
    )
    running = service(either, policies)
    for body in numbered(3):
        running.register(body)
    assert running.refused().headers["RateLimit-Policy"] == '"l/all";q=3;w=3600'
    running.registrar.shed(THERE, None)
    running.register(source=THERE)
    running.register({**CLI, "client_name": "another"}, source=THERE)
    assert running.refused(source=THERE).headers["RateLimit-Policy"] == '"l/all";q=5;w=3600'


class TestEarly:
    """What is turned away before its document is read."""

    @staticmethod
    def shed(running: Any, source: Source = HERE, token: str | None = None) -> Refusal | None:
        """How a request is turned away; None when it is let through to be read."""
        try:
            running.registrar.shed(source, token)
        except Refusal as refusal:
            return refusal
        return None

    def test_a_source_that_was_refused_is_refused_early(self, either: Store) -> None:
        """Until there may be room again, and not a second longer."""
        running = service(either, tree(HOURLY))
        for body in numbered(3):
            running.register(body)
            assert self.shed(running) is None
        seconds = int(running.refused().headers["Retry-After"])
        early = self.shed(running)
        assert early is not None
        assert (early.status, early.code) == (429, ErrorCode.TOO_MANY_REQUESTS)
        assert early.headers["Retry-After"] == str(seconds)
        assert early.headers["RateLimit"] == f'"l/per-source";r=0;t={seconds}'
        assert self.shed(running, THERE) is None
        running.clock.sleep(seconds - 1.5)
        late = self.shed(running)
        assert late is not None
        assert late.headers["Retry-After"] == "1"
        running.clock.sleep(0.5)
        assert self.shed(running) is None

    def test_it_is_never_wrong(self, either: Store) -> None:
        """At every moment until there is room: who is turned away early, the store would have refused as well."""
        running = service(either, tree("{id: s, key: source.prefix, rate: 4/minute, burst: 2}"))
        turned_away = 0
        for number in range(120):
            body = {**CLI, "client_name": f"cli {number}"}
            if self.shed(running) is not None:
                turned_away += 1
                assert running.refused(body).status == 429
            else:
                with suppress(Refusal):
                    running.register(body)
            running.clock.sleep(0.7)
        assert turned_away > 60

    def test_another_policy_has_limits_of_its_own(self, either: Store) -> None:
        """An operator who raises a limit is heard at once."""
        sets = [tree(HOURLY)]
        running = service(either, lambda: sets[-1])
        for body in numbered(3):
            running.register(body)
        running.refused()
        assert self.shed(running) is not None
        sets.append(tree(HOURLY.replace("3/", "4/")))
        assert self.shed(running) is None
        running.register()

    def test_who_has_more_room_is_not_refused_for_another(self, either: Store) -> None:
        """An override gives a network a wider ceiling of the same count."""
        limit = "{id: all, key: '\"all\"', rate: 2/hour, overrides: [{networks: [corp], rate: 4/hour}]}"
        running = service(either, tree(limit))
        for body in numbered(2):
            running.register(body)
        running.refused()
        assert self.shed(running) is not None
        assert self.shed(running, THERE) is None
        running.register(source=THERE)

    def test_a_burst_comes_back_at_the_speed_of_the_last_use(self, either: Store) -> None:
        """Where some are faster than others, nobody foresees when there is room: the store is asked."""
        fast = "overrides: [{networks: [corp], rate: 3000/hour, burst: 30}]"
        running = service(either, tree(f"{{id: all, key: '\"\"', rate: 30/hour, burst: 2, {fast}}}"))
        for body in numbered(2):
            running.register(body)
        assert int(running.refused().headers["Retry-After"]) == 120
        assert self.shed(running) is None
        running.register(source=THERE)
        running.clock.sleep(3)
        running.register({**CLI, "client_name": "sooner than was said"})

    @pytest.mark.parametrize(
        ("key", "source", "known"),
        [
            ("source.prefix", HERE, True),
            ("source.prefix", Source(ip="2001:db8::7", prefix="2001:db8::/64"), True),
            ("source.prefix", Source(ip="2001:db8:1::7", prefix="2001:db8:1::/64"), False),
            ("source.ip", Source(ip="2001:db8:1::7", prefix="2001:db8:1::/64"), False),
            ('source.prefix + ""', HERE, False),
        ],
    )
    def test_a_burst_of_one_source_has_one_speed(self, either: Store, key: str, source: Source, known: bool) -> None:
        """Where all that is counted together comes from the same networks, an override is nobody else's."""
        limit = f"{{id: s, key: '{key}', rate: 30/hour, burst: 1, overrides: [{{networks: [corp, one], rate: 300/hour}}]}}"
        networks = "{corp: [198.51.100.0/24], one: ['2001:db8:1::8/128']}"
        document = head(f"profiles: [native]\nnetworks: {networks}")
        running = service(either, compiled({**files(limit), "policyset.yaml": document}))
        running.register(source=source)
        assert running.refused(source=source).headers["RateLimit"].startswith('"l/s/burst";r=0')
        assert (self.shed(running, source) is not None) is known

    def test_whoever_shows_a_token_is_heard(self, either: Store) -> None:
        """Which limits are his is not known before the token is."""
        running = service(either, tree("{id: anonymous, when: '!token.present', key: '\"\"', rate: 1/hour}"))
        running.register()
        running.refused()
        assert self.shed(running) is not None
        text, _ = running.tokens.create("initial_access")
        assert self.shed(running, token=text) is None
        running.register(token=text)

    @pytest.mark.parametrize("limit", ["maxActive: 1", "maxTotal: 1"])
    def test_places_that_somebody_can_give_up_are_not_remembered(self, either: Store, limit: str) -> None:
        """Another node may end a client at any moment."""
        running = service(either, tree(f"{{id: x, key: source.prefix, {limit}}}"))
        running.register()
        running.refused()
        assert self.shed(running) is None

    def test_a_shared_client_costs_as_much_of_a_burst_as_a_new_one(self, either: Store) -> None:
        """So whoever is turned away early would not have been given it either."""
        running = service(either, tree("{id: s, key: source.prefix, rate: 20/hour, burst: 2}", "reuseIdentical: true"))
        for _ in range(2):
            running.register()
        assert running.refused().status == 429
        assert self.shed(running) is not None

    def test_a_limit_by_what_stands_in_the_document_is_asked_later(self, either: Store) -> None:
        """Nobody knows it early."""
        running = service(either, tree("{id: n, key: client.client_name, rate: 1/hour}"))
        running.register()
        running.refused()
        assert self.shed(running) is None

    def test_the_memory_is_bounded(self, either: Store) -> None:
        """What is forgotten is asked of the store."""
        policies = tree("{id: s, key: source.prefix, rate: 1/hour}")
        running = service(either, policies, per_minute=0)
        throttle = running.registrar._throttle
        running.register()
        running.refused()
        ((key, full),) = throttle._full.items()
        for number in range(10_000):
            error = LimitReachedError(replace(full.usage, key=str(number)), 3600)
            throttle.remember(policies, error, Clock().now.timestamp())
        assert len(throttle._full) <= 4096
        assert key not in throttle._full
        running.refusals.close()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A registrar for all the floods below: rates, bursts, an override, room that is reserved."""
    limits = """
    {id: all, key: '"all"', rate: 40/minute, reserve: [{profiles: [known], slots: 20}]},
    {id: each, key: source.prefix, rate: 6/minute, burst: 3, overrides: [{networks: [corp], rate: 12/minute, burst: 6}]},
    {id: steady, key: source.prefix, rate: 20/minute, burst: 4}
    """
    known = "matchConditions: [{name: office, expression: '\"corp\" in source.networks'}]\nreuseIdentical: true"
    with closing(Store.open(f"sqlite:///{tmp_path_factory.mktemp('flood')}/registrar.db")) as store:
        yield service(store, tree(limits, known=known), per_minute=0)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.1, 0.9, 1.0, 5.0, 20.0])), min_size=20, max_size=60))
def test_nobody_who_has_room_is_turned_away_early(lasting: Service, requests: list[tuple[int, float]]) -> None:
    """Whoever asks, and however fast: who is turned away early is refused by the store as well."""
    lasting.clock.sleep(3600)
    for host, pause in requests:
        lasting.clock.sleep(pause)
        network = "198.51.100" if host == 0 else "192.0.2"
        source = Source(ip=f"{network}.{host}", prefix=f"{network}.{host}")
        if TestEarly.shed(lasting, source) is not None:
            assert lasting.refused(source=source).status == 429
        else:
            with suppress(Refusal):
                lasting.register(source=source)


def fields_of(caplog: pytest.LogCaptureFixture, message: str) -> list[Mapping[str, Any]]:
    """The fields of the log lines with this message."""
    return [record.__dict__["fields"] for record in caplog.records if record.message == message]


def test_a_limit_that_is_nearly_reached_is_warned_of(either: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Once, when four fifths are used; not of every client that comes then. What clients choose is not in the line."""
    running = service(either, tree("{id: name, key: client.software_id, rate: 10/hour}"))
    with caplog.at_level(logging.WARNING):
        for number in range(10):
            running.register({**CLI, "client_name": f"cli {number}", "software_id": "chosen-by-a-client"})
            assert len(fields_of(caplog, "limit nearly reached")) == (number >= 7)
    (warned,) = fields_of(caplog, "limit nearly reached")
    assert warned == {"limit": "l/name", "measure": "rate", "used": 8, "of": 10, "source": HERE.prefix}


def test_a_denial_by_limit_is_one_line(either: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Of a decision, with the limit where rules are named; no key."""
    running = service(either, tree("{id: name, key: client.software_id, rate: 1/hour}"))
    body = {**CLI, "software_id": "chosen-by-a-client"}
    running.register(body)
    with caplog.at_level(logging.INFO):
        running.refused(body)
    (line,) = fields_of(caplog, "decision")
    assert (line["result"], line["rules"], line["client_id"]) == ("deny", ["l/name"], "")
    assert "chosen-by-a-client" not in json.dumps([record.__dict__.get("fields") for record in caplog.records])
