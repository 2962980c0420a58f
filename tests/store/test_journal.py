"""The hash chain over the decisions, and what breaks it."""

import hashlib
import json

import pytest

from registrar.store import ChainBreak, Store
from tests.store.samples import add, denied, rows


@pytest.fixture(name="journal")
def _journal(store: Store) -> str:
    """Five decisions in one journal."""
    for number in range(1, 6):
        store.record(denied(number))
    (head,) = store.verify().heads
    return head.journal


def test_the_hash_is_what_the_documentation_says(store: Store, store_url: str) -> None:
    """An auditor can recompute it from the columns, with nothing of this program."""
    add(store, 1)
    add(store, 2)
    prev = bytes(32)
    for row in rows(store_url, "SELECT * FROM decision ORDER BY seq"):
        journal, seq, at, decision_id, result, client_id, record, stored_prev, stored_hash = row
        document = [prev.hex(), journal, seq, at, decision_id, result, client_id, json.loads(record)]
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert stored_prev == prev
        assert stored_hash == hashlib.sha256(text.encode()).digest()
        prev = stored_hash


def test_an_untouched_journal_verifies(store: Store, journal: str) -> None:
    """Whole, by name, and when there is nothing."""
    assert store.verify().breaks == ()
    verification = store.verify(journal)
    assert (verification.records, [head.seq for head in verification.heads]) == (5, [5])
    assert store.verify("no such journal").records == 0


@pytest.mark.parametrize(
    ("tampering", "seq", "reason"),
    [
        ("UPDATE decision SET result = 'allow' WHERE seq = 3", 3, "content"),
        ("UPDATE decision SET record = '{}' WHERE seq = 3", 3, "content"),
        ("UPDATE decision SET at = at + 1 WHERE seq = 1", 1, "content"),
        ("UPDATE decision SET client_id = 'c9' WHERE seq = 5", 5, "content"),
        ("UPDATE decision SET decision_id = 'd9' WHERE seq = 5", 5, "content"),
        ("UPDATE decision SET hash = prev WHERE seq = 2", 2, "content"),
        ("UPDATE decision SET prev = hash WHERE seq = 2", 2, "hash of the record before"),
        ("DELETE FROM decision WHERE seq = 3", 4, "record 3 is missing"),
        ("DELETE FROM decision WHERE seq = 1", 2, "record 1 is missing"),
        ("UPDATE decision SET seq = 9 WHERE seq = 5", 9, "record 5 is missing"),
        ("UPDATE decision SET seq = 0 WHERE seq = 1", 0, "record 1 is missing"),
        ("UPDATE decision SET seq = seq + 90 WHERE seq = 2; ", 3, "record 2 is missing"),
    ],
)
def test_tampering_shows_at_the_first_record_that_it_breaks(
    store: Store, store_url: str, journal: str, *, tampering: str, seq: int, reason: str
) -> None:
    """A changed, removed, moved or renumbered record."""
    rows(store_url, tampering)
    (flaw,) = store.verify().breaks
    assert isinstance(flaw, ChainBreak)
    assert (flaw.journal, flaw.seq) == (journal, seq)
    assert reason in str(flaw)


def test_a_record_moved_to_another_journal_shows_in_both(store: Store, store_url: str, journal: str) -> None:
    """The journal's name is part of what is hashed."""
    rows(store_url, "UPDATE decision SET journal = 'other', seq = 1 WHERE seq = 1")
    assert {(flaw.journal, flaw.seq) for flaw in store.verify().breaks} == {(journal, 2), ("other", 1)}


def test_a_long_journal_is_walked_to_its_end(store: Store, store_url: str) -> None:
    """Past the number of records that are read at once."""
    for number in range(1, 1203):
        store.record(denied(number))
    assert store.verify().records == 1202
    rows(store_url, "UPDATE decision SET record = '{}' WHERE decision_id = 'd1100'")
    assert [flaw.seq for flaw in store.verify().breaks] == [1100]
