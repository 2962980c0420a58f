"""JSON Web Keys that a client registers: public ones only, of known types, of sizes that neither break nor burden (RFC 7517)."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping

_MAX_KEYS = 100
# RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2. `priv` is that of newer key types.
# A client that sends one has given its private key away.
PRIVATE_KEY_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 16384  # RFC 7518 §3.3 asks for 2048; the upper bound keeps verification cheap.
_EC_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}  # RFC 7518 §6.2.1, RFC 8812 §3.1
_OKP_BYTES = {"Ed25519": 32, "Ed448": 57, "X25519": 32, "X448": 56}  # RFC 8037 §3


def key_set_mistakes(jwks: object) -> Iterator[str]:
    """What is wrong with a JWK set, each beginning with a verb or `key <number from 1>`.

    MUST: an object whose `keys` is a list of 1 to 100 public keys; each has a `kty` of RSA, EC or OKP and what its type
    needs, in their sizes; no private member in any.
    """
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, (list, tuple)) or not keys:
        yield "must be an object with a list keys that is not empty"
    elif len(keys) > _MAX_KEYS:
        yield f"must not have more than {_MAX_KEYS} keys"
    else:
        for number, key in enumerate(keys, 1):
            if (mistake := _key_mistake(key)) is not None:
                yield f"key {number} {mistake}"


def _key_mistake(key: object) -> str | None:
    if not isinstance(key, Mapping):
        return "must be an object"
    kty = key.get("kty")
    if kty == "oct" or not PRIVATE_KEY_MEMBERS.isdisjoint(key):
        return "must be a public key without private members"
    check = _CHECKS.get(kty) if isinstance(kty, str) else None
    return "must have the kty RSA, EC or OKP" if check is None else check(key)


def _rsa_mistake(key: Mapping[str, object]) -> str | None:
    modulus, exponent = _decoded(key.get("n")), _decoded(key.get("e"))
    if modulus is None or exponent is None:
        return "must have n and e in base64url"
    if not _MIN_RSA_BITS <= int.from_bytes(modulus).bit_length() <= _MAX_RSA_BITS:
        return f"must have a modulus of {_MIN_RSA_BITS} to {_MAX_RSA_BITS} bits"
    # With the exponent 1 every signature is the message itself.
    return None if int.from_bytes(exponent) % 2 == 1 and int.from_bytes(exponent) > 1 else "must have an odd exponent above 1"


def _ec_mistake(key: Mapping[str, object]) -> str | None:
    return _point_mistake(key, _EC_BYTES, ("x", "y"))


def _okp_mistake(key: Mapping[str, object]) -> str | None:
    return _point_mistake(key, _OKP_BYTES, ("x",))


def _point_mistake(key: Mapping[str, object], sizes: Mapping[str, int], coordinates: tuple[str, ...]) -> str | None:
    curve = key.get("crv")
    size = sizes.get(curve) if isinstance(curve, str) else None
    if size is None:
        return f"must have the crv {', '.join(sizes)}"
    for name in coordinates:
        value = _decoded(key.get(name))
        if value is None or len(value) != size:
            return f"must have {name} of {size} bytes in base64url"
    return None


def _decoded(text: object) -> bytes | None:
    """The bytes of an unpadded base64url string (RFC 7515 §2), or None when it is none."""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        return None
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_CHECKS: Mapping[str, Callable[[Mapping[str, object]], str | None]] = {
    "RSA": _rsa_mistake,
    "EC": _ec_mistake,
    "OKP": _okp_mistake,
}
