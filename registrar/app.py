"""The wiring: which parts make the program, and how they are put together. Nothing else does that."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import falcon

from registrar.http import (
    Cors,
    Discovery,
    Liveness,
    Readiness,
    Registrations,
    RequestLog,
    SecurityHeaders,
    SourceReader,
    install_error_handlers,
    issuer_path,
    well_known_paths,
)
from registrar.policy import PolicySet, load
from registrar.schema import Schema
from registrar.service import Registrar, TimeOrderedIds, new_secret
from registrar.settings import Settings
from registrar.store import Store

_STATE_DIR_MODE = 0o700  # the database holds who registered from where


@dataclass(frozen=True, slots=True)
class Checkout:
    """The state of the git repository that the policy tree is in; empty when it is in none."""

    commit: str = ""
    dirty: bool = False


def create_public_app(
    settings: Settings,
    *,
    policies: PolicySet | None = None,
    store: Store | None = None,
    checkout: Checkout = Checkout(),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> falcon.App[Any, Any]:
    """The WSGI app that clients talk to: registration, discovery, health.

    Loads the policy tree and opens the database that `settings` name, where `policies` and `store` are not given.
    Raises LoadError for a tree that does not load, and what `Store.open` raises.
    """
    policies = policies or load_policies(settings)
    store = store or open_store(settings)
    store.activate(policies.revision, policies.files, at=int(clock().timestamp()), commit=checkout.commit, dirty=checkout.dirty)
    return _routes(settings, policies, store, clock)


def load_policies(settings: Settings) -> PolicySet:
    """The policy tree of `settings`. Raises LoadError with every mistake in it."""
    return load(settings.policies, Schema.load("policy"))


def open_store(settings: Settings) -> Store:
    """The store of `settings`; makes the folder of an embedded database when it is missing.

    Raises what `Store.open` raises, and OSError.
    """
    if settings.database_url.startswith(f"sqlite:///{settings.state_dir}/"):
        settings.state_dir.mkdir(mode=_STATE_DIR_MODE, parents=True, exist_ok=True)
    return Store.open(settings.database_url)


def _routes(settings: Settings, policies: PolicySet, store: Store, clock: Callable[[], datetime]) -> falcon.App[Any, Any]:
    def current() -> PolicySet:
        return policies

    sources = SourceReader(settings.trusted_proxies, settings.proxy_header)
    # Answers pass the middleware from the last to the first, so that the log sees them finished.
    app: falcon.App[Any, Any] = falcon.App(middleware=[RequestLog(sources), SecurityHeaders(), Cors(settings.cors_origins)])
    install_error_handlers(app)

    schema = Schema.load("registration-request")
    registrar = Registrar(
        current, store, schema, clock=clock, new_id=TimeOrderedIds(clock, secrets.token_bytes), new_secret=new_secret
    )
    registrations = Registrations(registrar, sources, max_body=settings.max_body, max_depth=settings.max_depth)
    discovery = Discovery(settings.issuer, settings.metadata, current)
    for path in dict.fromkeys(("/register", f"{issuer_path(settings.issuer)}/register")):
        app.add_route(path, registrations)
    for path in well_known_paths(settings.issuer):
        app.add_route(path, discovery)
    app.add_route("/healthz", Liveness())
    app.add_route("/readyz", Readiness(store, current))
    return app
