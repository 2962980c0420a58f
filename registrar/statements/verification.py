"""Whether a software statement is what it says: a JWS that a trusted issuer signed, for this server, for now."""

import base64
import re
from collections.abc import Mapping
from typing import Final

from joserfc import jws
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from registrar.documents import JSONError, read_json
from registrar.errors import RegistrarError
from registrar.statements.trust import ALGORITHMS, Trust
from registrar.wire import MEMBERS, ErrorCode

LEEWAY: Final = 60
"""Seconds by which the clock of an issuer may differ from this one's (RFC 7519 §4.1.4)."""

_MAX_LENGTH: Final = MEMBERS["software_statement"].longest
_MAX_HEADER: Final = 4096  # characters: a header may bring a certificate, which nobody looks at
_MAX_DEPTH: Final = 8
# RFC 7515 §7.1. Strictly: no padding, no whitespace, no empty part.
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# RFC 7515 §4.1.9: "application/" may be left out. Access tokens, logout tokens and the like say what they are (RFC 8725 §3.11).
_TYPES: Final = ("JWT", "APPLICATION/JWT")


class StatementError(RegistrarError):
    """A statement that is not believed; `code` as in RFC 7591 §3.2.2. The text has nothing of the statement."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        self.code = code
        super().__init__(message)


class _Registry(JWSRegistry):
    """What the library is let to take: longer headers, and signatures of RSA keys of up to 16,384 bits."""

    max_header_length = _MAX_HEADER
    max_signature_length = 2731

    def get_alg(self, name: str) -> JWSAlgModel:
        """Without the library's warning of EdDSA (RFC 9864 has more exact names for it): the operator has allowed it."""
        return self.algorithms[name]


# RFC 7515 §4: what a header says beyond the known is ignored, unless it is critical.
_REGISTRY: Final = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


def verify(text: str, trusts: Mapping[str, Trust], now: int) -> Mapping[str, object]:
    """The claims of the software statement `text`, believed at `now` (epoch seconds). `trusts` are by issuer.

    MUST: a compact JWS (RFC 7515 §7.1) of strict JSON, in which no name comes twice, without critical extensions; not typed as
    another kind of token; `iss` is trusted; signed by one of that issuer's keys, with an algorithm allowed for it, never by a
    key that the statement brings or points at; `exp`, `nbf` and `iat`, where they are there, allow now, give or take LEEWAY;
    `aud` as Trust says. Where several of the issuer's keys fit, the statement has to name its own (`kid`).

    Raises StatementError: unapproved_software_statement for an issuer that is not trusted, else invalid_software_statement.
    """
    header = _header(text)
    signed = _extracted(text)
    claims = _object(signed.payload)
    trust = _trust(claims, trusts)
    _check_signature(signed, _key(header, trust))
    _check_claims(claims, trust, now)
    return claims


def _header(text: str) -> Mapping[str, object]:
    found = _COMPACT.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if found is None:
        raise _bad("is no compact JWS of a size that is taken")
    header = _object(_decoded(found[1]))
    if "crit" in header or "b64" in header:
        raise _bad("has critical extensions, of which none is understood")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() not in _TYPES:
        raise _bad("is a token of another type")
    return header


def _decoded(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise _bad("is no compact JWS of a size that is taken") from None


def _object(data: bytes) -> Mapping[str, object]:
    """The library reads JSON as `json.loads` does: the second of two equal names wins, and depth ends in RecursionError."""
    try:
        value = read_json(data, max_depth=_MAX_DEPTH)
    except JSONError:
        value = None
    if not isinstance(value, dict):
        raise _bad("has a header or claims that are no strict JSON object")
    return value


def _extracted(text: str) -> CompactSignature:
    try:
        return jws.extract_compact(text.encode("ascii"), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        raise _bad("is no compact JWS of a size that is taken") from None


def _trust(claims: Mapping[str, object], trusts: Mapping[str, Trust]) -> Trust:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise _bad("has no issuer")  # RFC 7591 §2.3: iss is REQUIRED
    trust = trusts.get(issuer)
    if trust is None:
        message = "software_statement is from an issuer that this server does not trust"
        raise StatementError(ErrorCode.UNAPPROVED_SOFTWARE_STATEMENT, message)
    return trust


def _key(header: Mapping[str, object], trust: Trust) -> Key:
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in trust.algorithms:
        raise _bad("is signed with an algorithm that is not allowed for its issuer")
    if kid is not None and not isinstance(kid, str):
        raise _bad("names its key by no string")
    keys = trust.keys(algorithm, kid)
    if not keys:
        raise _bad("is signed with a key that its issuer does not have")
    if len(keys) > 1:
        raise _bad("does not say which of its issuer's keys has signed it (kid)")
    return keys[0]


def _check_signature(signed: CompactSignature, key: Key) -> None:
    """Whatever goes wrong in here, and for whatever reason: the statement is not believed."""
    try:
        verified = jws.validate_compact(signed, key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        verified = False
    if verified is not True:
        raise _bad("has a signature that is not its issuer's")


def _check_claims(claims: Mapping[str, object], trust: Trust, now: int) -> None:
    if "aud" in claims and not trust.audience:
        # RFC 7519 §4.1.3: who does not know itself in the audience MUST reject.
        raise _bad("is for an audience, and this server has none set for the issuer")
    required = {"aud": {"essential": True, "value": trust.audience}} if trust.audience else {}
    try:
        JWTClaimsRegistry(now=now, leeway=LEEWAY, **required).validate(dict(claims))  # type: ignore[arg-type]  # a TypedDict
    except ExpiredTokenError:
        raise _bad("has expired") from None
    except JoseError as error:
        raise _bad(f"has a claim that does not hold here and now: {_claim(error)}") from None


def _claim(error: JoseError) -> str:
    """Which claim, where it is one of the registered ones: the library's own words may quote."""
    name = getattr(error, "claim", "")
    return name if name in ("iss", "sub", "aud", "exp", "nbf", "iat", "jti") else "one of them"


def _bad(message: str) -> StatementError:
    return StatementError(ErrorCode.INVALID_SOFTWARE_STATEMENT, f"software_statement {message}")
