"""What a decision says: frozen, complete, and explainable by rule id and place."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NamedTuple

from registrar.errors import Place
from registrar.limits import LimitUse
from registrar.wire import ErrorCode


class Mode(StrEnum):
    """What a rule that is not true does: refuse, tell the client, or only be recorded."""

    ENFORCE = "enforce"
    WARN = "warn"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that was not true. `place` is None for the rules of the program itself (`registrar/…`).

    `errored`: its expression failed at run time, which is the operator's fault, not the client's.
    """

    rule: str
    place: Place | None
    message: str
    code: ErrorCode
    field: str = ""
    mode: Mode = Mode.ENFORCE
    errored: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What the policy did to one member: `default`, `set`, `remove` or `strip`."""

    member: str
    action: Literal["default", "set", "remove", "strip"]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things live, in seconds; 0 means for ever. `unused`: until the client was first, and then last, seen in use."""

    client: int = 0
    unused: int = 0
    client_secret: int = 0


class Decision(NamedTuple):
    """The outcome of `PolicySet.decide`.

    `metadata` is the effective client (present members only, RFC 7591 names), meaningful only when `allowed`.
    `client_id_prefix` is what the client's id begins with. `violations` are enforced findings and make `allowed` false;
    `warnings` were told to the client; `audited` only recorded. `limits` are what an allowed client has to find room in, in the
    tree's order; `reuse_identical`: a public client gets an identical one's id, when there is one.
    """

    allowed: bool
    revision: str
    profile: str = ""
    metadata: Mapping[str, object] = MappingProxyType({})
    violations: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    audited: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    annotations: Mapping[str, str] = MappingProxyType({})
    lifetimes: Lifetimes = Lifetimes()
    client_id_prefix: str = ""
    reuse_identical: bool = False
    limits: tuple[LimitUse, ...] = ()

    @property
    def errored(self) -> bool:
        """Whether an enforced rule failed at run time: the answer is then 500 `server_error`."""
        return any(finding.errored for finding in self.violations)
