"""Many who want the same at once: one gets it, the others are told, and nothing is counted twice. Several stores are nodes."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from registrar.limits import LimitUse
from registrar.store import ChangedError, Client, DecisionRecord, DuplicateError, Store, TokenSpentError
from tests.store.samples import allowed, client, digest, event, pair, rows, token
from tests.store.test_concurrency import at_once

AT = 1_790_000_000.5
LIMIT = LimitUse(limit="registration/all", key="all", rate=10_000, period=3_600, max_active=10_000)


@pytest.fixture(name="nodes")
def _nodes(store_url: str) -> Iterator[list[Store]]:
    """One store on SQLite, which one process writes to; four on PostgreSQL."""
    nodes = [Store.open(store_url, patience=30) for _ in range(1 if store_url.startswith("sqlite") else 4)]
    yield nodes
    for node in nodes:
        node.close()


def register_identical(store: Store, number: int) -> str:
    """Register what everybody registers, as the service does; the client id that one is given."""
    while True:
        found = store.shared("k", at=AT)
        owner, decision = pair(number, number) if found is None else (found, replace(allowed(number), client_id=found.client_id))
        try:
            if found is None:
                store.add(replace(owner, reuse_key="k"), decision, uses=[LIMIT], token_id="t1", at=AT)
            else:
                store.reuse(found, decision, uses=[LIMIT], token_id="t1", at=AT)
        except (DuplicateError, ChangedError):
            continue
        return owner.client_id


def counted(url: str) -> dict[str, int]:
    """What the database says was used of everything, in total."""
    slices = rows(url, "SELECT slices, active FROM counter")
    return {
        "clients": rows(url, "SELECT COUNT(*) FROM client")[0][0],
        "decisions": rows(url, "SELECT COUNT(*) FROM decision")[0][0],
        "active": sum(active for _, active in slices),
        "holds": rows(url, "SELECT COUNT(*) FROM hold")[0][0],
    }


def test_a_hundred_identical_registrations_are_one_client(nodes: list[Store], store_url: str) -> None:
    """All are given it, all are in the journal and in the rate, one place is taken, and each used the token once."""
    nodes[0].add_token(token(1, uses_left=150))
    given: list[str] = []
    raised = at_once(100, lambda index: given.append(register_identical(nodes[index % len(nodes)], index)))
    assert raised == []
    assert len(given) == 100
    assert len(set(given)) == 1
    assert counted(store_url) == {"clients": 1, "decisions": 100, "active": 1, "holds": 1}
    assert rows(store_url, "SELECT uses_left FROM token") == [(50,)]
    usages = nodes[0].add(*pair(999, 999), uses=[LIMIT], at=AT)
    assert {usage.measure: usage.used for usage in usages} == {"rate": 101, "active": 2}


SHARER = """
import json, sys
from registrar.store import Store
from tests.store.test_races import register_identical
store = Store.open(sys.argv[1], patience=30)
first = int(sys.argv[2])
print(json.dumps([register_identical(store, first + number) for number in range(30)]))
store.close()
"""


def test_processes_share_one_client(nodes: list[Store], store_url: str) -> None:
    """The same from three processes, on either database."""
    nodes[0].add_token(token(1, uses_left=100))
    command = [sys.executable, "-c", SHARER, store_url]
    processes = [subprocess.Popen([*command, str(first)], stdout=subprocess.PIPE, text=True) for first in (0, 1_000, 2_000)]
    given = [name for process in processes for name in json.loads(process.communicate()[0])]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert (len(given), len(set(given))) == (90, 1)
    assert counted(store_url) == {"clients": 1, "decisions": 90, "active": 1, "holds": 1}
    assert rows(store_url, "SELECT uses_left FROM token") == [(10,)]


def test_a_token_of_five_uses_admits_five_of_fifty(nodes: list[Store], store_url: str) -> None:
    nodes[0].add_token(token(1, uses_left=5))
    raised = at_once(50, lambda index: nodes[index % len(nodes)].add(*pair(index, index), token_id="t1", at=AT))
    assert Counter(type(error) for error in raised) == {TokenSpentError: 45}
    assert rows(store_url, "SELECT uses_left FROM token") == [(0,)]
    assert counted(store_url)["clients"] == counted(store_url)["decisions"] == 5


def test_a_token_that_is_revoked_meanwhile(nodes: list[Store], store_url: str) -> None:
    """Uses count up to the revocation, and none after it."""
    nodes[0].add_token(token(1, uses_left=1_000))

    def work(index: int) -> None:
        node = nodes[index % len(nodes)]
        if index == 7:
            node.revoke_token("t1", 1)
        else:
            node.add(*pair(index, index), token_id="t1", at=AT)

    raised = at_once(40, work)
    assert {type(error) for error in raised} <= {TokenSpentError}
    ((left,),) = rows(store_url, "SELECT uses_left FROM token")
    assert 1_000 - left == counted(store_url)["clients"] == 39 - len(raised)
    with pytest.raises(TokenSpentError):
        nodes[-1].add(*pair(99, 99), token_id="t1", at=AT)


def test_many_who_end_a_client_end_it_once(nodes: list[Store], store_url: str) -> None:
    """One event, and its place given back once."""
    nodes[0].add(client(1), allowed(1), uses=[LIMIT], at=AT)
    nodes[0].add(client(2), allowed(2), uses=[LIMIT], at=AT)
    answers: list[bool] = []
    raised = at_once(
        16, lambda index: answers.append(nodes[index % len(nodes)].end("c1", "deleted", event(10 + index, "c1"), at=5))
    )
    assert raised == []
    assert Counter(answers) == {True: 1, False: 15}
    assert counted(store_url) == {"clients": 2, "decisions": 3, "active": 1, "holds": 1}


def test_changes_race_with_the_end(nodes: list[Store], store_url: str) -> None:
    """Whoever is first: what has ended stays ended and holds no credential, and who came too late is told."""
    for turn in range(20):
        first = turn * 10
        old, decision = pair(first, first)
        nodes[0].add(replace(old, reuse_key=f"k{turn}", secret_hash=digest(first)), decision, uses=[LIMIT], at=AT)
        found = nodes[0].client(old.client_id)
        assert found is not None
        _change_all_ways(nodes, found, first)
        last = nodes[0].client(old.client_id)
        assert last is not None
        assert (last.status, last.reuse_key, last.secret_hash, last.management_token_hash) == ("deleted", None, None, None)
    assert counted(store_url)["active"] == counted(store_url)["holds"] == 0
    assert all(not node.verify().breaks for node in nodes)


def _change_all_ways(nodes: list[Store], old: Client, first: int) -> None:
    name = old.client_id

    def about(number: int) -> DecisionRecord:
        return replace(allowed(first + number), client_id=name)

    def work(index: int) -> None:
        node = nodes[index % len(nodes)]
        match index:
            case 0:
                assert node.end(name, "deleted", event(first + 1, name), at=5)
            case 1:
                new = replace(old, management_token_hash=digest(first + 1), decision_id=f"d{first + 2}")
                node.replace(old, new, about(2))
            case 2:
                node.reuse(old, about(3), uses=[LIMIT], at=AT)
            case 3:
                node.put_secret(name, digest(first + 2), 0, event(first + 4, name))
            case 4:
                node.seen(name, int(AT) + 100)

    raised = at_once(5, work)
    assert {type(error) for error in raised} <= {ChangedError}
    assert nodes[0].end(name, "deleted", event(first + 5, name), at=5) is False


def test_no_change_is_lost(nodes: list[Store]) -> None:
    """Twenty secrets at once, and a disabling: each is in the journal, and the last in the row."""
    nodes[0].add(client(1), allowed(1))

    def work(index: int) -> None:
        node = nodes[index % len(nodes)]
        if index == 3:
            assert node.switch("c1", "disabled", event(500, "c1"))
        else:
            node.put_secret("c1", digest(index), 0, event(index + 10, "c1"))

    assert at_once(20, work) == []
    last = nodes[0].client("c1")
    assert last is not None
    assert last.status == "disabled"
    assert last.secret_hash in {digest(index) for index in range(20)}
    assert len(nodes[0].decisions_of("c1")) == 21


def test_replacing_is_for_one_of_many(nodes: list[Store]) -> None:
    """All decided on the same document; the others must decide again."""
    old, decision = pair(1, 1)
    nodes[0].add(old, decision)

    def work(index: int) -> None:
        new = replace(old, metadata={"client_name": str(index)}, decision_id=f"d{10 + index}")
        nodes[index % len(nodes)].replace(old, new, replace(allowed(10 + index), client_id="c1"))

    raised = at_once(12, work)
    assert Counter(type(error) for error in raised) == {ChangedError: 11}
    last = nodes[0].client("c1")
    assert last is not None
    (newest, _) = nodes[0].decisions_of("c1")
    assert last.metadata["client_name"] == str(int(newest.decision_id.removeprefix("d")) - 10)


@pytest.mark.parametrize("now", [100, 200], ids=["new", "run out"])
def test_a_lease_is_for_one_of_many(nodes: list[Store], now: int) -> None:
    if now > 100:
        nodes[0].lease("sweep", "somebody", 100, 60)
    answers: list[bool] = []
    raised = at_once(12, lambda index: answers.append(nodes[index % len(nodes)].lease("sweep", f"n{index}", now, 60)))
    assert raised == []
    assert Counter(answers) == {True: 1, False: 11}
