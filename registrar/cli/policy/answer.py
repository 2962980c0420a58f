"""What a client would be answered, without registering it."""

from dataclasses import dataclass

from registrar import wire
from registrar.policy import Decision, MalformedError, Operation
from registrar.service import Refusal, malformed, refusal, warnings


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a registration or an update: `error` and `description` are "" for a client that is admitted (RFC 7591 §3.2).

    `credentials` are the members that the server would mint, `warnings` what the client's developer would be told.
    """

    status: int
    error: str = ""
    description: str = ""
    credentials: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def answer(outcome: Decision | MalformedError, operation: Operation = "create") -> Answer:
    """The answer to a document that was refused before any policy saw it, or decided about.

    Whether an update gets a new secret or token is not the policy's to say, but the settings' (RFC 7592 §2.2).
    """
    if isinstance(outcome, MalformedError):
        return _refused(malformed(outcome))
    if not outcome.allowed:
        return _refused(refusal(outcome))
    if operation == "update":
        return Answer(status=200, credentials=("client_id",), warnings=warnings(outcome))
    secret = wire.needs_secret(str(outcome.metadata["token_endpoint_auth_method"]))
    return Answer(
        status=201,
        credentials=("client_id", "client_secret") if secret else ("client_id",),
        warnings=warnings(outcome),
    )


def _refused(told: Refusal) -> Answer:
    return Answer(told.status, str(told.code), told.description)
