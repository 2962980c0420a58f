"""/admin/v1: what an administrator sees of the clients, and does with them; /audit/v1/clients: the same to read."""

from collections.abc import Callable, Mapping
from typing import Final

import falcon

from registrar.http.answers import set_json
from registrar.http.private.documents import client_record, decision_document
from registrar.http.private.guard import Guard
from registrar.http.private.paths import split_action
from registrar.http.private.query import Query
from registrar.service import Clients, GoneError
from registrar.store import Client, Store

_FILTERS: Final = ("status", "profile", "since", "after", "limit")


class ClientList:
    """All clients and tombstones, page by page, newest first."""

    def __init__(self, guard: Guard, store: Store) -> None:
        self._guard = guard
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200 with a page; `next` is the `after` of the page behind it, and is there when this one is full."""
        self._guard.admit(req)
        query = Query(req, _FILTERS)
        limit = query.limit()
        page = self._store.page(
            after=query.text("after"),
            limit=limit,
            status=query.status(),
            profile=query.text("profile") or None,
            since=query.since(),
        )
        further = {"next": page[-1].client_id} if len(page) == limit else {}
        set_json(resp, {"clients": [client_record(client) for client in page], **further})

    on_head = on_get


class ClientView:
    """One client or tombstone, with the decision that made it what it is."""

    def __init__(self, guard: Guard, clients: Clients, store: Store) -> None:
        self._guard = guard
        self._clients = clients
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, rest: str) -> None:
        """200; 404 for a client that never was."""
        self._guard.admit(req)
        client = self._find(rest)
        decision = self._store.decision(client.decision_id)
        set_json(resp, {**client_record(client), "decision": decision and decision_document(decision)})

    on_head = on_get

    def _find(self, client_id: str) -> Client:
        try:
            return self._clients.get(client_id)
        except GoneError as gone:
            return gone.client


class ClientAdministration(ClientView):
    """The same, and what can be done with it: the last segment of a POST is the deed, the rest the id."""

    def __init__(self, guard: Guard, clients: Clients, store: Store) -> None:
        super().__init__(guard, clients, store)
        self._deeds: Mapping[str, Callable[[falcon.Response, str, str], None]] = {
            "disable": self._disable,
            "enable": self._enable,
            "rotate-secret": self._rotate_secret,
        }

    def on_post(self, req: falcon.Request, resp: falcon.Response, rest: str) -> None:
        """204, or 200 with a new secret; 404, 410."""
        by = self._who(req)
        client_id, do = split_action(rest, self._deeds)
        do(resp, client_id, by)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, rest: str) -> None:
        """204; 404, 410."""
        self._clients.delete(rest, by=self._who(req))
        resp.status = falcon.HTTP_204

    def _who(self, req: falcon.Request) -> str:
        """Who the journal says it was: the token, by its id."""
        token = self._guard.admit(req)
        return f"{token.kind}:{token.id}"

    def _disable(self, resp: falcon.Response, client_id: str, by: str) -> None:
        self._clients.disable(client_id, by=by)
        resp.status = falcon.HTTP_204

    def _enable(self, resp: falcon.Response, client_id: str, by: str) -> None:
        self._clients.enable(client_id, by=by)
        resp.status = falcon.HTTP_204

    def _rotate_secret(self, resp: falcon.Response, client_id: str, by: str) -> None:
        """The new secret is told here and nowhere else."""
        secret = self._clients.rotate_secret(client_id, by=by)
        set_json(resp, {"client_id": client_id, "client_secret": secret.text, "client_secret_expires_at": secret.expires_at})
