"""Identical registrations share a client (policy language §8)."""

from collections.abc import Mapping
from typing import Any

import pytest

from registrar.service import Refusal, Registration
from registrar.service.events import event_record
from registrar.service.evidence import read_record, unlike
from registrar.service.review import Revisions, replay, verify
from registrar.service.sharing import Shared
from registrar.store import Store
from tests.policy.trees import POLICY
from tests.service.admitting import CLI, REQUESTS, THERE, Service, service, tree
from tests.store.samples import client

SHARED = "reuseIdentical: true"


def sharing(store: Store, spec: str = SHARED, limits: str = "") -> Service:
    """A registrar whose only profile gives out shared clients."""
    return service(store, tree(limits, spec))


def client_id(registration: Registration) -> str:
    """Who was registered."""
    return str(registration.client["client_id"])


def on_port(port: int, **more: Any) -> Mapping[str, Any]:
    """The document with a loopback port of its own, as a client has after each start."""
    return {**CLI, "redirect_uris": [f"http://127.0.0.1:{port}/cb"], **more}


def test_a_hundred_identical_requests_at_once_give_one_client(either: Store) -> None:
    """Each is answered 201, each has its own decision; there is one client."""
    running = sharing(either)
    outcomes = running.at_once(100, lambda index: running.register(on_port(40_000 + index)))
    registrations = [one for one in outcomes if isinstance(one, Registration)]
    assert len(registrations) == 100
    assert len({client_id(one) for one in registrations}) == 1
    assert len({one.decision_id for one in registrations}) == 100
    assert len(list(either.clients())) == 1
    assert len(list(either.decisions())) == 100


def test_the_answer_has_what_was_sent(either: Store) -> None:
    """Loopback ports as they are this time (contract 25); the moment of the first registration; no token for anybody.

    Each holder of a shared client could otherwise change or delete it for the others.
    """
    running = sharing(either)
    first = running.register(on_port(1111)).client
    running.clock.sleep(60)
    again = running.register(on_port(2222)).client
    assert again == {**first, "redirect_uris": ["http://127.0.0.1:2222/cb"]}
    assert not {"registration_access_token", "registration_client_uri", "client_secret"} & set(first)
    stored = either.client(str(first["client_id"]))
    assert stored is not None
    assert stored.management_token_hash is None


def test_order_and_language_of_the_same_document(either: Store) -> None:
    """Lists and scopes have no order; another name, also in one language, is another client."""
    running = sharing(either)
    first = client_id(running.register({**CLI, "scope": "a b", "grant_types": ["authorization_code", "refresh_token"]}))
    assert first == client_id(running.register({**CLI, "scope": "b a", "grant_types": ["refresh_token", "authorization_code"]}))
    assert first != client_id(running.register({**CLI, "scope": "a"}))
    assert first != client_id(running.register({**CLI, "scope": "a b", "client_name#de": "x"}))


def test_each_time_is_recorded_and_replays(either: Store) -> None:
    """The decision names the client that was given out."""
    running = sharing(either)
    first, again = running.register(), running.register(source=THERE)
    record = running.record(again)
    assert (record.result, record.client_id) == ("allow", client_id(first))
    policies = tree("", SHARED)
    assert unlike(record, policies.decide(read_record(record).facts)) == ()


def test_a_confidential_client_is_nobody_elses(either: Store) -> None:
    """A secret is told once, to one."""
    local = "matchConditions: [{name: local, expression: 'redirects.all(r, r.loopback)'}]"
    spec = f"{local}\nclient: {{redirect_uris: {{allow: [{{loopback: true}}]}}}}\nreuseIdentical: true"
    running = service(either, tree(both=spec))
    for method in ("client_secret_basic", "client_secret_post"):
        body = {**CLI, "token_endpoint_auth_method": method}
        first, again = running.register(body), running.register(body)
        assert client_id(first) != client_id(again)
        assert "registration_access_token" in first.client


def test_without_the_policys_word_nothing_is_shared(either: Store) -> None:
    """It is said by profile."""
    running = service(either, tree())
    assert client_id(running.register()) != client_id(running.register())


def test_another_profile_is_another_client(either: Store) -> None:
    """The same document, admitted as something else."""
    office = (
        "matchConditions: [{name: office, expression: '\"corp\" in source.networks'}]\n"
        "client: {redirect_uris: {allow: [{loopback: true}]}, token_endpoint_auth_method: {default: none}}\nreuseIdentical: true"
    )
    running = service(either, tree("", SHARED, office=office))
    assert client_id(running.register()) != client_id(running.register(source=THERE))


@pytest.mark.parametrize("status", ["disabled", "deleted"])
def test_a_client_that_is_no_longer_active_is_not_given_out(either: Store, status: str) -> None:
    """Who is disabled stays so; whoever asks for the same gets another one."""
    running = sharing(either)
    first = client_id(running.register())
    now = running.clock()
    event = event_record("event-1", first, "disabled" if status == "disabled" else "deleted", by="admin", now=now)
    if status == "disabled":
        assert either.switch(first, "disabled", event)
    else:
        assert either.end(first, "deleted", event, int(now.timestamp()))
    again = client_id(running.register())
    assert again != first
    assert client_id(running.register()) == again


def test_an_expired_client_is_not_given_out_before_it_is_swept(either: Store) -> None:
    """Neither is one that was not used in time."""
    for lifetimes in ("client: 1h", "unused: 1h"):
        running = sharing(either, f"{SHARED}\nlifetimes: {{{lifetimes}}}")
        body = {**CLI, "client_name": lifetimes}
        first = client_id(running.register(body))
        running.clock.sleep(3599)
        if lifetimes == "client: 1h":
            assert client_id(running.register(body)) == first
        running.clock.sleep(3601)
        assert client_id(running.register(body)) != first


def test_to_be_asked_for_again_is_a_use(either: Store) -> None:
    """Somebody is about to use it: `unused` begins again, `client` does not."""
    running = sharing(either, f"{SHARED}\nlifetimes: {{client: 1d, unused: 2h}}")
    first = client_id(running.register())
    for _ in range(15):
        running.clock.sleep(5400)
        assert client_id(running.register()) == first
    running.clock.sleep(5400)
    assert client_id(running.register()) != first


def test_a_shared_client_costs_rate_and_no_place(either: Store) -> None:
    """It is one client, however often it is asked for; how often that is has a limit all the same."""
    limits = "{id: places, key: '\"\"', maxActive: 1, maxTotal: 1}, {id: often, key: source.prefix, rate: 4/hour}"
    running = sharing(either, SHARED, limits)
    assert len({client_id(running.register()) for _ in range(4)}) == 1
    refusal = running.refused()
    assert refusal.headers["RateLimit"].startswith('"l/often";r=0')
    assert client_id(running.register(source=THERE))
    assert running.refused({**CLI, "client_name": "another"}, source=THERE).description.startswith("the limit l/places")


def test_a_shared_client_costs_a_use_of_the_token(either: Store) -> None:
    """It is a registration like any other to whoever counts them."""
    running = sharing(either)
    text, _ = running.tokens.create("initial_access", uses=3)
    outcomes = running.at_once(20, lambda _index: running.register(token=text))
    assert sum(isinstance(one, Registration) for one in outcomes) == 3
    assert {one.status for one in outcomes if isinstance(one, Refusal)} == {401}
    assert len(list(either.clients())) == 1


def test_a_shared_client_that_is_deleted_meanwhile_is_registered_anew(either: Store) -> None:
    """Asked for by many, ended by one again and again: everybody is given a client that was alive then."""
    running = sharing(either)

    def ask(index: int) -> Registration | None:
        if index % 5:
            return running.register()
        for number, (found, _) in enumerate(either.clients(statuses=["active"])):
            event = event_record(f"event-{index}-{number}", found.client_id, "deleted", by="admin", now=running.clock())
            either.end(found.client_id, "deleted", event, int(running.clock().timestamp()))
        return None

    outcomes = running.at_once(40, ask)
    given = [client_id(one) for one in outcomes if isinstance(one, Registration)]
    assert len(given) == 32
    assert all(either.client(one) for one in given)
    assert len(list(either.clients(statuses=["active"]))) <= 1


def test_a_replay_of_shared_and_limited_registrations_finds_nothing(either: Store) -> None:
    """Everything recorded comes out again under its own revision: new, given out again on another port, refused by a limit."""
    policies = tree("{id: often, key: source.prefix, rate: 3/hour}", SHARED)
    either.activate(policies.revision, policies.files, at=1)
    running = service(either, policies)
    for port in (1111, 2222, 3333):
        running.register(on_port(port))
    assert running.refused(on_port(4444)).status == 429
    found = verify(either.decisions(), Revisions(either, POLICY))
    assert (found.tally.subjects, found.tally.unchanged, found.skipped) == (4, 4, {})
    wider = tree("{id: often, key: source.prefix, rate: 300/hour}", SHARED)
    again = replay(either.decisions(), wider, REQUESTS)
    assert (again.tally.subjects, again.tally.unchanged) == (4, 4)


def test_a_registrar_that_just_began_gives_out_the_shared_client(either: Store) -> None:
    """It remembers nobody, and finds who has the key when it would store another."""
    first = sharing(either).register(on_port(1111))
    again = sharing(either).register(on_port(2222))
    assert client_id(again) == client_id(first)
    assert len(list(either.clients())) == 1
    assert len(list(either.decisions())) == 2


def test_who_registers_ever_new_clients_fills_no_memory() -> None:
    """What is forgotten is looked for again; who is shared no more is forgotten at once."""
    shared = Shared()
    for number in range(5_000):
        shared.keep(f"key-{number}", client(number))
        assert shared.known(f"key-{number}") == client(number)
    assert sum(shared.known(f"key-{number}") is not None for number in range(5_000)) <= 1024
    shared.keep("key-4999", None)
    assert shared.known("key-4999") is None
    shared.keep(None, client(1))
    assert shared.known(None) is None
