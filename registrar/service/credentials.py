"""A client's credentials: in the clear while a request is answered, and only their digests afterwards."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_NOBODY: Final = bytes(32)  # what is compared with where there is no digest: as much work, and never equal


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client is told that it has. `secret` and `token` (its registration access token) are "" where there is none to tell.

    `secret_expires_at` is in epoch seconds, 0 for never, and None for a client that has no secret at all.
    """

    client_id: str
    issued_at: int
    secret: str = ""
    secret_expires_at: int | None = None
    token: str = ""


def answer(metadata: Mapping[str, object], credentials: Credentials, issuer: str) -> dict[str, object]:
    """The client information response (RFC 7591 §3.2.1, RFC 7592 §3): everything that is registered, and the credentials."""
    told: dict[str, object] = {
        **metadata,
        "client_id": credentials.client_id,
        "client_id_issued_at": credentials.issued_at,
    }
    if credentials.secret:
        told["client_secret"] = credentials.secret
    if credentials.secret_expires_at is not None:
        # RFC 7591 §3.2.1: for a client with a secret the expiry is required, and 0, not omission, means never.
        told["client_secret_expires_at"] = credentials.secret_expires_at
    if credentials.token:
        told["registration_client_uri"] = configuration_uri(issuer, credentials.client_id)
        told["registration_access_token"] = credentials.token
    return told


def configuration_uri(issuer: str, client_id: str) -> str:
    """Where a client manages its registration (RFC 7592 §3), built from the issuer as every URL is."""
    return f"{issuer.rstrip('/')}/register/{quote(client_id, safe='')}"


def digest(text: str) -> bytes:
    """What is kept of a secret or token: they are 256 random bits, so a single SHA-256 is enough."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def is_digest_of(kept: bytes | None, text: str) -> bool:
    """Whether `kept` is the digest of `text`; in the same time whether it is, is not, or there is none (None)."""
    equal = hmac.compare_digest(kept or _NOBODY, digest(text))
    return equal and kept is not None


def after(moment: int, lifetime: int) -> int:
    """`lifetime` seconds after `moment`; 0, never, for a lifetime of 0."""
    return moment + lifetime if lifetime else 0


def earliest(*moments: int) -> int:
    """The first of these moments, of which 0 is never."""
    return min((moment for moment in moments if moment), default=0)
