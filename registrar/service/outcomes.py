"""What a use case ends in: an answer, or a refusal with everything that the answer to it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from registrar.errors import RegistrarError
from registrar.policy import ACCEPT_FROM, Decision, Finding, MalformedError
from registrar.wire import ErrorCode, printable

_MAX_DESCRIPTION: Final = 1000  # characters
_NO_RULE: Final = "the policy of this server could not be evaluated; its log says why"
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
# RFC 6750 §3: a challenge has a parameter; §3.1: and no error code, when the request had no token.
_CHALLENGES: Final[Mapping[ErrorCode, tuple[int, str]]] = MappingProxyType(
    {
        ErrorCode.INVALID_TOKEN: (401, 'Bearer realm="registration"'),
        ErrorCode.INSUFFICIENT_SCOPE: (403, 'Bearer error="insufficient_scope"'),
    }
)


@dataclass(frozen=True, slots=True)
class Registration:
    """A client that was registered. `client` is the whole answer (RFC 7591 §3.2.1); `warnings` are for the client's developer.

    `headers` are further headers of the answer.
    """

    client: Mapping[str, object]
    decision_id: str
    warnings: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(RegistrarError):  # noqa: N818 - no error of the program: an answer
    """A request that is refused, as the client is told: `status` (HTTP), `code`, `description`, further headers.

    `decision_id` is "" when the request did not get as far as a decision.
    """

    def __init__(
        self, status: int, code: ErrorCode, description: str, *, decision_id: str = "", headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        self.status = status
        self.code = code
        self.description = printable(description, _MAX_DESCRIPTION)
        self.decision_id = decision_id
        self.headers = headers
        super().__init__(self.description)


class DecisionFailedError(RegistrarError):
    """Something broke after the decision `decision_id` was made; the cause is chained. Nothing was stored."""

    def __init__(self, decision_id: str) -> None:
        self.decision_id = decision_id
        super().__init__(f"decision {decision_id} could not be carried out")


def malformed(error: MalformedError) -> Refusal:
    """The refusal of a document that no policy saw: its faults, and the first one's code."""
    return Refusal(400, error.code, "; ".join(fault.message for fault in error.faults))


def refusal(decision: Decision, decision_id: str = "") -> Refusal:
    """The refusal that a decision against a client is told as: every violation once, and the first one's code.

    For whom no profile is, though some look at the token: a challenge. A client that may not change its profile lacks the
    permission to (RFC 7592 §2.2: 403).
    """
    if decision.errored:
        return Refusal(500, ErrorCode.SERVER_ERROR, _NO_RULE, decision_id=decision_id)
    code, told = decision.violations[0].code, "; ".join(dict.fromkeys(map(_told, decision.violations)))
    if code in _CHALLENGES:
        status, challenge = _CHALLENGES[code]
        return Refusal(status, code, told, decision_id=decision_id, headers={"WWW-Authenticate": challenge})
    kept = any(finding.rule == f"{decision.profile}/{ACCEPT_FROM}" for finding in decision.violations)
    return Refusal(403 if kept else 400, code, told, decision_id=decision_id)


def warnings(decision: Decision) -> tuple[str, ...]:
    """What the developer of an admitted client is told."""
    return tuple(f"{finding.rule}: {finding.message}" for finding in decision.warnings)


def _told(finding: Finding) -> str:
    """A finding as the client is told it: the member, and the rule's message."""
    member = finding.field.removeprefix("/").replace("/", ".")
    return finding.message if not member or member in finding.message else f"{member}: {finding.message}"
