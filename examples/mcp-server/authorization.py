"""A tiny authorization server: the authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636), and the registrar's clients.

It keeps codes and tokens in memory, has one user, who is always logged in, and asks him before it gives a code away.
"""

import base64
import hashlib
import html
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from clients import Clients
from mcp.server.auth.provider import AccessToken
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

USER = "alice"
CODE_LIFETIME = 60  # seconds
TOKEN_LIFETIME = 3600

# The host gets the code, so it is what the user has to recognise; a client can call itself anything.
CONSENT = """<!doctype html>
<title>Allow access?</title>
<p>{name} wants to use {resource} as {user}, with the scopes {scope}.
<p>It will be told at <strong>{host}</strong>.
<form method="post"><input type="hidden" name="ticket" value="{ticket}">
<button name="answer" value="yes">Allow</button> <button name="answer" value="no">Refuse</button></form>
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for authorization that was checked. `expires_at` is in epoch seconds."""

    client_id: str
    redirect_uri: str
    state: str
    scope: str
    challenge: str
    resource: str
    expires_at: float


class RefusedError(Exception):
    """A token request that is refused: `error` is a code of RFC 6749 §5.2."""

    def __init__(self, error: str, status: int = 400) -> None:
        self.error = error
        self.status = status
        super().__init__(error)


class AuthorizationServer:
    """`issuer` is the registrar's, whose metadata sends clients here; `resource` is the MCP server that tokens are for."""

    def __init__(self, clients: Clients, *, issuer: str, resource: str) -> None:
        self._clients = clients
        self._issuer = issuer
        self._resource = resource
        self._tickets: dict[str, Asked] = {}
        self._codes: dict[str, Asked] = {}
        self._tokens: dict[str, AccessToken] = {}

    async def authorize(self, request: Request) -> Response:
        """The authorization endpoint: GET asks the user, POST is his answer."""
        if request.method == "POST":
            return await self._answered(request)
        query = request.query_params
        client = await self._clients.find(query.get("client_id", ""))
        # RFC 6749 §4.1.2.1: while it is not known whose redirect URI this is, nobody is sent there.
        if client is None:
            return HTMLResponse("<p>There is no such client.", 400)
        if not await self._clients.allows_redirect(client["client_id"], query.get("redirect_uri", "")):
            return HTMLResponse("<p>The client is not registered with this redirect URI.", 400)
        if error := self._mistake(client, query):
            return self._redirect(query["redirect_uri"], error=error, state=query.get("state", ""))
        return self._consent(client, query)

    async def token(self, request: Request) -> Response:
        """The token endpoint."""
        headers = {"Cache-Control": "no-store"}
        try:
            form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
            client_id = await self._authenticated(request, form)
            return JSONResponse(await self._exchange(client_id, form), headers=headers)
        except RefusedError as refused:
            return JSONResponse({"error": refused.error}, refused.status, headers)

    async def verify_token(self, token: str) -> AccessToken | None:
        """What a token stands for; None for one that is not valid, also because its client is gone (an MCP TokenVerifier)."""
        found = self._tokens.get(token)
        if found is None or await self._clients.find(found.client_id) is None:
            return None
        return found

    def _mistake(self, client: Mapping[str, Any], query: Mapping[str, str]) -> str:
        """The error code for a request that cannot be granted, "" for one that can."""
        if query.get("response_type") != "code":
            return "unsupported_response_type"
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            return "invalid_request"
        if query.get("resource", self._resource) != self._resource:
            return "invalid_target"  # RFC 8707 §2
        return "" if set(query.get("scope", "").split()) <= set(client.get("scope", "").split()) else "invalid_scope"

    def _consent(self, client: Mapping[str, Any], query: Mapping[str, str]) -> Response:
        ticket = secrets.token_urlsafe(32)
        scope = query.get("scope") or client.get("scope", "")
        uri = query["redirect_uri"]
        self._tickets[ticket] = Asked(
            client_id=client["client_id"],
            redirect_uri=uri,
            state=query.get("state", ""),
            scope=scope,
            challenge=query["code_challenge"],
            resource=self._resource,
            expires_at=time.time() + CODE_LIFETIME,
        )
        shown = {
            "name": client.get("client_name", "A client"),
            "resource": self._resource,
            "user": USER,
            "scope": scope,
            "host": urlsplit(uri).netloc,
            "ticket": ticket,
        }
        page = CONSENT.format(**{name: html.escape(text) for name, text in shown.items()})
        # No other site may frame the page, and steal the click.
        return HTMLResponse(page, headers={"Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": "no-store"})

    async def _answered(self, request: Request) -> Response:
        form = await request.form()
        asked = self._tickets.pop(str(form.get("ticket")), None)
        if asked is None or asked.expires_at < time.time():
            return HTMLResponse("<p>This page is too old. Go back to the program that sent you.", 400)
        if form.get("answer") != "yes":
            return self._redirect(asked.redirect_uri, error="access_denied", state=asked.state)
        code = secrets.token_urlsafe(32)
        self._codes[code] = asked
        return self._redirect(asked.redirect_uri, code=code, state=asked.state)

    def _redirect(self, uri: str, **parameters: str) -> Response:
        """Back to the client, with the issuer beside the answer (RFC 9207)."""
        base, _, query = uri.partition("?")
        given = {**parameters, "iss": self._issuer}
        pairs = [*parse_qsl(query, keep_blank_values=True), *((name, value) for name, value in given.items() if value)]
        return RedirectResponse(f"{base}?{urlencode(pairs)}", 302, {"Cache-Control": "no-store"})

    async def _authenticated(self, request: Request, form: Mapping[str, str]) -> str:
        """The client that asks, by the method that it is registered with and no other (RFC 6749 §2.3)."""
        basic = _basic(request.headers.get("Authorization", ""))
        client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        used = "client_secret_basic" if basic else "client_secret_post" if secret else "none"
        client = await self._clients.find(client_id)
        if client is None or client["token_endpoint_auth_method"] != used:
            raise RefusedError("invalid_client", 401)
        if used != "none" and not await self._clients.authenticate(client_id, secret):
            raise RefusedError("invalid_client", 401)
        return client_id

    async def _exchange(self, client_id: str, form: Mapping[str, str]) -> Mapping[str, object]:
        if form.get("grant_type") != "authorization_code":
            raise RefusedError("unsupported_grant_type")
        asked = self._codes.pop(form.get("code", ""), None)  # a code is good for one attempt
        if asked is None or asked.client_id != client_id or asked.expires_at < time.time():
            raise RefusedError("invalid_grant")
        if asked.redirect_uri != form.get("redirect_uri") or not _proves(form.get("code_verifier", ""), asked.challenge):
            raise RefusedError("invalid_grant")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = AccessToken(
            token=token,
            client_id=client_id,
            scopes=asked.scope.split(),
            expires_at=int(time.time()) + TOKEN_LIFETIME,
            resource=asked.resource,
            subject=USER,
        )
        await self._clients.seen(client_id)
        return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME, "scope": asked.scope}


def _basic(header: str) -> tuple[str, str] | None:
    """Id and secret of HTTP Basic, each form-encoded in it (RFC 6749 §2.3.1); None for another header."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        raise RefusedError("invalid_client", 401) from None
    return unquote(client_id), unquote(secret)


def _proves(verifier: str, challenge: str) -> bool:
    """Whether whoever comes with the code is who asked for it (RFC 7636 §4.6)."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return secrets.compare_digest(digest.encode(), challenge.encode())
