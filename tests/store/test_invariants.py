"""What holds of the tables whatever happens to clients, in whatever order."""

import uuid
from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registrar.limits import LimitReachedError, LimitUse
from registrar.store import STATUSES, ChangedError, Client, DecisionRecord, DuplicateError, Status, Store, TokenSpentError
from tests.store.samples import allowed, client, digest, event, rows, token

AT = 1_790_000_000
LIMIT = LimitUse(limit="registration/all", key="all", max_active=3)
TABLES = ("client", "decision", "token", "counter", "hold")
REFUSALS = (ChangedError, DuplicateError, LimitReachedError, TokenSpentError)
PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def emptied(url: str) -> None:
    """Forget what the example before left."""
    for table in TABLES:
        rows(url, f"DELETE FROM {table}")


class Life:
    """Verbs on the clients c0, c1 and c2, each with what comes next."""

    def __init__(self, store: Store) -> None:
        """`store` has no clients."""
        self.store = store
        self.turn = 0
        self.now = AT
        store.add_token(token(1, uses_left=5))

    def about(self, name: str) -> DecisionRecord:
        return replace(event(0, name), decision_id=str(uuid.uuid4()))

    def new(self, name: str) -> None:
        decision = replace(allowed(0), decision_id=str(uuid.uuid4()), client_id=name)
        owner = client(
            0,
            client_id=name,
            decision_id=decision.decision_id,
            issued_at=self.now,
            unused=100,
            due_at=self.now + 100,
            secret_hash=self.fresh(),
            management_token_hash=self.fresh(),
            reuse_key="k",
        )
        self.store.add(owner, decision, uses=[LIMIT], token_id="t1", at=self.now)

    def reuse(self, name: str) -> None:
        shared = self.store.client(name) or client(0, client_id=name)  # whoever knew one that is gone
        self.store.reuse(replace(shared, reuse_key="k"), self.about(name), uses=[LIMIT], at=self.now)

    def delete(self, name: str) -> None:
        self.store.end(name, "deleted", self.about(name), at=self.now)

    def expire(self, name: str) -> None:
        self.store.end(name, "expired", self.about(name), at=self.now)

    def disable(self, name: str) -> None:
        self.store.switch(name, "disabled", self.about(name))

    def enable(self, name: str) -> None:
        self.store.switch(name, "active", self.about(name))

    def rotate(self, name: str) -> None:
        self.store.put_secret(name, self.fresh(), 0, self.about(name), keep_until=0)

    def confirm(self, name: str) -> None:
        found = self.store.client(name)
        if found and found.secret_hash and found.management_token_hash:
            self.store.confirm_secret(name, found.secret_hash)
            self.store.confirm_token(name, found.management_token_hash)

    def revoke(self, name: str) -> None:
        self.store.revoke_management_token(name, self.about(name))

    def change(self, name: str) -> None:
        found = self.store.client(name)
        if found and found.management_token_hash and found.status == "active":
            new = replace(found, management_token_hash=self.fresh(), previous_token_hash=found.management_token_hash)
            self.store.replace(found, new, self.about(name))

    def see(self, name: str) -> None:
        self.store.seen(name, self.now)

    def wait(self, name: str) -> None:
        self.now += 70

    def fresh(self) -> bytes:
        self.turn += 1
        return digest(10_000 + self.turn)


VERBS: tuple[Callable[[Life, str], None], ...] = (
    Life.new,
    Life.reuse,
    Life.delete,
    Life.expire,
    Life.disable,
    Life.enable,
    Life.rotate,
    Life.confirm,
    Life.revoke,
    Life.change,
    Life.see,
    Life.wait,
)


def consistent(owner: Client) -> None:
    """What holds of any one client."""
    credentials = (owner.secret_hash, owner.previous_secret_hash, owner.management_token_hash, owner.previous_token_hash)
    if owner.status in {"deleted", "expired"}:
        assert credentials == (None, None, None, None)
        assert (owner.due_at, owner.reuse_key, owner.previous_secret_expires_at) == (0, None, 0)
        assert owner.ended_at > 0
    else:
        assert owner.ended_at == 0
        assert owner.due_at >= owner.issued_at + owner.unused
        assert owner.secret_hash is not None
    if owner.status == "disabled":
        assert owner.reuse_key is None


@PROPERTY
@given(steps=st.lists(st.tuples(st.sampled_from(VERBS), st.sampled_from(["c0", "c1", "c2"])), max_size=25))
def test_whatever_happens_the_tables_agree(store: Store, store_url: str, steps: list[tuple[Callable[..., None], str]]) -> None:
    """Tombstones are inert, one client is shared, places and uses are counted once, and the journals chain."""
    emptied(store_url)
    life = Life(store)
    for verb, name in steps:
        try:
            verb(life, name)
        except REFUSALS:
            continue
    people = [owner for owner, _ in store.clients()]
    for owner in people:
        consistent(owner)
        for held in (owner.management_token_hash, owner.previous_token_hash):
            assert held is None or store.holder_of(held) == owner
    assert sum(owner.reuse_key is not None for owner in people) <= 1
    living = {owner.client_id for owner in people if owner.status in {"active", "disabled"}}
    assert {name for (name,) in rows(store_url, "SELECT client_id FROM hold")} == living
    assert (rows(store_url, "SELECT active FROM counter") or [(0,)]) == [(len(living),)]
    assert rows(store_url, "SELECT uses_left FROM token") == [(5 - len(people),)]


PERSON = st.tuples(st.integers(0, 4), st.sampled_from(STATUSES), st.sampled_from(["native", "web", "Ärger"]))


@PROPERTY
@given(
    people=st.lists(PERSON, max_size=40),
    limit=st.integers(1, 60),
    status=st.none() | st.sampled_from(STATUSES),
    profile=st.none() | st.sampled_from(["native", "web", "none"]),
    since=st.integers(0, 4),
)
def test_pages_show_everyone_once_in_order(
    store: Store,
    store_url: str,
    *,
    people: list[tuple[int, Status, str]],
    limit: int,
    status: Status | None,
    profile: str | None,
    since: int,
) -> None:
    """Whatever is asked for: newest first, no one twice, no one left out, and no page longer than it may be."""
    emptied(store_url)
    for number, (issued_at, state, book) in enumerate(people):
        decision = replace(allowed(0), decision_id=str(uuid.uuid4()), client_id=f"c{number:02}")
        values = {"issued_at": issued_at, "status": state, "profile": book}
        store.add(client(0, client_id=decision.client_id, decision_id=decision.decision_id, **values), decision)
    shown: list[str] = []
    while page := store.page(after=shown[-1] if shown else "", limit=limit, status=status, profile=profile, since=since):
        assert len(page) <= limit
        shown += [owner.client_id for owner in page]
    expected = [
        (issued_at, f"c{number:02}")
        for number, (issued_at, state, book) in enumerate(people)
        if issued_at >= since and status in {None, state} and profile in {None, book}
    ]
    assert shown == [name for _, name in sorted(expected, reverse=True)]
