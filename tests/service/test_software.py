"""Software statements in registrations: what they say comes first, and whose are believed follows the disk."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from registrar.errors import LoadError
from registrar.policy import PolicySet, overlaid
from registrar.service.evidence import read_record, unlike
from registrar.service.software import TrustedIssuers
from registrar.settings import StatementIssuer
from registrar.store import Store
from registrar.wire import NO_EXTENSIONS, ErrorCode
from tests.service.admitting import CLI, Service, service, tree
from tests.statements.issuers import ISSUER, SIGNING, STRANGER, confused, forged, key_for, public, statement

CLAIMS: Mapping[str, Any] = {"iss": ISSUER, "software_id": "4NRB1", "client_name": "vendor's agent"}
VOUCHED = """\
matchConditions: [{name: vouched, expression: 'software_statement.verified && software_statement.issuer == "%s"'}]
client: {redirect_uris: {allow: [{loopback: true}]}}
"""


def keys(folder: Path, *pairs: Any) -> Path:
    """A file with the public halves of these keys."""
    file = folder / "vendor.json"
    file.write_text(json.dumps(public(*pairs)), encoding="utf-8")
    return file


def trusting(folder: Path, *pairs: Any, audience: str = "") -> TrustedIssuers:
    """One trusted issuer."""
    return TrustedIssuers([StatementIssuer(ISSUER, keys(folder, *pairs or (SIGNING,)), ("ES256",), audience)])


@pytest.fixture
def running(either: Store, tmp_path: Path) -> Service:
    """A registrar that trusts one issuer, and whose policy admits vouched and other clients."""
    return service(either, tree(vouched=VOUCHED % ISSUER), trusted=trusting(tmp_path))


def test_what_the_statement_says_comes_first(running: Service) -> None:
    """RFC 7591 §2.3: members of the body that contradict it give way; the others stay; it comes back as it was sent."""
    text = statement({**CLAIMS, "redirect_uris": ["http://127.0.0.1/vendor"], "iat": 1, "unknown": {"a": 1}})
    body = {
        **CLI,
        "client_name": "your bank",
        "client_name#de": "Ihre Bank",
        "client_uri": "https://x.example",
        "software_statement": text,
    }
    registration = running.register(body)
    told = registration.client
    assert (told["client_name"], told["software_id"], told["redirect_uris"]) == (
        "vendor's agent",
        "4NRB1",
        ["http://127.0.0.1/vendor"],
    )
    assert told["client_uri"] == "https://x.example"
    assert told["software_statement"] == text
    assert not {"client_name#de", "iss", "iat", "unknown"} & set(told)


def test_a_policy_sees_the_statement_and_a_replay_too(running: Service) -> None:
    """Verified, its issuer, its claims."""
    text = statement(CLAIMS)
    record = running.record(running.register({**CLI, "software_statement": text}))
    assert record.record["profile"] == "vouched"
    evidence = read_record(record)
    assert evidence.facts.software_statement.claims == CLAIMS
    assert unlike(record, tree(vouched=VOUCHED % ISSUER).decide(evidence.facts)) == ()
    assert running.record(running.register()).record["profile"] == "native"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (statement({**CLAIMS, "iss": "https://other.example"}), ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT),
        (statement(CLAIMS, STRANGER), ErrorCode.INVALID_SOFTWARE_STATEMENT),
        (statement({**CLAIMS, "exp": 1}), ErrorCode.INVALID_SOFTWARE_STATEMENT),
        (statement({**CLAIMS, "aud": "https://as.example"}), ErrorCode.INVALID_SOFTWARE_STATEMENT),
        (statement({"software_id": "x"}), ErrorCode.INVALID_SOFTWARE_STATEMENT),
        (forged({"alg": "none"}, CLAIMS), ErrorCode.INVALID_SOFTWARE_STATEMENT),
        (confused(SIGNING), ErrorCode.INVALID_SOFTWARE_STATEMENT),
        ("s3cret", ErrorCode.INVALID_SOFTWARE_STATEMENT),
    ],
    ids=["another issuer", "another key", "expired", "for somebody", "no issuer", "unsigned", "confused", "garbage"],
)
def test_a_statement_that_is_not_believed_is_refused(running: Service, text: str, code: ErrorCode) -> None:
    """400, without a decision; nothing of it is echoed."""
    refusal = running.refused({**CLI, "software_statement": text})
    assert (refusal.status, refusal.code, refusal.decision_id) == (400, code, "")
    assert text not in refusal.description
    assert "example" not in refusal.description


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_statement_is_absent(running: Service, value: object) -> None:
    """Contract 2."""
    told = running.register({**CLI, "software_statement": value}).client
    assert "software_statement" not in told


@pytest.mark.parametrize("value", [7, [statement(CLAIMS)], {"a": 1}, True])
def test_a_statement_of_another_type_is_bad(running: Service, value: object) -> None:
    """The schema says so."""
    refusal = running.refused({**CLI, "software_statement": value})
    assert (refusal.status, refusal.code) == (400, ErrorCode.INVALID_SOFTWARE_STATEMENT)


def test_claims_are_checked_as_the_body_is(running: Service) -> None:
    """A trusted issuer cannot register what nobody may."""
    for claims in ({"redirect_uris": ["javascript:alert(1)"]}, {"redirect_uris": ["https://elsewhere.example/"]}):
        refusal = running.refused({**CLI, "software_statement": statement({**CLAIMS, **claims}), "client_name": "x"})
        assert (refusal.status, refusal.code) == (400, ErrorCode.INVALID_REDIRECT_URI)
    assert running.refused({**CLI, "software_statement": statement({**CLAIMS, "contacts": 7})}).status == 400


def test_a_statement_in_the_statement_does_not_count() -> None:
    """Nobody verified that one. The one that was sent stays."""
    claims = {"software_statement": "inner", "client_id": "mine", "client_secret": "s", "iss": "x", "client_name": ""}
    body = {"software_statement": "outer", "client_name": "a", "client_name#fr": "b", "note": 1, "unknown": 2}
    assert overlaid(body, claims, NO_EXTENSIONS) == {"software_statement": "outer", "note": 1, "unknown": 2, "client_name": ""}


def test_without_a_trusted_issuer_no_statement_is_approved(either: Store) -> None:
    """What nobody has looked at must not be registered as if somebody had."""
    running = service(either, tree())
    refusal = running.refused({**CLI, "software_statement": statement(CLAIMS)})
    assert refusal.code is ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT


def test_no_key_or_claim_is_in_a_log_line(running: Service, caplog: pytest.LogCaptureFixture) -> None:
    """What a statement says is the client's business."""
    text = statement({**CLAIMS, "client_name": "s3cret name"})
    with caplog.at_level(logging.DEBUG, logger="registrar"):
        running.register({**CLI, "software_statement": text})
        running.refused({**CLI, "software_statement": text[:-6] + "AAAAAA"})
    told = repr([record.__dict__ for record in caplog.records])
    assert "s3cret" not in told
    assert text[-20:] not in told


class TestFiles:
    """The files with the keys."""

    def test_new_keys_count_from_the_next_look_on(self, either: Store, tmp_path: Path) -> None:
        """And the old ones do not any more."""
        trusted = trusting(tmp_path)
        running = service(either, tree(), trusted=trusted)
        other = key_for("ES256")
        keys(tmp_path, other)
        old, new = ({**CLI, "software_statement": statement(CLAIMS, key, kid=None)} for key in (SIGNING, other))
        running.register(old)
        trusted.refresh()
        running.register(new)
        assert running.refused(old).code is ErrorCode.INVALID_SOFTWARE_STATEMENT

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", '{"keys": []}', '{"keys": [], "keys": [1]}', "gone", "folder", "huge", "private"]
    )
    def test_a_broken_file_replaces_nothing(
        self, either: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
    ) -> None:
        """It is said once, with the file; when it is whole again, its keys count."""
        trusted = trusting(tmp_path)
        running = service(either, tree(), trusted=trusted)
        file = tmp_path / "vendor.json"
        file.unlink()
        if content == "folder":
            file.mkdir()
        elif content == "huge":
            file.write_bytes(b" " * (1 << 21))
        elif content == "private":
            file.write_text(json.dumps({"keys": [SIGNING.as_dict(private=True)]}), encoding="utf-8")
        elif content != "gone":
            file.write_text(content, encoding="utf-8")
        for _ in range(3):
            trusted.refresh()
            running.register({**CLI, "software_statement": statement(CLAIMS)})
        said = [
            record.__dict__["fields"] for record in caplog.records if record.message == "keys of software statements rejected"
        ]
        assert len(said) == 1
        assert (said[0]["issuer"], said[0]["place"]) == (ISSUER, f"{file}:1:1")
        if content == "folder":
            file.rmdir()
        other = key_for("ES256")
        keys(tmp_path, other)
        trusted.refresh()
        running.register({**CLI, "software_statement": statement(CLAIMS, other, kid=None)})

    def test_at_the_beginning_every_mistake_is_an_error(self, tmp_path: Path) -> None:
        """With nothing to fall back on, the program does not start."""
        issuers = [
            StatementIssuer("a", tmp_path / "a.json", ("ES256",)),
            StatementIssuer("b", keys(tmp_path, key_for("RS256")), ("ES256",)),
        ]
        with pytest.raises(LoadError) as caught:
            TrustedIssuers(issuers)
        assert [str(problem) for problem in caught.value.problems] == [
            f"{tmp_path}/a.json:1:1: is no file",
            f"{tmp_path}/vendor.json:1:1: must have a key for one of the algorithms",
        ]


def test_two_issuers_do_not_sign_for_each_other(either: Store, tmp_path: Path) -> None:
    """Each has its own keys."""
    other = key_for("ES256")
    (tmp_path / "other.json").write_text(json.dumps(public(other)), encoding="utf-8")
    trusted = TrustedIssuers(
        [
            StatementIssuer(ISSUER, keys(tmp_path, SIGNING), ("ES256",)),
            StatementIssuer("urn:other", tmp_path / "other.json", ("ES256",)),
        ]
    )
    policies: PolicySet = tree(vouched=VOUCHED % "urn:other")
    running = service(either, policies, trusted=trusted)
    mine = {**CLI, "software_statement": statement({**CLAIMS, "iss": "urn:other"}, other, kid=None)}
    assert running.record(running.register(mine)).record["profile"] == "vouched"
    assert running.refused({**CLI, "software_statement": statement(CLAIMS, other, kid=None)}).status == 400
    assert running.refused({**CLI, "software_statement": statement({**CLAIMS, "iss": "urn:other"}, SIGNING)}).status == 400
