"""Issuers of software statements: their keys, and statements that they sign, in good faith or not."""

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from registrar.statements import Trust

ISSUER: Final = "https://vendor.example"
SIGNING: Final = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
STRANGER: Final = ECKey.generate_key("P-256", {"kid": "one"})
CLAIMS: Final[Mapping[str, object]] = {"iss": ISSUER, "software_id": "4NRB1", "client_name": "vendor's agent"}


def key_for(algorithm: str) -> Any:
    """A key pair for `algorithm`."""
    if algorithm.startswith("ES"):
        return ECKey.generate_key({"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm])
    if algorithm.startswith("Ed"):
        return OKPKey.generate_key("Ed448" if algorithm == "Ed448" else "Ed25519")
    return RSAKey.generate_key(2048)


def public(*keys: Any) -> dict[str, object]:
    """A JWK set of the public halves of `keys`."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def trust(*keys: Any, algorithms: tuple[str, ...] = ("ES256",), audience: str = "", issuer: str = ISSUER) -> Trust:
    """A trusted issuer with these keys."""
    return Trust(issuer, public(*keys or (SIGNING,)), algorithms, audience)


def statement(claims: Mapping[str, object] = CLAIMS, key: Any = SIGNING, **header: object) -> str:
    """A statement with these claims, signed with `key`; what `header` says replaces what it would say, and None leaves it out."""
    told = {name: value for name, value in {"alg": "ES256", "kid": key.kid, **header}.items() if value is not None}
    return signed_over(json.dumps(told).encode(), json.dumps(claims).encode(), key, str(told["alg"]))


def encoded(part: object) -> str:
    """One part of a JWS: an object as JSON, or bytes as they are, in base64url without padding."""
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(header: object, claims: object = CLAIMS, signature: bytes = b"x" * 64) -> str:
    """A statement that nobody signed."""
    return ".".join((encoded(header), encoded(claims), encoded(signature)))


def signed_over(header: bytes, claims: bytes, key: Any = SIGNING, algorithm: str = "ES256") -> str:
    """A statement of exactly these bytes, with a signature that holds."""
    text = f"{encoded(header)}.{encoded(claims)}"
    return f"{text}.{encoded(JWSRegistry.algorithms[algorithm].sign(text.encode(), key))}"


def confused(key: Any) -> str:
    """A statement whose HMAC was made with the text of the public `key` as the secret: algorithm confusion (RFC 8725 §2.1)."""
    text = f"{encoded({'alg': 'HS256'})}.{encoded(CLAIMS)}"
    return f"{text}.{encoded(hmac.digest(key.as_pem(private=False), text.encode(), 'sha256'))}"
