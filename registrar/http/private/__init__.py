"""The private app: what authorization servers, administrators and auditors ask, each with a token of their role."""

from collections.abc import Callable
from typing import Any

import falcon

from registrar.http.private.administration import ClientAdministration, ClientList, ClientView
from registrar.http.private.audit import DecisionList, DecisionView, RevisionList, RevisionView
from registrar.http.private.guard import Guard
from registrar.http.private.limits import LimitList, UsagePage
from registrar.http.private.lookups import Lookups
from registrar.http.private.scrape import Scrape
from registrar.service import Clients
from registrar.service.tokens import Tokens
from registrar.store import Store

__all__ = ["Guard", "add_private_routes"]


def add_private_routes(
    app: falcon.App[Any, Any],
    tokens: Tokens,
    *,
    clients: Clients,
    store: Store,
    usage: UsagePage,
    metrics: Callable[[], tuple[bytes, str]],
) -> None:
    """Every route behind a role token. An administrator may read what an auditor reads, and everybody the `metrics`."""
    server, admin, reader = Guard(tokens, "authorization_server"), Guard(tokens, "admin"), Guard(tokens, "auditor", "admin")
    app.add_route("/as/v1/clients/{rest:path}", Lookups(server, clients))
    app.add_route("/admin/v1/clients", ClientList(admin, store))
    app.add_route("/admin/v1/clients/{rest:path}", ClientAdministration(admin, clients, store))
    app.add_route("/admin/v1/limits", LimitList(admin, usage))
    app.add_route("/audit/v1/clients", ClientList(reader, store))
    app.add_route("/audit/v1/clients/{rest:path}", ClientView(reader, clients, store))
    app.add_route("/audit/v1/decisions", DecisionList(reader, store))
    app.add_route("/audit/v1/decisions/{decision_id}", DecisionView(reader, store))
    app.add_route("/audit/v1/revisions", RevisionList(reader, store))
    app.add_route("/audit/v1/revisions/{revision}", RevisionView(reader, store))
    app.add_route("/metrics", Scrape(Guard(tokens, "auditor", "admin", "authorization_server"), metrics))
