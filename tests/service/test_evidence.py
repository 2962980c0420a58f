"""Records of decisions, written and read back."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registrar.policy import Facts, MalformedError, PolicySet, SoftwareStatement, Source, Token, take_in
from registrar.review.replay import decide_again, outcome_of
from registrar.service.evidence import EvidenceError, decision_record, outcome, read_record, unlike
from registrar.store import DecisionRecord
from registrar.store.journal import canonical
from registrar.wire import MEMBERS, MemberKind
from tests.clients.shipped import ADMITTED
from tests.policy.trees import NOW, REQUEST, compiled, guardrail, head, profile

CLI: dict[str, Any] = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}

# Rules that read every fact there is, so that one that was lost would show.
READER = compiled(
    {
        "policyset.yaml": head(
            """
            profiles: [web, native]
            networks: {corp: [10.0.0.0/8]}
            extensions: {note: {type: string}, settings: {type: object}, proof_token: {type: object}}
            """
        ),
        "profiles/web.yaml": profile(
            """
            matchConditions: [{name: web, expression: 'redirects.exists(r, r.scheme == "https" && r.port == 443)'}]
            client:
              redirect_uris: {allow: [{scheme: https, hosts: ["*.example.com"]}], onExcess: strip}
              scope: {allow: [a, b], default: [a], onExcess: strip}
            lifetimes: {client: 90d, unused: 12h}
            """,
            "web",
        ),
        "profiles/native.yaml": profile(
            """
            client:
              redirect_uris: {allow: [{loopback: true}, {privateUseSchemes: any}]}
              client_name: {maxLength: 8}
            """
        ),
        "guardrails/rules.yaml": guardrail(
            """
            validations:
              - {id: year, expression: 'now.getFullYear() < 2030', message: m}
              - {id: micros, mode: audit, expression: 'now.getMilliseconds() < 500', message: m}
              - {id: outside, expression: '!("corp" in source.networks) && source.prefix == source.ip', message: m}
              - {id: agent, mode: warn, expression: 'source.user_agent + source.origin == ""', message: m}
              - {id: absent, mode: audit, expression: '!has(submitted.client_uri)', message: m}
              - {id: words, mode: audit, expression: 'submitted.all(name, !name.startsWith("x"))', message: m}
              - {id: kind, expression: 'operation == "create"', message: m}
              - {id: before, mode: warn, expression: 'existing.client_name == ""', message: m}
              - {id: known, mode: warn, expression: '!token.present || "reg" in token.scopes', message: m}
              - {id: labelled, mode: audit, expression: 'token.labels.all(name, name == "team")', message: m}
              - {id: stated, mode: warn, expression: '!software_statement.present || software_statement.verified', message: m}
            auditAnnotations:
              - {key: who, valueExpression: 'token.id + software_statement.issuer + client.note'}
            """
        ),
    }
)

WORD = st.text("abx\u00e9 \U0001f916", min_size=1, max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=6,
)
URIS = st.sampled_from(
    ["http://localhost/cb", "http://127.0.0.1:1/cb?a=b", "https://app.example.com/cb", "https://evil.example/", "cursor://x/y"]
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "redirect_uris": st.lists(URIS, max_size=3),
        "client_name": WORD | st.just(""),
        "client_name#fr": WORD,
        "client_name#de": WORD,
        "client_uri": st.sampled_from(["https://app.example.com/", "", "no link"]) | st.none(),
        "scope": st.sampled_from(["a", "b a", "c", " ", " b  a b"]),
        "grant_types": st.lists(st.sampled_from(["authorization_code", "refresh_token", "implicit"]), max_size=3),
        "contacts": st.lists(WORD, max_size=2),
        "jwks": st.just({"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]}),
        "note": WORD,
        "settings": st.dictionaries(WORD, JSON, max_size=3),
        "xtra": JSON,
        "x_null": st.none(),
    },
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # made UTC
ADDRESSES = st.sampled_from(["10.0.0.7", "192.0.2.7", "2001:db8::1", ""])
SOURCES = st.builds(Source, ip=ADDRESSES, prefix=ADDRESSES, user_agent=WORD | st.just(""), origin=WORD | st.just(""))
LABELS = st.dictionaries(st.sampled_from(["team", "x"]), WORD, max_size=2)
TOKENS = st.just(Token()) | st.builds(
    Token, present=st.just(True), id=WORD, scopes=st.lists(st.sampled_from(["reg", "other"])).map(tuple), labels=LABELS
)
STATEMENTS = st.just(SoftwareStatement()) | st.builds(
    SoftwareStatement, present=st.just(True), verified=st.booleans(), issuer=WORD, claims=st.dictionaries(WORD, JSON, max_size=2)
)


def facts_of(body: dict[str, Any], policies: PolicySet = READER, **others: Any) -> Facts:
    """The facts of a document that the intake takes."""
    try:
        intake = take_in(body, REQUEST, policies.extensions)
    except MalformedError:
        assume(False)
        raise
    return Facts(**{"now": NOW, **others}, metadata=intake.metadata, redirects=intake.redirects, submitted=body)


def stored(record: DecisionRecord) -> DecisionRecord:
    """The record as a database gives it back."""
    return replace(record, record=json.loads(canonical(record.record)))


def recorded(facts: Facts, policies: PolicySet = READER) -> DecisionRecord:
    return stored(decision_record("d1", facts, policies.decide(facts)))


@given(
    body=BODIES,
    now=MOMENTS,
    source=SOURCES,
    token=TOKENS,
    statement=STATEMENTS,
    operation=st.sampled_from(["create", "update"]),
    existing=st.just({}) | st.fixed_dictionaries({"client_name": WORD}),
)
def test_a_record_gives_the_facts_back_and_they_the_decision(
    *,
    body: dict[str, Any],
    now: datetime,
    source: Source,
    token: Token,
    statement: SoftwareStatement,
    operation: str,
    existing: dict[str, Any],
) -> None:
    """Facts, record, facts: equal, but for the order of members; so the decision is the same, found and recorded anew."""
    before = facts_of(
        body, now=now, source=source, token=token, software_statement=statement, operation=operation, existing=existing,
        existing_profile="native" if existing else "",
    )  # fmt: skip
    decision = READER.decide(before)
    record = recorded(before)
    evidence = read_record(record)
    assert (evidence.revision, evidence.redacted) == (READER.revision, frozenset())
    assert evidence.facts == before
    again = READER.decide(evidence.facts)
    assert unlike(record, again) == ()
    assert again.metadata == decision.metadata
    assert replace(evidence.outcome, metadata=decision.metadata) == outcome_of(decision)
    assert decide_again(READER, evidence.facts, REQUEST) == outcome_of(decision)


def test_a_finding_that_is_not_there_any_more_is_unlike() -> None:
    """And so is every other part; those of one decision against those of another."""
    record = recorded(facts_of(CLI))
    web = {**CLI, "scope": "c", "redirect_uris": ["https://app.example.com/"]}
    other = READER.decide(facts_of(web, now=NOW.replace(year=2031)))
    assert unlike(record, other) == ("result", "profile", "violations", "changes", "lifetimes")
    changed = compiled()
    assert unlike(record, changed.decide(facts_of(CLI, changed))) == ("revision", "annotations")


SECRETS = {
    "client_secret": "s3cret",
    "jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "eA", "d": "cHJpdmF0ZQ"}]},
    "settings": {"password": "s3cret", "colour": "red"},
    "other": [{"api_key": "s3cret"}],
    "proof_token": {"v": 1},
}


def test_what_redaction_removed_is_said() -> None:
    """By the names at the top of the document; a member stays, its value goes."""
    record = recorded(facts_of({**CLI, **SECRETS}))
    text = canonical(record.record)
    assert "s3cret" not in text
    assert "cHJpdmF0ZQ" not in text
    evidence = read_record(record)
    assert evidence.redacted == set(SECRETS)
    assert evidence.facts.metadata["settings"] == {"password": "[redacted]", "colour": "red"}
    assert evidence.facts.submitted["client_secret"] == "[redacted]"


def left_out_of(record: DecisionRecord) -> dict[str, Any]:
    """What the record says of what it does not have."""
    facts = record.record["facts"]
    assert isinstance(facts, dict)
    left_out: dict[str, Any] = facts["left_out"]
    return left_out


def test_what_strangers_add_is_recorded_as_far_as_there_is_room() -> None:
    """Small members first. Of the rest it is known that it was there, how much it was, and by a digest what it was."""
    noise = {
        "junk": "j" * 60_000,
        "n" * 100: "x" * 3000,
        "resource": "https://mcp.example",
        "client_uri": None,
        "api_key": "s3cret",
    }
    record = recorded(facts_of({**CLI, **noise}))
    assert len(canonical(record.record["facts"])) < 2048
    left_out = left_out_of(record)
    assert (left_out["names"], left_out["number"]) == (["junk"], 2)
    assert 63_000 < left_out["bytes"] < 64_000
    again = left_out_of(recorded(facts_of({**CLI, **noise, "junk": "k" * 60_000})))
    assert {**again, "sha256": ""} == {**left_out, "sha256": ""}
    assert again["sha256"] != left_out["sha256"]
    evidence = read_record(record)
    assert evidence.redacted == {"junk", "api_key", "other members"}
    kept = {"resource": "https://mcp.example", "client_uri": None, "api_key": "[redacted]"}
    assert evidence.facts.submitted == {**CLI, **kept, "junk": "[left out]"}


def test_members_without_number_are_recorded_as_far_as_there_is_room() -> None:
    """Neither values nor names of them fill the journal; absent ones that are known do not come back as anything else."""
    noise = {f"x{number}": number for number in range(6000)} | {f"tos_uri#a{number:06}": None for number in range(1000)}
    record = recorded(facts_of({**CLI, **noise}))
    assert len(canonical(record.record["facts"])) < 3072
    evidence = read_record(record)
    assert "other members" in evidence.redacted
    assert len(evidence.redacted) == 17
    assert decide_again(READER, evidence.facts, REQUEST).allowed


def test_what_the_metadata_has_in_another_form_is_recorded_whole() -> None:
    """However long: the schema bounds it, and the request would be another one without it."""
    body = {**CLI, "scope": "a" + " " * 3000 + "b"}
    evidence = read_record(recorded(facts_of(body)))
    assert (evidence.redacted, evidence.facts.submitted) == (frozenset(), body)
    assert evidence.facts.metadata["scope"] == "a b"


def test_a_replay_says_that_a_rule_may_have_read_what_was_left_out() -> None:
    """It is decided as if something else had stood there, and the member is named; by its presence it is judged as before."""
    body = {**CLI, "settings_of_mine": "x" * 5000}
    evidence = read_record(recorded(facts_of(body)))
    rules = "validations: [{id: r, expression: '!has(submitted.settings_of_mine)', message: m}]"
    asking = compiled({"guardrails/rules.yaml": guardrail(rules)})
    assert decide_again(asking, evidence.facts, REQUEST).violations == {"rules/r"}
    assert evidence.redacted == {"settings_of_mine"}


PRIVATE = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "priv": "s3cret"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("jwks", {"keys": [PRIVATE]}),
        ("jwk", {"kty": "EC", "crv": "P-256", "x": "eA", "d": "s3cret"}),
        ("anything", [{"keys": {"signing": {"kty": "oct", "k": "s3cret"}}}]),
        ("settings", {"kty": "RSA", "oth": [{"r": "s3cret"}], "colour": "red"}),
        *((name, "s3cret") for name in ("authorization", "Authorization", "proxy_authorisation", "client_assertion", "bearer")),
        *(
            (name, "s3cret")
            for name in ("passphrase", "pwd", "code_verifier", "otp", "PIN", "cookie", "Set-Cookie", "refreshToken")
        ),
        ("tokens", ["s3cret"]),
        ("headers", {"Authorization": "Bearer s3cret"}),
    ],
)
def test_no_secret_is_recorded_under_any_of_its_names(member: str, value: object) -> None:
    """Private parts of keys of every type, wherever they stand, and credentials that were not asked for."""
    record = recorded(facts_of({**CLI, member: value}))
    assert "s3cret" not in canonical(record.record)
    assert read_record(record).redacted == {member}


@pytest.mark.parametrize("name", ADMITTED)
def test_what_shipping_clients_send_is_recorded_as_it_is(name: str) -> None:
    """All of it: none of them sends a secret."""
    document = dict(ADMITTED[name].document)
    evidence = read_record(recorded(facts_of(document)))
    assert (evidence.redacted, evidence.facts.submitted) == (frozenset(), document)


# https://www.iana.org/assignments/oauth-parameters: client metadata whose names have a word in them that secrets have.
NO_SECRETS = [
    *("token_endpoint_auth_method", "token_endpoint_auth_signing_alg", "id_token_signed_response_alg", "jwks_uri"),
    *("authorization_signed_response_alg", "authorization_encrypted_response_enc", "authorization_details_types"),
    *("require_pushed_authorization_requests", "dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"),
    *("backchannel_token_delivery_mode", "initiate_login_uri", "software_statement", "code_challenge_method"),
]


@pytest.mark.parametrize("name", NO_SECRETS)
def test_what_only_sounds_like_a_secret_is_recorded(name: str) -> None:
    """A replay needs it, and so does whoever reads the journal."""
    value = True if name in MEMBERS and MEMBERS[name].kind is MemberKind.BOOLEAN else "x"
    evidence = read_record(recorded(Facts(now=NOW, metadata={}, submitted={name: value})))
    assert (evidence.redacted, evidence.facts.submitted) == (frozenset(), {name: value})


def test_secrets_of_statements_and_stored_clients_are_redacted_too() -> None:
    statement = SoftwareStatement(present=True, claims={"client_secret": "s3cret"})
    facts = facts_of(CLI, software_statement=statement, existing={"access_token": "s3cret"}, existing_profile="native")
    record = recorded(facts)
    assert "s3cret" not in canonical(record.record)
    assert read_record(record).redacted == {"software_statement", "existing"}


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_a_secret_that_is_absent_is_no_secret(nothing: object) -> None:
    """A rule may ask whether it is there."""
    evidence = read_record(recorded(facts_of({**CLI, "client_secret": nothing})))
    assert evidence.redacted == frozenset()
    assert evidence.facts.submitted["client_secret"] == nothing


def test_a_document_that_says_redacted_is_not_redacted() -> None:
    assert read_record(recorded(facts_of({**CLI, "client_name": "[redacted]"}))).redacted == frozenset()


def test_an_errored_decision_is_recorded_as_one() -> None:
    condition = "{name: a, expression: '1 / size(client.contacts) > 0'}"
    failing = compiled({"profiles/native.yaml": profile(f"matchConditions: [{condition}]")})
    record = recorded(facts_of(CLI, failing), failing)
    assert record.result == outcome(failing.decide(facts_of(CLI, failing))) == "error"
    assert read_record(record).outcome.errored


STATED = SoftwareStatement(present=True)
GOOD = recorded(facts_of(CLI, token=Token(present=True), software_statement=STATED, existing_profile="native"))


def damaged(path: tuple[str | int, ...], value: object) -> DecisionRecord:
    """A good record with another value at `path`, or with nothing there for None."""
    record = json.loads(canonical(GOOD.record))
    inner = record
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    if value is None:
        del inner[path[-1]]
    return replace(GOOD, record=record)


def paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where the members of a record are that every record of this version has."""
    if not isinstance(value, dict):
        return [path]
    if path and path[-1] in ("metadata", "also_submitted", "claims", "labels", "annotations"):
        return [path]
    return [path, *(found for name, inner in value.items() for found in paths(inner, (*path, name)))]


OPTIONAL = {("changes",), ("annotations",), ("facts", "token"), ("facts", "software_statement"), ("facts", "existing")}


NEEDED = [path for path in paths(GOOD.record) if path and path not in OPTIONAL]


@pytest.mark.parametrize("path", NEEDED, ids=lambda path: "/".join(map(str, path)))
@pytest.mark.parametrize("value", [None, 1.5])
def test_a_record_that_lacks_something_is_said_to(path: tuple[str | int, ...], value: object) -> None:
    """As one of an older or newer version may; never an error of another kind."""
    with pytest.raises(EvidenceError):
        read_record(damaged(path, value))


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("version",), 2, "not of version 1"),
        (("facts", "now"), "yesterday", "moment in the record is none"),
        (("facts", "now"), "2026-10-01T12:00:00", "has no time zone"),
        (("facts", "operation"), "destroy", "operation that this release does not know"),
        (("facts", "metadata", "redirect_uris"), ["javascript:alert(1)"], "redirect URI in the record is none"),
        (("facts", "metadata", "redirect_uris"), "http://localhost/", "has no redirect_uris"),
        (("facts", "left_out"), {"names": [1], "number": 1}, "has no names"),
        (("facts", "left_out"), {"names": [], "number": "1"}, "has no number"),
        (("facts", "left_out"), [], "has no left_out"),
        (("violations",), ["a/b"], "has no violations"),
        (("warnings",), [{"place": "x"}], "has no warnings"),
    ],
)
def test_reasons_have_nothing_of_the_request(path: tuple[str | int, ...], value: object, reason: str) -> None:
    with pytest.raises(EvidenceError, match=reason):
        read_record(damaged(path, value))


def test_a_record_without_the_optional_facts_had_none() -> None:
    for name in ("token", "software_statement", "existing"):
        facts = read_record(damaged(("facts", name), None)).facts
        assert asdict(facts)[name] == asdict(Facts(now=NOW, metadata={}))[name]
