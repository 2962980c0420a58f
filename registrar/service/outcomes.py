"""What a use case ends in: an answer, or a refusal with everything that the answer to it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from registrar.errors import RegistrarError
from registrar.wire import ErrorCode

_MAX_DESCRIPTION: Final = 1000  # characters
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Registration:
    """A client that was registered. `client` is the whole answer (RFC 7591 §3.2.1); `warnings` are for the client's developer."""

    client: Mapping[str, object]
    decision_id: str
    warnings: tuple[str, ...] = ()


class Refusal(RegistrarError):  # noqa: N818 - no error of the program: an answer
    """A request that is refused, as the client is told: `status` (HTTP), `code`, `description`, further headers.

    `decision_id` is "" when the request did not get as far as a decision.
    """

    def __init__(
        self, status: int, code: ErrorCode, description: str, *, decision_id: str = "", headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        self.status = status
        self.code = code
        self.description = describe(description)
        self.decision_id = decision_id
        self.headers = headers
        super().__init__(self.description)


class DecisionFailedError(RegistrarError):
    """Something broke after the decision `decision_id` was made; the cause is chained. Nothing was stored."""

    def __init__(self, decision_id: str) -> None:
        self.decision_id = decision_id
        super().__init__(f"decision {decision_id} could not be carried out")


def describe(text: str) -> str:
    """`text` in the characters that RFC 6749 §5.2 allows in an error_description, and not too long."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in text).replace('"', "'").replace("\\", "/")
    return plain if len(plain) <= _MAX_DESCRIPTION else plain[: _MAX_DESCRIPTION - 4] + " ..."
