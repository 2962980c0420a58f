"""What is written down about a decision: enough to make it again (policy replay), and nothing secret."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Final, Literal

from registrar.policy import Decision, Facts, Finding
from registrar.store import DecisionRecord

_VERSION: Final = 1
_REDACTED: Final = "[redacted]"
# Credentials that clients send though nobody asked for them (wire contract 2 and 26).
_SECRET_NAME: Final = re.compile(r"secret|passw|private|credential|token$|api_?key", re.IGNORECASE)
_PRIVATE_JWK: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 §6.2.2, §6.3.2, §6.4.1


def outcome(decision: Decision) -> Literal["allow", "deny", "error"]:
    """The result under which a decision is recorded."""
    if decision.allowed:
        return "allow"
    return "error" if decision.errored else "deny"


def decision_record(decision_id: str, facts: Facts, decision: Decision, client_id: str = "") -> DecisionRecord:
    """The record of `decision`: its facts, what was found, and what the policy changed."""
    record = {
        "version": _VERSION,
        "facts": _facts(facts),
        "revision": decision.revision,
        "profile": decision.profile,
        "violations": _findings(decision.violations),
        "warnings": _findings(decision.warnings),
        "audited": _findings(decision.audited),
        "changes": [{"member": change.member, "action": change.action} for change in decision.changes],
        "annotations": dict(decision.annotations),
        "lifetimes": asdict(decision.lifetimes),
    }
    return DecisionRecord(
        decision_id=decision_id, at=int(facts.now.timestamp()), result=outcome(decision), client_id=client_id, record=record
    )


def _facts(facts: Facts) -> dict[str, object]:
    """`submitted` is written without what `metadata` says already: it is {**metadata, **also_submitted}."""
    also = {name: value for name, value in facts.submitted.items() if name not in facts.metadata}
    return {
        "operation": facts.operation,
        "now": facts.now.isoformat(),
        "metadata": _redacted(facts.metadata),
        "also_submitted": _redacted(also),
        "source": {
            "ip": facts.source.ip,
            "prefix": facts.source.prefix,
            "user_agent": facts.source.user_agent,
            "origin": facts.source.origin,
        },
    }


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
    """`value` without secrets: members named like one, and the private parts of JSON Web Keys. A member stays, its value goes."""
    if isinstance(value, Mapping):
        return {name: _redacted_member(name, item, in_keys=in_keys) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item, in_keys=in_keys) for item in value]
    return value


def _redacted_member(name: str, value: object, *, in_keys: bool) -> object:
    if _SECRET_NAME.search(name) or (in_keys and name in _PRIVATE_JWK):
        return _REDACTED
    return _redacted(value, in_keys=in_keys or name == "jwks")
