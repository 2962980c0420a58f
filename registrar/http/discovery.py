"""Authorization server metadata (RFC 8414, OpenID Connect Discovery 1.0): the operator's document, completed from the policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import falcon

from registrar.http.answers import encode
from registrar.policy import PolicySet
from registrar.service import Refusal
from registrar.wire import ErrorCode

_KEPT: Final = "public, max-age=60"  # a policy that is reloaded is seen by all within a minute
_ABSENT: Final = "no authorization server metadata is configured: the operator sets metadata in the settings file"

_ADMITTED: Final[Mapping[str, tuple[str, ...]]] = {"none": (), "some": ("none", "Bearer"), "all": ("Bearer",)}


def well_known_paths(issuer: str) -> tuple[str, ...]:
    """The paths under which the metadata of `issuer` is asked for.

    RFC 8414 §3.1 inserts the well-known part before the issuer's path (without its terminating slash); OpenID Connect Discovery
    §4 appends it. Clients try both.
    """
    path = issuer_path(issuer)
    names = ("oauth-authorization-server", "openid-configuration")
    inserted = [f"/.well-known/{name}{path}" for name in names]
    return tuple(dict.fromkeys((*inserted, *(f"{path}/.well-known/{name}" for name in names))))


def issuer_path(issuer: str) -> str:
    """The path of `issuer`, without a terminating slash; "" when it has none."""
    _, _, rest = issuer.partition("://")
    _, slash, path = rest.partition("/")
    return (slash + path).rstrip("/")


@dataclass(frozen=True, slots=True)
class _Document:
    revision: str
    body: bytes


class Discovery:
    """The metadata document, computed once for each policy revision.

    MUST: `issuer` is byte for byte the configured one (RFC 8414 §3.3), and every URL comes from it, never from a request. What
    the policy offers replaces what the operator's document says about the same, so that no client is invited to what is refused.

    Where the policy looks at initial access tokens, `registration_endpoint_auth_methods_supported` says so: [Bearer] when nobody
    can register without one, [none, Bearer] when some can. RFC 8414 §2 registers no member for this and allows others; its
    name and values are made as those of the other endpoints are (`introspection_endpoint_auth_methods_supported`: methods, or
    types of access tokens, as IANA has them). Without the member, registration is open.
    """

    def __init__(self, issuer: str, metadata: Mapping[str, object] | None, policies: Callable[[], PolicySet]) -> None:
        self._issuer = issuer
        self._metadata = metadata
        self._policies = policies
        self._document = _Document("", b"")

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """200 with the document, 404 when the settings have none."""
        if self._metadata is None:
            raise Refusal(404, ErrorCode.INVALID_REQUEST, _ABSENT)
        resp.data = self._current(self._metadata).body
        resp.content_type = falcon.MEDIA_JSON
        resp.set_header("Cache-Control", _KEPT)

    on_head = on_get

    def _current(self, metadata: Mapping[str, object]) -> _Document:
        """Two threads that meet a new revision both compute it, and either result is right: one reference is swapped."""
        policies = self._policies()
        if self._document.revision != policies.revision:
            self._document = _Document(policies.revision, encode(_complete(self._issuer, metadata, policies)))
        return self._document


def _complete(issuer: str, metadata: Mapping[str, object], policies: PolicySet) -> dict[str, object]:
    offers = policies.offers
    offered = {
        "token_endpoint_auth_methods_supported": offers.auth_methods,
        "grant_types_supported": offers.grant_types,
        "response_types_supported": offers.response_types,
        "scopes_supported": offers.scopes,
        "registration_endpoint_auth_methods_supported": _ADMITTED[policies.token_use],
    }
    return {
        "response_types_supported": [],  # required by RFC 8414 §2, even of a policy that offers none
        **metadata,
        **{name: list(values) for name, values in offered.items() if values},
        "issuer": issuer,
        "registration_endpoint": f"{issuer.rstrip('/')}/register",
    }
