"""Authlib's authorization server with the registrar's clients: what `query_client` returns."""

from collections.abc import Callable

from authlib.oauth2.rfc6749 import ClientMixin

from registrar.embedded import Embedded, RegisteredClient


class Client(ClientMixin):
    """A client of the registrar as Authlib asks about it."""

    def __init__(self, registered: RegisteredClient, registrar: Embedded) -> None:
        self.registered = registered
        self._registrar = registrar

    def get_client_id(self) -> str:
        """The client's id."""
        return self.registered.client_id

    def get_default_redirect_uri(self) -> str | None:
        """The redirect URI for a request without one: the client's, if it has no other (RFC 6749 §3.1.2.3)."""
        return self.registered.redirect_uris[0] if len(self.registered.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        """The scopes among `scope` that the client may have; all of them when it asks for none in particular."""
        asked = scope.split() if scope else self.registered.scopes
        return " ".join(name for name in asked if name in self.registered.scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it is one of the client's: exactly, but for the port on loopback (RFC 8252 §7.3)."""
        return self._registrar.allows_redirect(self.registered.client_id, redirect_uri)

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether it is the client's secret, which the registrar has only a digest of. This counts as a use of the client."""
        return self._registrar.authenticate(self.registered.client_id, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        """Whether this is the method that the client is registered with, at every endpoint."""
        return method == self.registered.auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Whether the client may ask the authorization endpoint for this."""
        return response_type in self.registered.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the client may come to the token endpoint with this."""
        return grant_type in self.registered.grant_types


def query_client(registrar: Embedded) -> Callable[[str], Client | None]:
    """The function that Authlib's `AuthorizationServer` takes."""

    def query(client_id: str) -> Client | None:
        registered = registrar.get_client(client_id)
        return None if registered is None else Client(registered, registrar)

    return query
