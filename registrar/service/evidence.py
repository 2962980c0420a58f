"""What is written down about a decision: enough to make it again (policy replay), and nothing secret.

A record keeps what the request was, not what it looked like: JSON members have no order, the values of secrets are gone, and of
what no policy knows only as much is there as there is room for.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Literal, TypeVar, get_args

from registrar import wire
from registrar.errors import RegistrarError
from registrar.limits import LimitReachedError
from registrar.policy import Decision, Facts, Finding, Lifetimes, Operation, SoftwareStatement, Source, Token
from registrar.review.replay import Outcome
from registrar.store import DecisionRecord
from registrar.wire import RedirectUriError

_VERSION: Final = 1
_REDACTED: Final = "[redacted]"
_LEFT_OUT: Final = "[left out]"
_OTHERS: Final = "other members"  # as a review calls those that it does not name
# Strangers choose how much they send beside their metadata, and what is written here stays. Bytes of JSON; names, and characters
# of a name.
_ROOM: Final = 2048
_NAMED: Final = 16
_MAX_NAME: Final = 64
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_NOTHING: Final[tuple[object, ...]] = (None, "", [], {})
# Credentials that clients send though nobody asked for them (wire contract 2 and 26). Where a name only ends so, what goes on is
# about the credential: client_assertion_type, authorization_signed_response_alg, bearer_methods_supported.
_SECRET_NAME: Final = re.compile(
    r"secret|passw|passphrase|^pwd$|private|credential|api_?key"
    r"|(?:tokens?|assertion|verifier|bearer|cookies?)$|(?:^|[-_])authori[sz]ation$|^(?:otp|pin)$",
    re.IGNORECASE,
)
_LIFETIMES: Final = tuple(item.name for item in fields(Lifetimes))
_OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

_Kind = TypeVar("_Kind")


def outcome(decision: Decision) -> Literal["allow", "deny", "error"]:
    """The result under which a decision is recorded."""
    if decision.allowed:
        return "allow"
    return "error" if decision.errored else "deny"


def decision_record(
    decision_id: str, facts: Facts, decision: Decision, client_id: str = "", *, limited: LimitReachedError | None = None
) -> DecisionRecord:
    """The record of `decision`: its facts, what was found, and what the policy changed.

    `limited`: the policy said yes, and a limit no; that is a denial, of which a replay can find out the policy's part only.
    """
    record = {"version": _VERSION, "facts": _facts(facts), **_found(decision)}
    if limited is not None:
        record["limited"] = _limited(limited)
    result = outcome(decision) if limited is None else "deny"
    return DecisionRecord(
        decision_id=decision_id, at=int(facts.now.timestamp()), result=result, client_id=client_id, record=record
    )


def _limited(error: LimitReachedError) -> dict[str, object]:
    usage = error.usage
    told = {"limit": usage.limit, "key": usage.key, "measure": usage.measure, "used": usage.used, "of": usage.of}
    return {**told, "retry_after": error.retry_after}


def _found(decision: Decision) -> dict[str, object]:
    """What is the same whenever these facts are decided by this revision."""
    found: dict[str, object] = {
        "revision": decision.revision,
        "profile": decision.profile,
        "violations": _findings(decision.violations),
        "warnings": _findings(decision.warnings),
        "audited": _findings(decision.audited),
        "changes": [{"member": change.member, "action": change.action} for change in decision.changes],
        "annotations": dict(decision.annotations),
        "lifetimes": {name: getattr(decision.lifetimes, name) for name in _LIFETIMES},
    }
    if decision.limits:
        found["limits"] = [{"limit": use.limit, "key": use.key} for use in decision.limits]
    return found


def _facts(facts: Facts) -> dict[str, object]:
    """`submitted` is written without what `metadata` says already: it is {**metadata, **also_submitted}, and what is left out."""
    metadata = facts.metadata
    also = {name: value for name, value in facts.submitted.items() if name not in metadata or metadata[name] != value}
    return {
        "operation": facts.operation,
        "now": facts.now.isoformat(),
        "metadata": _redacted(metadata),
        **_within_room(_redacted_members(also), metadata),
        "source": {
            "ip": facts.source.ip,
            "prefix": facts.source.prefix,
            "user_agent": facts.source.user_agent,
            "origin": facts.source.origin,
        },
        **_of_some_requests(facts),
    }


def _within_room(also: Mapping[str, object], metadata: Mapping[str, object]) -> dict[str, object]:
    """`also` as far as there is room, what is small first; of the rest some names, so that a rule still finds them there.

    What `metadata` has in another form always has room: the schema bounds it.
    """
    if not also or len(_text(also)) <= _ROOM:
        return {"also_submitted": also}
    room, kept, rest = _ROOM, dict[str, object](), dict[str, object]()
    for size, name in sorted((0 if name in metadata else len(_text({name: value})), name) for name, value in also.items()):
        room -= size
        (kept if room >= 0 else rest)[name] = also[name]
    if not rest:
        return {"also_submitted": kept}
    # A member that is known, and yet no metadata, was absent: null must not come back as anything else.
    names = [name for name in rest if len(name) <= _MAX_NAME and wire.base_name(name) is None][:_NAMED]
    text = _text(rest)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"also_submitted": kept, "left_out": {"names": names, "number": len(rest), "bytes": len(text), "sha256": digest}}


def _text(value: object) -> str:
    return _ENCODER.encode(value)


def _of_some_requests(facts: Facts) -> dict[str, object]:
    """The facts that most requests do not have: a record without one of them says that it was not there."""
    record: dict[str, object] = {}
    if facts.token.present:
        token = facts.token
        record["token"] = {"id": token.id, "scopes": list(token.scopes), "labels": dict(token.labels)}
    if facts.software_statement.present:
        statement = facts.software_statement
        claims = _redacted(statement.claims)
        record["software_statement"] = {"verified": statement.verified, "issuer": statement.issuer, "claims": claims}
    if facts.existing_profile or facts.existing:
        record["existing"] = {"profile": facts.existing_profile, "metadata": _redacted(facts.existing)}
    return record


def _findings(findings: Iterable[Finding]) -> list[dict[str, object]]:
    return [
        {
            "rule": finding.rule,
            "place": str(finding.place or ""),
            "message": finding.message,
            "code": str(finding.code),
            "field": finding.field,
            "errored": finding.errored,
        }
        for finding in findings
    ]


def _redacted(value: object, *, in_keys: bool = False) -> object:
    """`value` without secrets: members named like one, and the private parts of JSON Web Keys. A member stays, its value goes.

    What is absent or empty stays, and so does yes or no: a rule may ask for that, and nothing is hidden in it. So do the members
    that the program knows: dpop_bound_access_tokens are no tokens.
    """
    if isinstance(value, Mapping):
        return _redacted_members(value, in_keys=in_keys)
    if isinstance(value, list | tuple):
        return [_redacted(item, in_keys=in_keys) for item in value]
    return value


def _redacted_members(value: Mapping[str, object], *, in_keys: bool = False) -> dict[str, object]:
    in_keys = in_keys or _is_key(value)
    return {name: _redacted_member(name, item, in_keys=in_keys) for name, item in value.items()}


def _redacted_member(name: str, value: object, *, in_keys: bool) -> object:
    if _secret(name, in_keys=in_keys):
        return value if value in _NOTHING or isinstance(value, bool) else _REDACTED
    return _redacted(value, in_keys=in_keys or name == "jwks")


def _secret(name: str, *, in_keys: bool) -> bool:
    if in_keys and name in wire.PRIVATE_KEY_MEMBERS:
        return True
    return name not in wire.MEMBERS and _SECRET_NAME.search(name) is not None


def _is_key(value: Mapping[str, object]) -> bool:
    """Whether it is a JSON Web Key (RFC 7517 §4.1: `kty` is in every one), whatever it is called."""
    return "kty" in value


class EvidenceError(RegistrarError):
    """A record that cannot be read back; the text says why, without anything of the request, so that equal reasons are equal."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A decision as its record tells it.

    `facts` are those that it was made from, but for what was `redacted`: the members, by the name at the top of the document, in
    which a value was taken out, or for which there was no room. `outcome` is the policy's, also where a limit had the last word;
    it has no metadata: the effective client is the store's.
    """

    facts: Facts
    revision: str
    outcome: Outcome
    redacted: frozenset[str]


def read_record(decision: DecisionRecord) -> Evidence:
    """The inverse of `decision_record`. Raises EvidenceError for a record of another version, or that lacks something."""
    record = decision.record
    if record.get("version") != _VERSION:
        raise EvidenceError(f"the record is not of version {_VERSION}, which this release reads")
    facts = _member(record, "facts", dict)
    lifetimes = _member(record, "lifetimes", dict)
    return Evidence(
        facts=_read_facts(facts),
        revision=_member(record, "revision", str),
        outcome=Outcome(
            allowed=_by_policy(decision) == "allow",
            errored=decision.result == "error",
            profile=_member(record, "profile", str),
            violations=_read_rules(record, "violations"),
            warnings=_read_rules(record, "warnings"),
            audited=_read_rules(record, "audited"),
            lifetimes=Lifetimes(**{name: _member(lifetimes, name, int) for name in _LIFETIMES}),
            limits=dict(map(_read_use, _member(record, "limits", list) if "limits" in record else ())),
        ),
        redacted=frozenset(_redactions(facts)),
    )


def unlike(decision: DecisionRecord, again: Decision) -> tuple[str, ...]:
    """The parts of a record that would be written otherwise now that the decision came out as `again`; none when it is the same.

    The order of findings is no part of it: it may follow the order in which the client sent its members, which no record keeps.
    """
    now = _found(again)
    names = (*now, *(name for name in ("limits",) if name in decision.record and name not in now))
    parts = [name for name in names if _unordered(decision.record.get(name)) != _unordered(now.get(name))]
    return (*(["result"] if outcome(again) != _by_policy(decision) else []), *parts)


def _by_policy(decision: DecisionRecord) -> str:
    """What the policy said: it lets a client through to the limit that then refuses it."""
    return "allow" if decision.result == "deny" and "limited" in decision.record else decision.result


def _unordered(part: object) -> object:
    return sorted(json.dumps(item, sort_keys=True) for item in part) if isinstance(part, list) else part


def _read_facts(record: Mapping[str, Any]) -> Facts:
    metadata = _member(record, "metadata", dict)
    source = _member(record, "source", dict)
    return Facts(
        now=_read_moment(_member(record, "now", str)),
        metadata=metadata,
        redirects=tuple(map(_read_redirect, _member(metadata, "redirect_uris", list) if "redirect_uris" in metadata else ())),
        submitted={**metadata, **dict.fromkeys(_read_left_out(record)[0], _LEFT_OUT), **_member(record, "also_submitted", dict)},
        operation=_read_operation(_member(record, "operation", str)),
        source=Source(
            ip=_member(source, "ip", str),
            prefix=_member(source, "prefix", str),
            user_agent=_member(source, "user_agent", str),
            origin=_member(source, "origin", str),
        ),
        **_read_of_some_requests(record),
    )


def _read_of_some_requests(record: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "token" in record:
        token = _member(record, "token", dict)
        scopes = tuple(_member(token, "scopes", list))
        found["token"] = Token(present=True, id=_member(token, "id", str), scopes=scopes, labels=_member(token, "labels", dict))
    if "software_statement" in record:
        statement = _member(record, "software_statement", dict)
        found["software_statement"] = SoftwareStatement(
            present=True,
            verified=_member(statement, "verified", bool),
            issuer=_member(statement, "issuer", str),
            claims=_member(statement, "claims", dict),
        )
    if "existing" in record:
        existing = _member(record, "existing", dict)
        found |= {"existing": _member(existing, "metadata", dict), "existing_profile": _member(existing, "profile", str)}
    return found


def _read_left_out(record: Mapping[str, Any]) -> tuple[list[str], int]:
    """The names that are known of what was left out, and the number of all."""
    if "left_out" not in record:
        return [], 0
    left_out = _member(record, "left_out", dict)
    names = _member(left_out, "names", list)
    if not all(isinstance(name, str) for name in names):
        raise EvidenceError("the record has no names")
    return names, _member(left_out, "number", int)


def _read_operation(text: str) -> Operation:
    for operation in _OPERATIONS:
        if operation == text:
            return operation
    raise EvidenceError("the record is of an operation that this release does not know")


def _read_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise EvidenceError("the moment in the record is none") from None
    if moment.tzinfo is None:
        raise EvidenceError("the moment in the record has no time zone")
    return moment


def _read_redirect(uri: str) -> wire.RedirectUri:
    try:
        return wire.parse_redirect_uri(uri)
    except RedirectUriError:
        raise EvidenceError("a redirect URI in the record is none for this release") from None


def _read_rules(record: Mapping[str, Any], name: str) -> frozenset[str]:
    findings = _member(record, name, list)
    if not all(isinstance(finding, dict) and isinstance(finding.get("rule"), str) for finding in findings):
        raise EvidenceError(f"the record has no {name}")
    return frozenset(finding["rule"] for finding in findings)


def _read_use(use: object) -> tuple[str, str]:
    if not isinstance(use, dict):
        raise EvidenceError("the record has no limits")
    return _member(use, "limit", str), _member(use, "key", str)


def _member(record: Mapping[str, Any], name: str, kind: type[_Kind]) -> _Kind:
    value = record.get(name)
    if not isinstance(value, kind):
        raise EvidenceError(f"the record has no {name}")
    return value


def _redactions(facts: Mapping[str, Any]) -> Iterator[str]:
    names, number = _read_left_out(facts)
    yield from names
    if number > len(names):
        yield _OTHERS
    for part in (facts["metadata"], facts["also_submitted"]):
        in_keys = _is_key(part)
        yield from (name for name, value in part.items() if _has_redaction({name: value}, in_keys=in_keys))
    yield from (name for name in ("software_statement", "existing") if _has_redaction(facts.get(name)))


def _has_redaction(value: object, *, in_keys: bool = False) -> bool:
    if isinstance(value, Mapping):
        in_keys = in_keys or _is_key(value)
        return any(
            item == _REDACTED if _secret(name, in_keys=in_keys) else _has_redaction(item, in_keys=in_keys or name == "jwks")
            for name, item in value.items()
        )
    return isinstance(value, list) and any(_has_redaction(item, in_keys=in_keys) for item in value)
