"""What the store keeps, as plain frozen values: callers never see a database row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

Status: TypeAlias = Literal["active", "disabled", "expired", "deleted"]
Outcome: TypeAlias = Literal["allow", "deny", "error"]
Result: TypeAlias = Literal["allow", "deny", "error", "event"]
"""What a journal holds: how a request was decided, or something that happened to a client later."""
TokenKind: TypeAlias = Literal["initial_access", "authorization_server", "admin", "auditor"]

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
RESULTS: Final[tuple[Result, ...]] = get_args(Result)
TOKEN_KINDS: Final[tuple[TokenKind, ...]] = get_args(TokenKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client. Times are epoch seconds; 0 means never. Hashes are SHA-256 digests of 256-bit random values.

    `metadata` is the effective document without credentials; `source` the prefix that registered it; `unused` the seconds
    after which it expires when it is never used (0: it does not); `fingerprint` identifies equal documents.

    A rotated credential leaves a predecessor, which works until the new one is first used: `previous_token_hash`, and
    `previous_secret_hash` until `previous_secret_expires_at` at most. `reuse_key`: the active client that identical
    registrations share (None: it is not shared). `provisioned`: the operator brought it; it is never swept nor shared.
    `due_at`: when the sweeper has to end it; `ended_at`: when it was deleted or expired, 0 while it lives.
    """

    client_id: str
    metadata: Mapping[str, object]
    profile: str
    policy_revision: str
    decision_id: str
    source: str
    software_id: str
    fingerprint: str = ""
    secret_hash: bytes | None
    secret_expires_at: int
    management_token_hash: bytes | None = None
    issued_at: int
    expires_at: int
    last_seen_at: int = 0
    unused: int
    status: Status
    previous_token_hash: bytes | None = None
    previous_secret_hash: bytes | None = None
    previous_secret_expires_at: int = 0
    reuse_key: str | None = None
    provisioned: bool = False
    due_at: int = 0
    ended_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """An entry of a journal as an auditor reads it: `at` in epoch seconds, `record` plain JSON, `client_id` whom it is about.

    A decision's `client_id` is empty unless it made, changed or gave out a client. An event (`result` "event") is what
    happened to a client without a decision: `{"version": 1, "event": "deleted", "by": …}`.
    """

    decision_id: str
    at: int
    result: Result
    client_id: str = ""
    record: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A bearer token without its text: `hash` is the SHA-256 of it. Times are epoch seconds.

    `uses_left`: how many registrations it still admits, None without end; `expires_at`, `revoked_at`: 0 means never and not.
    """

    id: str
    hash: bytes
    kind: TokenKind
    name: str = ""
    scopes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    uses_left: int | None = None
    issued_at: int
    expires_at: int = 0
    revoked_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A policy revision came into force at `activated_at` (epoch seconds), from a git `commit` ("" when there was none)."""

    revision: str
    activated_at: int
    commit: str
    dirty: bool
