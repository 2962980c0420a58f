"""Clients that manage themselves, without HTTP: what happens when several things happen at once, and what is written down."""

import json
import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.policy import Decision
from registrar.schema import Schema
from registrar.service import DecisionFailedError, Refusal
from registrar.service.observer import Unobserved
from registrar.service.pacing import Pace
from registrar.service.review import Revisions, scan, verify
from registrar.store import TOKEN_KINDS, DecisionRecord, Store, StoreUnavailable
from registrar.wire import ErrorCode
from tests.http.managed import DAY, HOSTED, NATIVE
from tests.service.lives import POLICIES, Lives, together
from tests.service.test_software import trusting
from tests.statements.issuers import STRANGER, statement

REQUESTS = Schema.load("registration-request")
PARTNER: Mapping[str, object] = {"client_name": "partner", "redirect_uris": ["https://partner.example/cb"]}


def works(lives: Lives, client: Mapping[str, Any]) -> bool:
    """Whether the token that this answer told is taken. Asking confirms it."""
    try:
        return bool(lives.get(client)["client_id"] == client["client_id"])
    except Refusal:
        return False


class Updates(Unobserved):
    """Who is told of updates."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, bool]] = []

    def updated(self, decision: Decision) -> None:
        """Note it."""
        self.decisions.append((decision.profile, decision.allowed))


# Several at once


def test_contract_17_of_two_updates_at_once_one_is_last_and_both_are_recorded(lives: Lives, database: str) -> None:
    """From two nodes: each answer says what that update made, and the client is what the last one made of it."""
    client = lives.register()
    with closing(Store.open(database)) as store:
        nodes = [lives, Lives(store)]
        updates = [partial(nodes[number % 2].put, client, {**HOSTED, "client_name": f"app {number}"}) for number in range(6)]
        answers = [answer for answer in together(updates) if isinstance(answer, Mapping)]
    assert {answer["client_name"] for answer in answers} >= {lives.stored(client).metadata["client_name"]}
    decided = [one for one in lives.store.decisions_of(client["client_id"]) if one.result == "allow"]
    assert len(decided) == 1 + len(answers)
    assert lives.stored(client).decision_id in {one.decision_id for one in decided}


def test_contract_17_an_update_that_was_overtaken_is_decided_again(lives: Lives) -> None:
    """On what the other one made of the client: nothing of that is lost unseen, and nothing is recorded that did not happen."""
    client = lives.register(NATIVE)
    lives.meanwhile = [lambda: lives.put(client, HOSTED)]
    with pytest.raises(Refusal) as caught:
        lives.put(client, NATIVE)  # from native to native it was, and from hosted it is not allowed
    assert caught.value.status == 403
    assert lives.stored(client).profile == "hosted"
    results = [one.result for one in lives.store.decisions_of(client["client_id"])]
    assert results == ["deny", "allow", "allow"]


def test_an_update_that_was_overtaken_is_counted_once(database: str) -> None:
    """As what came of it in the end, and so is the one that overtook it."""
    with closing(Store.open(database)) as store:
        lives = Lives(store, observer=(counted := Updates()))
        client = lives.register(NATIVE)
        lives.meanwhile = [lambda: lives.put(client, {**NATIVE, "client_name": "first"})]
        lives.put(client, {**NATIVE, "client_name": "second"})
        assert counted.decisions == [("native", True)] * 2
        lives.put(client, HOSTED)
        with pytest.raises(Refusal):
            lives.put(client, NATIVE)
    assert counted.decisions[2:] == [("hosted", True), ("native", False)]


def test_an_update_that_is_overtaken_every_time_gives_up(lives: Lives) -> None:
    """503 within a bound, and not a loop."""
    client = lives.register()
    names = iter(range(100))

    def overtake() -> None:
        lives.meanwhile, kept = [], lives.meanwhile
        lives.put(client, {**HOSTED, "client_name": f"app {next(names)}"})
        lives.meanwhile = kept

    lives.meanwhile = [overtake] * 50
    with pytest.raises(Refusal) as caught:
        lives.put(client, {**HOSTED, "client_name": "late"})
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "1")
    assert lives.stored(client).metadata["client_name"] == f"app {next(names) - 1}"


def test_contract_19_a_client_deleted_during_its_update_stays_deleted(lives: Lives) -> None:
    """The update finds nobody: 401, as for any deleted client, and no decision is recorded for it."""
    client = lives.register()
    lives.meanwhile = [lambda: lives.delete(client)]
    with pytest.raises(Refusal) as caught:
        lives.put(client, {**HOSTED, "client_name": "too late"})
    assert caught.value.status == 401
    stored = lives.stored(client)
    assert (stored.status, stored.metadata["client_name"]) == ("deleted", "my app")
    assert [one.result for one in lives.store.decisions_of(client["client_id"])] == ["event", "allow"]


def test_a_client_disabled_or_swept_during_its_update_is_not_updated(lives: Lives) -> None:
    """Told as it then is: disabled, or gone."""
    for meanwhile, status in ((lambda one: lives.clients.disable(one, by="admin:7"), 403), (lives_end(lives), 401)):
        client = lives.register()
        lives.meanwhile = [partial(meanwhile, client["client_id"])]
        with pytest.raises(Refusal) as caught:
            lives.put(client)
        assert caught.value.status == status
        assert lives.stored(client).decision_id == lives.store.decisions_of(client["client_id"])[-1].decision_id


def lives_end(lives: Lives) -> Any:
    """Lets a day pass, and the sweeper come."""

    def end(_client_id: str) -> None:
        lives.clock.pass_by(DAY)
        lives.sweeper().run_once()

    return end


def test_contract_19_of_many_deletions_at_once_one_deletes(lives: Lives) -> None:
    """The others come to a client that is gone."""
    client = lives.register()
    outcomes = together([partial(lives.delete, client)] * 6)
    assert outcomes.count(None) == 1
    assert {outcome.status for outcome in outcomes if isinstance(outcome, Refusal)} == {401}
    assert [event["event"] for event in lives.events(client)] == ["deleted"]


def test_contract_18_of_two_rotations_at_once_somebody_can_go_on(rotating: Lives) -> None:
    """Two updates with the same token: one of the answers, and until it is used the token before, are taken."""
    for _ in range(10):
        client = rotating.register()
        answers = [one for one in together([partial(rotating.put, client)] * 2) if isinstance(one, Mapping)]
        assert answers
        stored = rotating.stored(client)
        assert stored.previous_token_hash is not None
        assert works(rotating, client)
        assert [works(rotating, answer) for answer in answers].count(True) == 1
        assert not works(rotating, client)


def test_contract_18_a_secret_rotated_by_an_administrator_during_an_update_is_not_lost(rotating: Lives) -> None:
    """The update is done again on the client as it is: what the administrator voided stays void."""
    client = rotating.register()
    leaked = client["client_secret"]
    rotating.meanwhile = [lambda: rotating.clients.rotate_secret(client["client_id"], by="admin:7")]
    answer = rotating.put(client)
    assert not rotating.clients.authenticate(client["client_id"], leaked)
    assert rotating.clients.authenticate(client["client_id"], answer["client_secret"])


@given(st.lists(st.sampled_from(["put", "lost put", "get", "authenticate", "get with the old", "authenticate with the old"])))
def test_contract_18_whatever_answers_are_lost_the_client_gets_through(lasting: Lives, steps: list[str]) -> None:
    """A client that keeps the last credentials that reached it can always go on with them; older ones, once replaced, never."""
    held = lasting.register(HOSTED)
    former: Mapping[str, Any] = {}
    for step in steps:
        if step == "put":
            former, held = held, lasting.put(held)
            assert works(lasting, held)
            assert lasting.clients.authenticate(held["client_id"], held["client_secret"])
        elif step == "lost put":
            lasting.put(held)
        elif step == "get":
            assert works(lasting, held)
        elif step == "authenticate":
            assert lasting.clients.authenticate(held["client_id"], held["client_secret"])
        elif former and step == "get with the old":
            assert not works(lasting, former)
        elif former:
            assert not lasting.clients.authenticate(held["client_id"], former["client_secret"])


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One database for all that is tried."""
    with closing(Store.open(f"sqlite:///{tmp_path_factory.mktemp('lasting')}/registrar.db")) as store:
        yield Lives(store, rotate=True)


# Tokens


def test_contract_16_a_predecessor_at_the_wrong_address_takes_its_successor_along(rotating: Lives) -> None:
    """Both are the client's: who shows either elsewhere has lost both."""
    client, other = rotating.register(), rotating.register()
    answer = rotating.put(client)
    with pytest.raises(Refusal):
        rotating.management.read(other["client_id"], client["registration_access_token"])
    assert not works(rotating, answer)
    assert not works(rotating, client)
    assert works(rotating, other)


def test_contract_16_other_kinds_of_tokens_are_no_registration_access_tokens(lives: Lives) -> None:
    """And are not revoked for being shown here."""
    client = lives.register()
    for kind in TOKEN_KINDS:
        text, record = lives.tokens.create(kind)
        assert not works(lives, {**client, "registration_access_token": text})
        assert lives.tokens.authenticate(text, (kind,)) == record


def test_a_client_admitted_with_a_token_is_updated_as_one(lives: Lives) -> None:
    """The policy asks for an initial access token; the update brings another one, but it is known who was admitted with which."""
    text, record = lives.tokens.create("initial_access", labels={"team": "partners"}, uses=1)
    client = lives.register(PARTNER, text)
    for name in ("renamed", "again"):
        assert lives.put(client, {**PARTNER, "client_name": name})["client_name"] == name
    decision = lives.store.decision(lives.stored(client).decision_id)
    assert decision is not None
    facts = decision.record["facts"]
    assert isinstance(facts, Mapping)
    assert facts["token"] == {"id": record.id, "scopes": [], "labels": {"team": "partners"}}


def test_without_the_decision_that_admitted_it_a_client_has_no_initial_access_token(lives: Lives) -> None:
    """Nobody can say that it had one: the policy that asks for one says no."""
    text, _ = lives.tokens.create("initial_access")
    client = lives.register(PARTNER, text)
    old = lives.stored(client)
    note = DecisionRecord(decision_id="restored", at=0, result="event", client_id=old.client_id, record={})
    lives.store.replace(old, replace(old, decision_id="from a backup"), note)
    with pytest.raises(Refusal) as caught:
        lives.put(client, PARTNER)
    assert caught.value.status == 400


# Software statements


def test_contract_13_and_17_a_statement_speaks_in_an_update_too(database: str, tmp_path: Path) -> None:
    """Its claims come before the body's, it is echoed, one that is not believed is refused, and left out it is gone."""
    with closing(Store.open(database)) as store:
        lives = Lives(store, trusted=trusting(tmp_path))
        client, text = lives.register(NATIVE), statement()
        answer = lives.put(client, {**NATIVE, "client_name": "your bank", "software_statement": text})
        assert (answer["client_name"], answer["software_id"]) == ("vendor's agent", "4NRB1")
        assert answer["software_statement"] == text
        assert lives.stored(client).software_id == "4NRB1"
        for wrong in (statement(key=STRANGER), "no statement"):
            with pytest.raises(Refusal) as caught:
                lives.put(client, {**NATIVE, "software_statement": wrong})
            assert caught.value.code is ErrorCode.INVALID_SOFTWARE_STATEMENT
        assert not {"software_statement", "software_id"} & set(lives.put(client, NATIVE))


# What is written down


def test_an_update_is_recorded_so_that_it_can_be_made_again(lives: Lives) -> None:
    """Allowed or refused: `policy replay --verify` and `policy scan` find nothing amiss."""
    lives.store.activate(POLICIES.revision, POLICIES.files, at=lives.clock.seconds)
    client, native = lives.register(), lives.register(NATIVE)
    lives.clock.pass_by(60)
    lives.put(client, {**HOSTED, "client_name": "renamed", "client_secret": client["client_secret"]})
    lives.put(native, HOSTED)
    with pytest.raises(Refusal):
        lives.put(client, NATIVE)
    revisions = Revisions(lives.store, Schema.load("policy"))
    checked = verify(lives.store.decisions(), revisions)
    assert (checked.skipped, checked.redacted) == ({}, {})
    assert (checked.tally.subjects, checked.tally.unchanged) == (5, 5)
    assert list(scan(lives.store.clients(), POLICIES, REQUESTS, lives.clock(), type(checked)())) == []


def test_no_credential_is_written_down_anywhere(rotating: Lives, caplog: pytest.LogCaptureFixture) -> None:
    """Not in the log, nor in a client or a decision, in whatever was sent where."""
    caplog.set_level(logging.DEBUG)
    client = rotating.register()
    answer = rotating.put(client, {**HOSTED, "client_secret": client["client_secret"]})
    with pytest.raises(Refusal):
        rotating.put(answer, {**HOSTED, "client_name": "acme", "client_secret": answer["client_secret"]})
    with pytest.raises(Refusal):
        rotating.put(answer, {**answer, "software_version": answer["client_secret"]})
    rotating.delete(answer)
    kept = repr([vars(record) for record in caplog.records]) + repr(rotating.stored(client))
    kept += json.dumps([one.record for one in rotating.store.decisions_of(client["client_id"])])
    for told in (client, answer):
        for name in ("client_secret", "registration_access_token"):
            assert told[name] not in kept


def test_a_flood_of_refused_updates_is_counted_and_not_recorded_one_by_one(lives: Lives) -> None:
    """Clients must not fill the database: sixty a minute are recorded whole, as those of registrations are."""
    clients = [lives.register(), lives.register()]
    for number in range(80):
        with pytest.raises(Refusal):
            lives.put(clients[number % 2], {**HOSTED, "client_name": "acme"})
    recorded = [one for client in clients for one in lives.store.decisions_of(client["client_id"], limit=1_000)]
    assert [one.result for one in recorded].count("deny") == 60


def test_a_client_that_changes_all_the_time_is_slowed_down(lives: Lives) -> None:
    """Sixty times at once, then once a minute; every change is recorded, and others are not held up."""
    client, other = lives.register(NATIVE), lives.register(NATIVE)
    for _ in range(60):
        lives.put(client, NATIVE)
    with pytest.raises(Refusal) as caught:
        lives.put(client, NATIVE)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "60")
    lives.put(other, NATIVE)
    assert lives.get(client)
    lives.clock.pass_by(60)
    lives.put(client, NATIVE)
    with pytest.raises(Refusal):
        lives.put(client, NATIVE)


def test_the_memory_of_who_changes_is_bounded() -> None:
    """Whoever is forgotten has more room, never less."""
    pace = Pace()
    for number in range(25_000):
        assert pace.wait(f"client {number}", 0.0) == 0
    assert len(pace._full_at) <= 10_000
    assert pace.wait("client 24999", 0.0) == 0


def test_a_store_that_fails_behind_the_decision_is_told_with_it(lives: Lives) -> None:
    """503 where it is away; a constant where it is a bug, here an id that is given twice."""
    client = lives.register()
    decided = lives.stored(client).decision_id
    lives.management._new_id = lambda: decided
    with pytest.raises(DecisionFailedError) as caught:
        lives.put(client, {**HOSTED, "client_name": "renamed"})
    assert caught.value.decision_id == decided
    assert lives.stored(client).metadata["client_name"] == "my app"
    lives.store.close()
    with pytest.raises(StoreUnavailable):
        lives.get(client)
