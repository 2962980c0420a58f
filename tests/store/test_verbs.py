"""Every verb of the store, the same on both databases."""

import math
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registrar.store import Activation, DatabaseURLError, DecisionRecord, DuplicateError, Store, StoreUnavailable
from tests.store.samples import METADATA, add, allowed, client, denied, pair, rows, stored

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DIGESTS = st.none() | st.binary(min_size=32, max_size=32)
TIMES = st.integers(0, 2**63 - 1)
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def test_stores_a_client_with_its_decision(store: Store) -> None:
    """What went in comes out, by either id."""
    add(store, 1)
    assert store.client("c1") == client(1)
    assert store.decision("d1") == allowed(1)


def test_keeps_a_refusal(store: Store) -> None:
    """A decision without a client is a record like any other."""
    store.record(denied(1))
    assert store.decision("d1") == denied(1)
    assert store.verify().records == 1


def test_knows_nothing_of_other_ids(store: Store) -> None:
    """An id that was never stored is None, not an error."""
    assert store.client("c1") is None
    assert store.decision("d1") is None
    assert store.revision("sha256:1") is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    metadata=st.dictionaries(st.text(), JSON, max_size=5),
    record=st.dictionaries(st.text(), JSON, max_size=5),
    digests=st.tuples(DIGESTS, DIGESTS),
    times=st.tuples(TIMES, TIMES, TIMES, TIMES, TIMES),
    words=st.tuples(WORDS, WORDS, WORDS, WORDS, WORDS),
)
def test_round_trip_of_every_column(
    store: Store,
    *,
    metadata: dict[str, object],
    record: dict[str, object],
    digests: tuple[bytes | None, bytes | None],
    times: tuple[int, int, int, int, int],
    words: tuple[str, str, str, str, str],
) -> None:
    """The SQL made from the models puts every value where it is read again."""
    number = uuid.uuid4()  # not drawn: an example that is tried again is another client
    secret_expires_at, issued_at, expires_at, last_seen_at, unused = times
    profile, policy_revision, source, software_id, fingerprint = words
    sent = client(
        0,
        client_id=f"c-{number}",
        decision_id=f"d-{number}",
        metadata=metadata,
        profile=profile,
        policy_revision=policy_revision,
        source=source,
        software_id=software_id,
        fingerprint=fingerprint,
        secret_hash=digests[0],
        management_token_hash=digests[1] and number.bytes * 2,  # no two clients have the same
        previous_token_hash=digests[0],
        previous_secret_hash=digests[1],
        previous_secret_expires_at=last_seen_at,
        reuse_key=None if digests[0] is None else f"{fingerprint}-{number}",
        provisioned=digests[1] is None,
        due_at=unused,
        ended_at=expires_at,
        secret_expires_at=secret_expires_at,
        issued_at=issued_at,
        expires_at=expires_at,
        last_seen_at=last_seen_at,
        unused=unused,
        status="disabled",
    )
    decision = DecisionRecord(decision_id=f"d-{number}", at=issued_at, result="allow", client_id=f"c-{number}", record=record)
    store.add(sent, decision)
    assert store.client(sent.client_id) == sent
    assert store.decision(sent.decision_id) == decision
    assert not store.verify().breaks


def test_metadata_is_canonical_json_text(store: Store, store_url: str) -> None:
    """Sorted keys, no spaces, nothing escaped that need not be: equal documents are equal texts."""
    store.add(client(1, metadata={"scope": "a b", "client_name": "Häger", "nested": {"b": 1, "a": ()}}), allowed(1))
    assert rows(store_url, "SELECT metadata FROM client") == [('{"client_name":"Häger","nested":{"a":[],"b":1},"scope":"a b"}',)]


@pytest.mark.parametrize("taken", ["client id", "decision id"])
def test_a_duplicate_stores_nothing(store: Store, store_url: str, taken: str) -> None:
    """Neither half of a registration is stored when one of its ids is taken."""
    add(store, 1)
    with pytest.raises(DuplicateError):
        store.add(*(pair(1, 2) if taken == "client id" else pair(2, 1)))
    assert stored(store_url) == ({"c1"}, {"c1"})
    add(store, 3)
    verification = store.verify()
    assert (verification.records, verification.breaks) == (2, ())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"metadata": {"n": math.nan}}, ValueError),
        ({"metadata": {"n": math.inf}}, ValueError),
        ({"metadata": {"n": {1, 2}}}, TypeError),
        ({"metadata": {"n": "\ud800"}}, ValueError),
        ({"software_id": "a\0b"}, ValueError),
        ({"client_id": "a\0b"}, ValueError),
    ],
)
def test_a_value_that_no_column_holds_stores_nothing(
    store: Store, store_url: str, changes: dict[str, object], error: type[Exception]
) -> None:
    """Not a number, no JSON type, a lone surrogate, NUL: the caller's mistake, on both databases alike."""
    with pytest.raises(error):
        store.add(client(1, **changes), replace(allowed(1), client_id=str(changes.get("client_id", "c1"))))
    assert stored(store_url) == (set(), set())


@pytest.mark.parametrize("changes", [{"decision_id": "d2"}, {"client_id": "c2"}])
def test_a_client_and_somebody_elses_decision_are_no_pair(store: Store, store_url: str, changes: dict[str, str]) -> None:
    """A client without its decision, or the reverse, is stored in no way."""
    with pytest.raises(ValueError, match="another client"):
        store.add(client(1, **changes), allowed(1))
    assert stored(store_url) == (set(), set())


def test_a_number_too_large_for_its_column_stores_nothing(store: Store, store_url: str) -> None:
    """A time past 63 bits fails this registration alone."""
    with pytest.raises(Exception, match=r"(?i)too large|out of range"):
        store.add(client(1, expires_at=2**63), allowed(1))
    add(store, 2)
    assert stored(store_url) == ({"c2"}, {"c2"})


def test_a_record_may_be_any_mapping(store: Store) -> None:
    """Frozen mappings are written as the objects that they are."""
    frozen = type(vars(Store))({"a": METADATA})
    store.record(DecisionRecord(decision_id="d1", at=1, result="error", record=frozen))
    assert store.decision("d1") == DecisionRecord(decision_id="d1", at=1, result="error", record={"a": dict(METADATA)})


def test_a_revision_is_kept_whole_and_once(store: Store, store_url: str) -> None:
    """The files come back byte for byte, however often the revision comes into force."""
    files = {"policyset.yaml": b"a: 1\r\n", "profiles/x.yaml": bytes(range(256))}
    store.activate("sha256:1", files, at=10, commit="abc")
    store.activate("sha256:2", {}, at=20)
    store.activate("sha256:1", files, at=30, commit="abc", dirty=True)
    assert store.revision("sha256:1") == files
    assert store.revision("sha256:2") == {}
    assert rows(store_url, "SELECT COUNT(*) FROM revision_file") == [(2,)]
    assert store.activations() == (
        Activation(revision="sha256:1", activated_at=10, commit="abc", dirty=False),
        Activation(revision="sha256:2", activated_at=20, commit="", dirty=False),
        Activation(revision="sha256:1", activated_at=30, commit="abc", dirty=True),
    )


def test_an_activation_repeated_by_workers_and_restarts_is_noted_once(store: Store) -> None:
    """The same revision, commit and state again is no news."""
    for at in (10, 20, 30):
        store.activate("sha256:1", {"a": b""}, at=at, commit="abc")
    assert [activation.activated_at for activation in store.activations()] == [10]


def test_who_knows_no_commit_does_not_take_back_what_another_knew(store: Store) -> None:
    """A program without git beside a server in a checkout, each starting again and again."""
    for at, commit in ((10, ""), (20, "abc"), (30, ""), (40, "abc"), (50, "def"), (60, "")):
        store.activate("sha256:1", {"a": b""}, at=at, commit=commit)
    assert [(one.activated_at, one.commit) for one in store.activations()] == [(10, ""), (20, "abc"), (50, "def")]


def test_a_revision_that_decides_without_being_in_force_is_kept_and_no_more(store: Store) -> None:
    """So its decisions can be verified, and the list of what was in force has nothing that was not."""
    store.activate("sha256:1", {"a": b"1"}, at=10)
    for _ in range(2):
        store.keep("sha256:2", {"a": b"2"})
    assert store.revision("sha256:2") == {"a": b"2"}
    assert [one.revision for one in store.activations()] == ["sha256:1"]


def test_check_passes_on_a_database_that_serves(store: Store) -> None:
    """And changes nothing."""
    store.check()
    assert store.verify().records == 0


def test_a_reopened_store_has_everything(store_url: str) -> None:
    """Closing loses nothing, and a new process's records chain as well."""
    for number in (1, 2, 3):
        store = Store.open(store_url)
        add(store, number)
        store.close()
    store = Store.open(store_url)
    assert [store.client(f"c{number}") for number in (1, 2, 3)] == [client(number) for number in (1, 2, 3)]
    verification = store.verify()
    assert (verification.records, verification.breaks) == (3, ())
    store.close()


def test_a_closed_store_says_so(store: Store) -> None:
    """Reads and writes alike; closing again is nothing."""
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        add(store, 1)
    with pytest.raises(StoreUnavailable, match="closed"):
        store.client("c1")


def test_two_stores_live_in_one_process(store: Store, tmp_path: Path) -> None:
    """Nothing about a database is kept in a module or a class."""
    with_other = Store.open(f"sqlite:///{tmp_path / 'other.db'}")
    add(store, 1)
    add(with_other, 2)
    assert (store.client("c1"), store.client("c2")) == (client(1), None)
    assert (with_other.client("c1"), with_other.client("c2")) == (None, client(2))
    with_other.close()


@pytest.mark.parametrize(
    "url",
    ["", "registrar.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://h/d", "postgresql://u:secret@[::1/d"],
)
def test_a_url_that_names_no_usable_database(url: str) -> None:
    """Is refused, and not shown."""
    with pytest.raises(DatabaseURLError) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


def test_a_path_is_taken_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths, percent escapes, and characters that mean something in SQLite's own URIs."""
    monkeypatch.chdir(tmp_path)
    for url, name in (
        ("sqlite:///plain.db", "plain.db"),
        ("sqlite:///with%20space.db", "with space.db"),
        ("sqlite:///a%3Fmode=memory%23.db", "a?mode=memory#.db"),
    ):
        store = Store.open(url)
        add(store, 1)
        store.close()
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
