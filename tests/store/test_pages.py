"""The lists of administrators and auditors: newest first, page by page, filtered."""

from dataclasses import replace

import pytest

from registrar.store import STATUSES, Status, Store
from tests.store.samples import add, allowed, denied, event, pair

PEOPLE: tuple[tuple[int, int, Status, str], ...] = (
    (1, 100, "active", "web"),
    (2, 300, "active", "native"),
    (3, 200, "disabled", "web"),
    (4, 200, "deleted", "native"),
    (5, 400, "active", "web"),
)
"""Number, time of issue, status and profile."""


@pytest.fixture(name="filled")
def _filled(store: Store) -> Store:
    for number, issued_at, status, profile in PEOPLE:
        owner, decision = pair(number, number)
        store.add(replace(owner, issued_at=issued_at, status=status, profile=profile), decision)
    return store


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, "c5 c2 c4 c3 c1"),
        ({"limit": 2}, "c5 c2"),
        ({"limit": 2, "after": "c2"}, "c4 c3"),
        ({"after": "c1"}, ""),
        ({"after": "c9"}, ""),
        ({"status": "active"}, "c5 c2 c1"),
        ({"status": "active", "after": "c5", "limit": 1}, "c2"),
        ({"profile": "web"}, "c5 c3 c1"),
        ({"profile": "web", "after": "c4"}, "c3 c1"),
        ({"profile": "web", "status": "active"}, "c5 c1"),
        ({"profile": "native", "status": "disabled"}, ""),
        ({"since": 200}, "c5 c2 c4 c3"),
        ({"since": 300, "profile": "native"}, "c2"),
    ],
    ids=str,
)
def test_a_page_of_clients(filled: Store, wanted: dict[str, object], names: str) -> None:
    found = filled.page(**wanted)  # type: ignore[arg-type]
    assert " ".join(owner.client_id for owner in found) == names


def test_clients_are_counted_by_status(filled: Store) -> None:
    """Those that there are none of as well."""
    assert filled.tally() == {"active": 3, "disabled": 1, "expired": 0, "deleted": 1}
    assert tuple(filled.tally()) == STATUSES


def test_what_was_decided_about_a_client(store: Store) -> None:
    """Newest first; refusals name no client, and are of none."""
    add(store, 1)
    add(store, 2)
    store.record(denied(3))
    store.record(replace(allowed(4), client_id="c1"))
    store.end("c1", "deleted", event(5, "c1"), at=5)

    def names(**options: object) -> str:
        return " ".join(decision.decision_id for decision in store.decisions_of("c1", **options))  # type: ignore[arg-type]

    assert names() == "d5 d4 d1"
    assert names(limit=2) == "d5 d4"
    assert names(after="d4") == "d1"
    assert names(after="d9") == ""
    assert store.decisions_of("") == ()
    assert store.decisions_of("c9") == ()


def test_decisions_go_on_behind_one(store: Store) -> None:
    """Events are not among the decisions unless they are asked for."""
    for number in (1, 2, 3):
        add(store, number)
    store.end("c1", "deleted", event(4, "c1"), at=5)
    assert [decision.decision_id for decision, _ in store.decisions(after="d3")] == ["d2", "d1"]
    assert [decision.decision_id for decision, _ in store.decisions()] == ["d3", "d2", "d1"]
    assert [decision.decision_id for decision, _ in store.decisions(results=["event"])] == ["d4"]
    assert list(store.decisions(after="d9")) == []
