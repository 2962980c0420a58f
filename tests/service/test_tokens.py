"""Bearer tokens: issued, recognised, and used to register."""

import hashlib
import json
import logging
import re

import pytest

from registrar.service import Refusal, Registration
from registrar.service.evidence import read_record, unlike
from registrar.store import TOKEN_KINDS, Store, TokenKind
from registrar.wire import ErrorCode
from tests.service.admitting import CLI, Service, numbered, service, tree

STAFF = "matchConditions: [{name: staff, expression: 'token.present && \"staff\" in token.scopes'}]"
ONLY_WITH = "matchConditions: [{name: known, expression: 'token.present'}]"
LOOPBACK = "matchConditions: [{name: local, expression: 'redirects.all(r, r.loopback)'}]"
MIXED = tree(spec=LOOPBACK, staff=STAFF)
CLOSED = tree(spec=ONLY_WITH)
OTHER = {"redirect_uris": ["https://elsewhere.example/"]}


def open_to_all(store: Store) -> Service:
    """A registrar whose policy looks at no token."""
    return service(store, tree())


def test_a_token_is_shown_once_and_kept_as_a_digest(either: Store) -> None:
    """Its text has a prefix that scanners know, and 256 random bits."""
    running = open_to_all(either)
    text, record = running.tokens.create("initial_access", name="build farm", scopes=["staff"], labels={"team": "iam"}, uses=3)
    assert re.fullmatch(r"rgt_[A-Za-z0-9_-]{43}", text)
    assert record.hash == hashlib.sha256(text.encode()).digest()
    assert either.token_of(record.hash) == record
    assert text[4:] not in repr(either.tokens())
    assert (record.kind, record.name, record.scopes, record.labels) == (
        "initial_access",
        "build farm",
        ("staff",),
        {"team": "iam"},
    )
    assert (record.uses_left, record.expires_at, record.revoked_at) == (3, 0, 0)


@pytest.mark.parametrize("kind", TOKEN_KINDS)
def test_a_token_is_good_for_its_own_kind_only(either: Store, kind: TokenKind) -> None:
    """An administrator's is no initial access token, and the other way round."""
    tokens = open_to_all(either).tokens
    text, record = tokens.create(kind)
    assert tokens.authenticate(text, [kind]) == record
    assert tokens.authenticate(text, TOKEN_KINDS) == record
    with pytest.raises(Refusal) as caught:
        tokens.authenticate(text, [other for other in TOKEN_KINDS if other != kind])
    assert caught.value.status == 401


def test_what_is_wrong_with_a_token_is_not_told(either: Store) -> None:
    """Expired, revoked, used up, of another kind, never issued: the same words, and the challenge of RFC 6750 §3.1."""
    running = open_to_all(either)
    now = int(running.clock().timestamp())
    spent, _ = running.tokens.create("initial_access", uses=0)
    expired, _ = running.tokens.create("initial_access", expires_at=now)
    revoked, record = running.tokens.create("initial_access")
    assert either.revoke_token(record.id, now)
    foreign, _ = running.tokens.create("admin")
    unknown = ["", "rgt_", "rgt_" + "x" * 43, "rgt_" + "x" * 100_000, spent[4:], spent.upper(), f"{spent} ", "rgt_\x00\udce9é"]
    refusals = [running.refused(token=text) for text in (spent, expired, revoked, foreign, *unknown)]
    assert {(one.status, one.code, one.description, one.decision_id) for one in refusals} == {
        (401, ErrorCode.INVALID_TOKEN, "the token is not valid", "")
    }
    assert {one.headers["WWW-Authenticate"] for one in refusals} == {'Bearer error="invalid_token"'}


def test_a_token_expires_at_its_second(either: Store) -> None:
    """Not before."""
    running = open_to_all(either)
    text, _ = running.tokens.create("initial_access", expires_at=int(running.clock().timestamp()) + 10)
    running.clock.sleep(9)
    running.register(token=text)
    running.clock.sleep(1)
    assert running.refused(token=text).status == 401


def test_a_bad_token_is_told_before_anything_else(either: Store) -> None:
    """Also with a document that is malformed, and where no token is needed."""
    assert open_to_all(either).refused({"redirect_uris": 7}, token="rgt_x").status == 401


def test_each_registration_costs_one_use(either: Store) -> None:
    """What is refused costs none."""
    running = open_to_all(either)
    text, record = running.tokens.create("initial_access", uses=2)
    for body in numbered(2):
        assert running.refused(OTHER, token=text).status == 400
        assert running.refused({"redirect_uris": 7}, token=text).status == 400
        running.register(body, token=text)
    assert running.refused(token=text).status == 401
    kept = either.token_of(record.hash)
    assert kept is not None
    assert kept.uses_left == 0


def test_uses_are_exact_under_concurrency(either: Store) -> None:
    """Thirty at once on a token for seven."""
    running = open_to_all(either)
    text, _ = running.tokens.create("initial_access", uses=7)
    bodies = numbered(30)
    outcomes = running.at_once(30, lambda index: running.register(bodies[index], token=text))
    assert sum(isinstance(one, Registration) for one in outcomes) == 7
    refused = [one for one in outcomes if isinstance(one, Refusal)]
    assert {one.status for one in refused} == {401}
    assert len(list(either.decisions())) == 7


def test_a_use_that_finds_no_room_is_not_consumed(either: Store) -> None:
    """The token's use and the limit are consumed together or not at all."""
    running = service(either, tree("{id: t, when: token.present, key: token.id, rate: 1/hour}"))
    text, record = running.tokens.create("initial_access", uses=5)
    running.register(token=text)
    for _ in range(3):
        assert running.refused(token=text).status == 429
    kept = either.token_of(record.hash)
    assert kept is not None
    assert kept.uses_left == 4


def test_a_policy_sees_the_token(either: Store) -> None:
    """Its id, scopes and labels; and they are recorded, without its text, so that a replay sees them too."""
    running = service(either, MIXED)
    text, token = running.tokens.create("initial_access", scopes=["staff", "x"], labels={"team": "iam"})
    registration = running.register(OTHER, token=text)
    record = running.record(registration)
    assert record.record["profile"] == "staff"
    evidence = read_record(record)
    assert (evidence.facts.token.id, evidence.facts.token.scopes) == (token.id, ("staff", "x"))
    assert unlike(record, MIXED.decide(evidence.facts)) == ()
    assert text[4:] not in json.dumps(record.record)


def test_without_a_token_that_some_profile_asks_for_the_answer_is_a_challenge(either: Store) -> None:
    """RFC 6750 §3.1: no error code for a request that showed no token. Who needs none is not asked."""
    running = service(either, MIXED)
    refusal = running.refused(OTHER)
    assert (refusal.status, refusal.headers) == (401, {"WWW-Authenticate": 'Bearer realm="registration"'})
    assert running.record(refusal).result == "deny"
    running.register()


def test_a_token_that_is_not_enough_is_insufficient(either: Store) -> None:
    """RFC 6750 §3.1: 403."""
    running = service(either, MIXED)
    text, _ = running.tokens.create("initial_access", scopes=["guest"])
    refusal = running.refused(OTHER, token=text)
    assert (refusal.status, refusal.code) == (403, ErrorCode.INSUFFICIENT_SCOPE)
    assert refusal.headers == {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
    running.register(token=text)


def test_a_policy_can_ask_everybody_for_a_token(either: Store) -> None:
    """Then nobody registers without one."""
    running = service(either, CLOSED)
    assert running.refused().status == 401
    text, _ = running.tokens.create("initial_access")
    running.register(token=text)
    assert running.refused(OTHER, token=text).status == 400  # its profile is for the client, and refuses the document


def test_where_no_profile_looks_at_tokens_no_match_is_no_challenge(either: Store) -> None:
    """A token would not help."""
    running = service(either, tree(spec=LOOPBACK))
    text, _ = running.tokens.create("initial_access")
    for token in (None, text):
        refusal = running.refused(OTHER, token=token)
        assert (refusal.status, refusal.code) == (400, ErrorCode.INVALID_CLIENT_METADATA)


def test_no_token_is_in_a_log_line_or_record(either: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the good one, nor the bad one."""
    running = service(either, MIXED)
    text, _ = running.tokens.create("initial_access", uses=1)
    bad = "rgt_" + "B" * 43
    with caplog.at_level(logging.DEBUG, logger="registrar"):
        running.register(token=text)
        running.refused(token=text)
        running.refused(token=bad)
        running.refused(OTHER)
    told = repr([record.__dict__ for record in caplog.records]) + repr(list(either.decisions()))
    assert text not in told
    assert text[4:] not in told
    assert bad not in told


def test_documents_with_a_token_are_otherwise_as_without(either: Store) -> None:
    """The answer says nothing of it."""
    running = open_to_all(either)
    text, _ = running.tokens.create("initial_access")
    with_one, without = running.register(token=text).client, running.register({**CLI, "client_name": "cli"}).client
    assert set(with_one) == set(without)
