"""An issuer whose software statements are believed, and the keys that it signs with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from registrar.errors import RegistrarError
from registrar.wire import key_set_mistakes

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
    "Ed448",
)
"""What a statement can be signed with: asymmetric signatures only, since whoever can check another kind can make one."""

_ASYMMETRIC: Final = (RSAKey, ECKey, OKPKey)


class TrustError(RegistrarError):
    """Keys or algorithms that nobody can be trusted by; `mistakes` each begin with a verb or a subject."""

    def __init__(self, *mistakes: str) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(mistakes))


@dataclass(frozen=True, slots=True)
class Trust:
    """An `issuer` (the claim `iss`, byte for byte) whose statements are believed when a key of `jwks` signed them.

    MUST: `jwks` has public keys only, each fit for what its type and curve say; `algorithms` are asymmetric, and each of the keys
    is used with the algorithm that it names, where it names one. Raises TrustError.

    `audience` is what `aud` of a statement must have. Without one, a statement must have no `aud`: it would be for somebody else.
    """

    issuer: str
    jwks: Mapping[str, object]
    algorithms: tuple[str, ...]
    audience: str = ""
    _keys: Mapping[str, tuple[Key, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unknown = [name for name in self.algorithms if name not in ALGORITHMS]
        mistakes = [f"algorithm {name} is none that a statement can be signed with" for name in unknown]
        mistakes += key_set_mistakes(self.jwks)
        if mistakes:
            raise TrustError(*mistakes)
        keys = _imported(cast("list[dict[str, Any]]", self.jwks["keys"]))
        fitting = {name: tuple(key for key in keys if _fits(key, name)) for name in self.algorithms}
        if not any(fitting.values()):
            raise TrustError("must have a key for one of the algorithms")
        object.__setattr__(self, "_keys", fitting)

    def keys(self, algorithm: str, kid: str | None) -> tuple[Key, ...]:
        """The keys that may have signed with `algorithm`; all of them where the statement names no key id."""
        return tuple(key for key in self._keys.get(algorithm, ()) if kid is None or key.kid == kid)


def _imported(jwks: list[dict[str, Any]]) -> list[Key]:
    """Raises TrustError with every key that its own mathematics refuse (a point that is not on its curve)."""
    keys: list[Key] = []
    mistakes = []
    for number, jwk in enumerate(jwks, 1):
        try:
            key = JWKRegistry.import_key(jwk)
            _ = key.public_key
        except (JoseError, ValueError, TypeError):
            mistakes.append(f"key {number} is no usable key of its type")
        else:
            keys.append(key)
    if mistakes:
        raise TrustError(*mistakes)
    return keys


def _fits(key: Key, algorithm: str) -> bool:
    """Whether `key` is of the type and curve of `algorithm`, and made for it and for signatures (RFC 7517 §4.2 to §4.4).

    The kinds of key are compared here too: whoever mistakes a public key for a secret lets everybody sign (RFC 8725 §2.1).
    """
    if isinstance(key, OctKey) or not isinstance(key, _ASYMMETRIC):
        return False
    try:
        JWSRegistry.algorithms[algorithm].check_key(key)
        key.check_key_op("verify")
    except JoseError:
        return False
    return True
