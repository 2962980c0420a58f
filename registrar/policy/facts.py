"""What a decision is made from. A decision is a pure function of (policy tree, Facts)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from registrar.wire import RedirectUri

Operation = Literal["create", "update", "resolve"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request came from, as the `source` of an expression.

    `prefix` is the address itself for IPv4 and its /64 for IPv6. `networks` are the names of the policy set's networks that hold
    `ip`; the policy set fills them in, callers leave them empty.
    """

    ip: str = ""
    prefix: str = ""
    networks: tuple[str, ...] = ()
    user_agent: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """The initial access token of a request (RFC 7591 §3), as the `token` of an expression."""

    present: bool = False
    id: str = ""
    scopes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SoftwareStatement:
    """The software statement of a request (RFC 7591 §2.3), as the `software_statement` of an expression."""

    present: bool = False
    verified: bool = False
    issuer: str = ""
    claims: Mapping[str, object] = field(default_factory=dict)


# Made for each request, where a frozen one would take three times as long: here the type checker sees that nothing changes.
@dataclass(slots=True)
class Facts:
    """Everything that a decision may depend on.

    `metadata` is the normalised document (`wire.normalise`): known members only, none of them null or empty.
    `redirects` are its redirect URIs, parsed, in its order. `submitted` is the body as it came, but for what a software statement
    says instead (RFC 7591 §2.3). `existing` is the stored client's metadata on an update, and `existing_profile` the profile that
    admitted it. `now` is timezone-aware UTC.
    """

    now: Final[datetime]
    metadata: Final[Mapping[str, object]]
    redirects: Final[tuple[RedirectUri, ...]] = ()
    submitted: Final[Mapping[str, object]] = field(default_factory=dict)
    operation: Final[Operation] = "create"
    source: Final[Source] = Source()
    token: Final[Token] = Token()
    software_statement: Final[SoftwareStatement] = SoftwareStatement()
    existing: Final[Mapping[str, object]] = field(default_factory=dict)
    existing_profile: Final[str] = ""
