"""Static clients without a command line: whatever is brought can be brought again, and what changed meanwhile is noticed."""

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.service import new_secret
from registrar.service.events import event_record
from registrar.service.provisioning import Provisioning, ProvisioningError, StaticClient
from registrar.store import Client, Store
from tests.policy.trees import NOW, REQUEST, compiled, profile

POLICIES = compiled(
    {"profiles/native.yaml": profile("client: {token_endpoint_auth_method: {default: none}, scope: {default: [a]}}")}
)
URIS = ("http://127.0.0.1/a", "http://127.0.0.1:5/a", "com.example:/b")
METHODS = ("none", "client_secret_basic", "client_secret_post")
ENTRIES = st.lists(
    st.builds(
        StaticClient,
        client_id=st.sampled_from(["", "one", "two", "three"]),
        metadata=st.fixed_dictionaries(
            {
                "client_name": st.sampled_from(["batch", "desk", "bätch"]),
                "redirect_uris": st.lists(st.sampled_from(URIS), min_size=1),
                "token_endpoint_auth_method": st.sampled_from(METHODS),
            },
            optional={"scope": st.sampled_from(["", "a", "b a"])},
        ),
    ),
    max_size=5,
)


def provisioning(store: Store) -> Provisioning:
    ids = itertools.count()
    return Provisioning(
        lambda: POLICIES,
        store,
        REQUEST,
        clock=lambda: NOW,
        new_id=lambda: f"decision-{next(ids)}-{new_secret()}",
        new_secret=new_secret,
    )


@contextmanager
def opened(folder: str | Path) -> Iterator[Store]:
    with closing(Store.open(f"sqlite:///{folder}/registrar.db")) as store:
        yield store


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def entry(**changes: object) -> StaticClient:
    metadata = {"client_name": "batch", "redirect_uris": ["http://127.0.0.1/a"], "token_endpoint_auth_method": "none", **changes}
    return StaticClient(metadata=metadata, client_id="batch")


def only(client: Client | None) -> Client:
    assert client is not None
    return client


@settings(max_examples=30)
@given(ENTRIES)
def test_what_was_brought_is_unchanged_when_it_is_brought_again(entries: list[StaticClient]) -> None:
    """In any order; and either all of it is stored or, for one mistake, nothing."""
    with TemporaryDirectory() as folder, opened(folder) as store:
        bringing = provisioning(store)
        try:
            plans = bringing.plan(entries)
        except ProvisioningError:
            assert store.page() == ()
            return
        brought = [bringing.carry_out(plan) for plan in plans]
        assert {one.change for one in brought} <= {"created"}
        assert {client.client_id for client in store.page()} == {one.client_id for one in brought}
        again = [bringing.carry_out(plan) for plan in bringing.plan(entries[::-1])]
        assert {one.change for one in again} <= {"unchanged"}
        assert {one.client_id for one in again} == {one.client_id for one in brought}
        for one, given_entry in zip(brought, entries, strict=True):
            assert bool(one.secret) == (given_entry.metadata["token_endpoint_auth_method"] != "none")


def test_a_plan_that_is_out_of_date_is_not_carried_out(store: Store) -> None:
    """Somebody else made the client, or changed it, since it was planned."""
    bringing = provisioning(store)
    [late] = bringing.plan([entry()])
    bringing.carry_out(*bringing.plan([entry()]))
    with pytest.raises(ProvisioningError, match="was changed by somebody else meanwhile"):
        bringing.carry_out(late)
    [late] = bringing.plan([entry(client_name="other")])
    store.switch("batch", "disabled", event_record("event", "batch", "disabled", by="a test", now=NOW))
    with pytest.raises(ProvisioningError, match="was changed by somebody else meanwhile"):
        bringing.carry_out(late)
    assert only(store.client("batch")).metadata["client_name"] == "batch"


def test_nothing_secret_is_in_what_is_recorded_or_shown(store: Store) -> None:
    bringing = provisioning(store)
    [one] = [bringing.carry_out(plan) for plan in bringing.plan([entry(token_endpoint_auth_method="client_secret_post")])]
    assert one.secret
    assert one.secret not in repr(one)
    decision = store.decision(only(store.client("batch")).decision_id)
    assert decision is not None
    assert one.secret not in repr(decision)
    assert decision.record["facts"]["source"]["user_agent"] == "registrar client import"  # type: ignore[index]


def test_an_update_keeps_what_it_does_not_say(store: Store) -> None:
    """When it was issued and last seen; its predecessor's secret is gone."""
    bringing = provisioning(store)
    for plan in bringing.plan([entry()]):
        bringing.carry_out(plan)
    store.seen("batch", int(NOW.timestamp()) + 500)
    before = only(store.client("batch"))
    for plan in bringing.plan([entry(client_name="other")]):
        bringing.carry_out(plan)
    after = only(store.client("batch"))
    changed = replace(before, metadata=after.metadata, fingerprint=after.fingerprint, decision_id=after.decision_id)
    assert after == changed
    assert after.last_seen_at == int(NOW.timestamp()) + 500
