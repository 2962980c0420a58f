"""Registering clients, without HTTP."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.bundled import bundled
from registrar.policy import PolicySet, Source, load
from registrar.schema import Schema
from registrar.service import DecisionFailedError, Refusal, Registrar, RegistrationRequest, TimeOrderedIds, new_secret
from registrar.store import Store
from registrar.wire import ErrorCode
from tests.http.served import DOORS, HOSTED, NATIVE, NOW

EPOCH = datetime.fromtimestamp(0, UTC)
SOURCE = Source(ip="192.0.2.7", prefix="192.0.2.7")


@pytest.fixture(scope="module")
def policies() -> PolicySet:
    """The tree of these tests."""
    return load(DOORS, Schema.load("policy"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty database."""
    with closing(Store.open(f"sqlite:///{tmp_path}/registrar.db")) as opened:
        yield opened


def numbered() -> Iterator[str]:
    """id-1, id-2, ..."""
    number = 0
    while True:
        number += 1
        yield f"id-{number}"


def registrar(policies: Callable[[], PolicySet], store: Store, new_id: Callable[[], str] | None = None) -> Registrar:
    """One whose clock stands, with ids and secrets that a test can foresee."""
    ids = numbered()
    schema = Schema.load("registration-request")
    return Registrar(
        policies, store, schema, clock=lambda: NOW, new_id=new_id or (lambda: next(ids)), new_secret=lambda: "a secret"
    )


def test_clock_ids_and_secrets_come_from_outside(policies: PolicySet, store: Store) -> None:
    """Nothing of an answer is from anywhere else."""
    registration = registrar(lambda: policies, store).register(RegistrationRequest(HOSTED, SOURCE))
    issued_at = int(NOW.timestamp())
    assert registration.decision_id == "id-1"
    assert registration.client["client_id"] == "id-2"
    assert registration.client["client_id_issued_at"] == issued_at
    assert registration.client["client_secret"] == "a secret"
    assert registration.client["client_secret_expires_at"] == issued_at + 30 * 86400
    assert registration.warnings == ()


def test_each_decision_takes_the_policy_that_is_in_force_then(policies: PolicySet, store: Store) -> None:
    """A tree that is swapped in between two requests decides the second."""
    other = load(bundled("policies"), Schema.load("policy"))
    trees = iter([policies, other])
    swapped = registrar(lambda: next(trees), store)
    decided = [swapped.register(RegistrationRequest(NATIVE, SOURCE)).decision_id for _ in range(2)]
    records = [store.decision(decision_id) for decision_id in decided]
    assert [record.record["revision"] for record in records if record] == [policies.revision, other.revision]


def test_a_malformed_document_makes_no_decision(policies: PolicySet, store: Store) -> None:
    """Nothing is recorded, and no id is spent."""
    with pytest.raises(Refusal) as caught:
        registrar(lambda: policies, store).register(RegistrationRequest({"redirect_uris": ["javascript:alert(1)"]}, SOURCE))
    assert (caught.value.status, caught.value.code) == (400, ErrorCode.INVALID_REDIRECT_URI)
    assert caught.value.decision_id == ""
    assert store.decision("id-1") is None


def test_a_denied_client_leaves_a_decision_and_nothing_else(policies: PolicySet, store: Store) -> None:
    """The refusal names the record."""
    with pytest.raises(Refusal) as caught:
        registrar(lambda: policies, store).register(RegistrationRequest({**NATIVE, "client_name": "acme"}, SOURCE))
    assert caught.value.decision_id == "id-1"
    record = store.decision("id-1")
    assert record is not None
    assert (record.result, record.client_id, record.at) == ("deny", "", int(NOW.timestamp()))
    assert store.client("id-2") is None


def test_no_profile_is_a_denial(policies: PolicySet, store: Store) -> None:
    """Default deny: a client that no profile is for."""
    with pytest.raises(Refusal) as caught:
        registrar(lambda: policies, store).register(RegistrationRequest({"redirect_uris": ["https://other.example/"]}, SOURCE))
    assert caught.value.status == 400
    assert caught.value.decision_id == "id-1"


def test_a_failure_behind_the_decision_keeps_its_id(policies: PolicySet, store: Store) -> None:
    """Here an id that exists already: a bug, with the decision that it happened in."""
    broken = registrar(lambda: policies, store, lambda: "always the same")
    broken.register(RegistrationRequest(NATIVE, SOURCE))
    with pytest.raises(DecisionFailedError) as caught:
        broken.register(RegistrationRequest(NATIVE, SOURCE))
    assert caught.value.decision_id == "always the same"
    assert caught.value.__cause__ is not None


def test_a_token_is_refused_before_anything_is_read(policies: PolicySet, store: Store) -> None:
    """401 also for a document that is malformed."""
    with pytest.raises(Refusal) as caught:
        registrar(lambda: policies, store).register(RegistrationRequest({"redirect_uris": 7}, SOURCE, token=""))
    assert caught.value.status == 401


@given(st.text())
def test_a_description_is_what_rfc_6749_allows(text: str) -> None:
    """§5.2: printable ASCII without quotes and backslashes; not endless."""
    description = Refusal(400, ErrorCode.INVALID_REQUEST, text).description
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]{0,1000}", description)


def test_a_long_description_is_cut() -> None:
    """And says that it was."""
    description = Refusal(400, ErrorCode.INVALID_REQUEST, "x" * 5000).description
    assert len(description) == 1000
    assert description.endswith("x ...")


@given(
    st.integers(1, 2**47).map(lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds)),
    st.binary(min_size=10, max_size=10),
)
def test_ids_are_uuids_of_version_7(moment: datetime, random: bytes) -> None:
    """RFC 9562 §5.7: 48 bits of milliseconds in front, version and variant in their places, the rest random."""
    made = uuid.UUID(TimeOrderedIds(lambda: moment, lambda _size: random)())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == (moment - EPOCH) // timedelta(milliseconds=1)
    later = uuid.UUID(TimeOrderedIds(lambda: moment + timedelta(milliseconds=2), lambda _size: bytes(10))())
    assert str(made) < str(later)


def test_secrets_have_256_bits() -> None:
    """And are no two alike."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}
