"""What an authorization server asks the registrar, through the registrar's private app."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx2

_NO_CLIENT = (404, 410)  # there never was one; it is deleted or expired


class Clients:
    """The registrar's clients. `origin` is the private app, `token` one of the kind `authorization_server`."""

    def __init__(self, origin: str, token: str) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"{origin}/as/v1/clients/", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )

    async def find(self, client_id: str) -> Mapping[str, Any] | None:
        """The client's metadata (RFC 7591 §2) as the policy made it, with its id; None for a client that may not be used."""
        answer = await self._http.get(quote(client_id, safe=""))
        if answer.status_code in _NO_CLIENT:
            return None
        client = answer.raise_for_status().json()
        return {**client["metadata"], "client_id": client["client_id"]} if client["status"] == "active" else None

    async def allows_redirect(self, client_id: str, uri: str) -> bool:
        """Whether `uri` is one of the client's redirect URIs: the same string, or on loopback the same but for the port."""
        return bool((await self._ask(client_id, "redirect", {"redirect_uri": uri}))["allowed"])

    async def authenticate(self, client_id: str, secret: str) -> bool:
        """Whether `secret` is the client's."""
        return bool((await self._ask(client_id, "authenticate", {"client_secret": secret}))["authenticated"])

    async def seen(self, client_id: str) -> None:
        """Tell the registrar that the client was used: one that nobody uses expires, if the policy says so."""
        await self._http.post(f"{quote(client_id, safe='')}/seen")

    async def _ask(self, client_id: str, question: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        answer = await self._http.post(f"{quote(client_id, safe='')}/{question}", json=body)
        told: Mapping[str, Any] = answer.raise_for_status().json()
        return told
