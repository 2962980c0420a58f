"""The MCP Python SDK's built-in authorization server with the registrar's clients.

`RegistrarClients` has the two client methods of an `OAuthAuthorizationServerProvider`; those about codes and tokens stay yours.
"""

import base64
from typing import Any
from urllib.parse import unquote

from anyio import to_thread
from mcp.server.auth.handlers.token import TokenHandler
from mcp.server.auth.middleware.client_auth import AuthenticationError, ClientAuthenticator
from mcp.server.auth.provider import OAuthAuthorizationServerProvider, RegistrationError
from mcp.server.auth.routes import TOKEN_PATH, cors_middleware, create_auth_routes
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyHttpUrl, AnyUrl, PrivateAttr
from starlette.requests import Request
from starlette.routing import Route

from registrar.embedded import Embedded, RegisteredClient, RegistrationRefusedError

# What the SDK makes up before it asks: the registrar makes its own.
_MINTED = {"client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at", "issuer"}
_ERRORS = ("invalid_redirect_uri", "invalid_client_metadata", "invalid_software_statement", "unapproved_software_statement")


class Client(OAuthClientInformationFull):
    """A client of the registrar, whose redirect URIs the registrar compares: the SDK knows no free port on loopback."""

    _registrar: Embedded = PrivateAttr()

    @classmethod
    def of(cls, registered: RegisteredClient, registrar: Embedded) -> "Client":
        """The client as the SDK has it."""
        client = cls.model_validate({**registered.metadata, "client_id": registered.client_id})
        client._registrar = registrar  # noqa: SLF001  # pydantic takes no private attribute in the constructor
        return client

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        """The redirect URI to use. Raises InvalidRedirectUriError when it is not the client's."""
        if redirect_uri is None or not self._registrar.allows_redirect(self.client_id, str(redirect_uri)):
            return super().validate_redirect_uri(redirect_uri)  # the only one, where a request has none; or the SDK's error
        return redirect_uri


class RegistrarClients:
    """The client methods of a provider: `class Provider(RegistrarClients, MyCodesAndTokens)`."""

    def __init__(self, registrar: Embedded) -> None:
        self.registrar = registrar

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        """The client; None for one that does not exist (any more) or is disabled."""
        registered = await to_thread.run_sync(self.registrar.get_client, client_id)
        return None if registered is None else Client.of(registered, self.registrar)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        """Register it as the policy lets it, and make `client_info`, which the SDK then sends, what became of it.

        Raises RegistrationError with the policy's reason, and RegistrationRefusedError where it is no fault of the client's.
        """
        document = client_info.model_dump(mode="json", exclude_none=True, exclude=_MINTED)
        try:
            made = await to_thread.run_sync(self.registrar.register, document)
        except RegistrationRefusedError as refused:
            if refused.code not in _ERRORS:  # the SDK cannot say 429 or 503: a 500, rather than that the client is at fault
                raise
            code: Any = refused.code
            raise RegistrationError(code, refused.description) from None
        answer = OAuthClientInformationFull.model_validate(made.answer)
        for name in type(answer).model_fields:
            setattr(client_info, name, getattr(answer, name))


class RegistrarAuthenticator(ClientAuthenticator):
    """Authenticates clients at the token endpoint: the SDK's own would need their secrets, of which there are only digests."""

    def __init__(self, provider: OAuthAuthorizationServerProvider[Any, Any, Any], registrar: Embedded) -> None:
        super().__init__(provider)
        self._registrar = registrar

    async def authenticate_request(self, request: Request) -> OAuthClientInformationFull:
        """The client that asks, by the one method that it is registered with. Raises AuthenticationError."""
        form = await request.form()
        basic = _basic(request.headers.get("Authorization", ""))
        client_id, secret = basic or (str(form.get("client_id", "")), str(form.get("client_secret", "")))
        method = "client_secret_basic" if basic else "client_secret_post" if secret else "none"
        client = await self.provider.get_client(client_id)
        if client is None or client.token_endpoint_auth_method != method or form.get("client_id", client_id) != client_id:
            raise AuthenticationError("The client is unknown, or authenticates in another way")
        if method != "none" and not await to_thread.run_sync(self._registrar.authenticate, client_id, secret):
            raise AuthenticationError("The client's secret is wrong")
        return client


def auth_routes(
    provider: OAuthAuthorizationServerProvider[Any, Any, Any], registrar: Embedded, issuer: str, scopes: list[str]
) -> list[Route]:
    """The SDK's routes (`create_auth_routes`) with a token endpoint for clients that have secrets as well."""
    options = ClientRegistrationOptions(enabled=True, valid_scopes=scopes, default_scopes=scopes)
    routes = create_auth_routes(provider, AnyHttpUrl(issuer), client_registration_options=options)
    token = TokenHandler(provider, RegistrarAuthenticator(provider, registrar))
    endpoint = cors_middleware(token.handle, ["POST", "OPTIONS"])
    others = [route for route in routes if route.path != TOKEN_PATH]
    return [*others, Route(TOKEN_PATH, endpoint=endpoint, methods=["POST", "OPTIONS"])]


def _basic(header: str) -> tuple[str, str] | None:
    """Id and secret of HTTP Basic (RFC 6749 §2.3.1); None for another header. Raises AuthenticationError."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        raise AuthenticationError("The Authorization header is not Basic") from None
    return unquote(client_id), unquote(secret)
