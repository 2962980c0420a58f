"""What a client would be answered, without registering it."""

from dataclasses import dataclass
from typing import Final

from registrar import wire
from registrar.policy import Decision, Finding, MalformedError
from registrar.service import Refusal
from registrar.wire import ErrorCode

_NO_RULE: Final = "the policy of this server could not be evaluated; its log says why"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a registration: `error` and `description` are "" for a client that is admitted (RFC 7591 §3.2).

    `credentials` are the members that the server would mint, `warnings` what the client's developer would be told.
    """

    status: int
    error: str = ""
    description: str = ""
    credentials: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def answer(outcome: Decision | MalformedError) -> Answer:
    """The answer to a document that was refused before any policy saw it, or decided about."""
    if isinstance(outcome, MalformedError):
        return _refused(Refusal(400, outcome.code, "; ".join(fault.message for fault in outcome.faults)))
    if not outcome.allowed:
        return _refused(_refusal(outcome))
    secret = wire.needs_secret(str(outcome.metadata["token_endpoint_auth_method"]))
    return Answer(
        status=201,
        credentials=("client_id", "client_secret") if secret else ("client_id",),
        warnings=tuple(f"{finding.rule}: {finding.message}" for finding in outcome.warnings),
    )


def _refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, str(refusal.code), refusal.description)


def _refusal(decision: Decision) -> Refusal:
    if decision.errored:
        return Refusal(500, ErrorCode.SERVER_ERROR, _NO_RULE)
    return Refusal(400, decision.violations[0].code, "; ".join(dict.fromkeys(map(_told, decision.violations))))


def _told(finding: Finding) -> str:
    """A finding as the client is told it: the member, and the rule's message."""
    member = finding.field.removeprefix("/").replace("/", ".")
    return finding.message if not member or member in finding.message else f"{member}: {finding.message}"
