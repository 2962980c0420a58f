"""What the store keeps, as plain frozen values: callers never see a database row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Status: TypeAlias = Literal["active", "disabled", "expired", "deleted"]
Result: TypeAlias = Literal["allow", "deny", "error"]

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
RESULTS: Final[tuple[Result, ...]] = get_args(Result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client. Times are epoch seconds; 0 means never. Hashes are SHA-256 digests of 256-bit random values.

    `metadata` is the effective document without credentials; `source` the prefix that registered it; `unused` the seconds
    after which it expires when it is never used (0: it does not); `fingerprint` identifies equal documents.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """One decision as an auditor reads it: `at` in epoch seconds, `record` plain JSON, `client_id` empty unless one was made."""

    decision_id: str
    at: int
    result: Result
    client_id: str = ""
    record: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A policy revision came into force at `activated_at` (epoch seconds), from a git `commit` ("" when there was none)."""

    revision: str
    activated_at: int
    commit: str
    dirty: bool
