"""The wiring: which parts make the program, and how they are put together. Nothing else does that."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import falcon

from registrar.http import (
    ClientConfiguration,
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
from registrar.http.measured import Measured
from registrar.http.openapi import private_description, public_description
from registrar.http.private import add_private_routes
from registrar.metrics import Asked, Counts, Metrics
from registrar.policy import PolicySet, load
from registrar.schema import Schema
from registrar.service import (
    Checkout,
    Clients,
    Management,
    Policies,
    PolicyTree,
    Registrar,
    Sweeper,
    TimeOrderedIds,
    new_secret,
)
from registrar.service.observer import Observer
from registrar.service.provisioning import Provisioning
from registrar.service.refusals import Refusals
from registrar.service.software import TrustedIssuers
from registrar.service.tokens import Tokens
from registrar.service.usage import usage_page
from registrar.settings import Settings
from registrar.store import Meter, Places, Store, StoreUnavailable

__all__ = [
    "Checkout",
    "create_clients",
    "create_private_app",
    "create_provisioning",
    "create_public_app",
    "create_refusals",
    "create_registrar",
    "create_sweeper",
    "create_tokens",
    "load_policies",
    "load_trusted",
    "open_policies",
    "open_store",
]

_STATE_DIR_MODE = 0o700  # the database holds who registered from where

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


def _no_checkout(_tree: Path) -> Checkout:
    return Checkout()


def create_public_app(
    settings: Settings,
    *,
    policies: Policies | None = None,
    store: Store | None = None,
    refusals: Refusals | None = None,
    counts: Counts | None = None,
    checkout: Callable[[Path], Checkout] = _no_checkout,
    clock: Clock = _now,
) -> falcon.App[Any, Any]:
    """The WSGI app that clients talk to: registration, discovery, health. What happens is told to `counts`.

    Loads the policy tree and opens the database that `settings` name, where `policies` and `store` are not given. Whoever gives
    `refusals` can close them before the store. Raises LoadError for a tree, or keys of software statements, that do not load, and
    what `Store.open` raises.
    """
    # The files first: without a policy no database is made.
    first = policy_tree(settings).load() if policies is None else None
    trusted = load_trusted(settings)
    store = store or open_store(settings)
    policies = policies or open_policies(settings, store, first=first, checkout=checkout, clock=clock)
    policies.accompany(trusted.refresh)
    refusals = refusals or create_refusals(settings, store, clock=clock)
    registrar = create_registrar(settings, policies, store, trusted=trusted, refusals=refusals, observer=counts, clock=clock)
    management = create_management(settings, policies, store, trusted=trusted, refusals=refusals, observer=counts, clock=clock)
    return _routes(settings, policies, store, registrar, management, counts=counts)


def create_private_app(
    *, policies: Policies, store: Store, metrics: Metrics | None = None, clock: Clock = _now
) -> falcon.App[Any, Any]:
    """The WSGI app that authorization servers, administrators and auditors talk to, on a port that clients do not reach.

    It tells `metrics`, its own where they are not given.
    """
    metrics = metrics or Metrics()
    measured = Measured("private", metrics.counts)
    app: falcon.App[Any, Any] = falcon.App(middleware=[measured, RequestLog(SourceReader(())), SecurityHeaders()])
    install_error_handlers(app)
    add_private_routes(
        app,
        create_tokens(store, clock=clock),
        clients=create_clients(store, clock=clock),
        store=store,
        usage=lambda name, after, most: usage_page(
            policies.current(), store, clock().timestamp(), name=name, after=after, most=most
        ),
        metrics=partial(metrics.render, Asked(lambda: policies.in_force, store.tally)),
    )
    app.add_route("/healthz", Liveness())
    app.add_route("/readyz", Readiness(store, lambda: policies.in_force))
    app.add_route("/openapi.json", private_description())
    return app


def open_policies(
    settings: Settings,
    store: Store,
    *,
    first: PolicySet | None = None,
    checkout: Callable[[Path], Checkout] = _no_checkout,
    late: bool = False,
    clock: Clock = _now,
) -> Policies:
    """The policies of `settings`, in force and ready to be replaced: `first`, or what the tree on disk says now.

    `checkout` tells what git knows about a tree; `late` is as for `Policies`. Raises LoadError, and StoreUnavailable.
    """
    tree = policy_tree(settings)
    return Policies(first or tree.load(), tree, store, clock=clock, checkout=lambda: checkout(settings.policies), late=late)


def policy_tree(settings: Settings) -> PolicyTree:
    """The tree of `settings` as a server takes it, at its start and later: with `reload_tests`, if its own suites pass."""
    tested = Schema.load("registration-request") if settings.reload_tests else None
    return PolicyTree(settings.policies, Schema.load("policy"), tested=tested)


def load_policies(settings: Settings) -> PolicySet:
    """The policy tree of `settings`. Raises LoadError with every mistake in it."""
    return load(settings.policies, Schema.load("policy"))


def open_store(settings: Settings, *, meter: Meter | None = None, places: Places | None = None, upgrade: bool = True) -> Store:
    """The store of `settings`; makes the folder of an embedded database when it is missing. The rest is as for `Store.open`."""
    if settings.database_url.startswith(f"sqlite:///{settings.state_dir}/"):
        _make_folder(settings.state_dir)
    return Store.open(settings.database_url, meter=meter, places=places, upgrade=upgrade)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=_STATE_DIR_MODE, parents=True, exist_ok=True)
    except FileExistsError:
        raise StoreUnavailable(f"the state folder {folder} is a file") from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise StoreUnavailable(f"the state folder {folder} cannot be made: {reason}") from error


def load_trusted(settings: Settings) -> TrustedIssuers:
    """Whose software statements `settings` believe. Raises LoadError with every mistake in the files with their keys."""
    return TrustedIssuers(settings.software_statements)


def create_registrar(
    settings: Settings,
    policies: Policies,
    store: Store,
    *,
    trusted: TrustedIssuers | None = None,
    refusals: Refusals | None = None,
    observer: Observer | None = None,
    clock: Clock = _now,
) -> Registrar:
    """What admits clients, whether they come over HTTP or from the program that it is part of.

    Whose software statements are believed is loaded where `trusted` does not say it; raises as `load_trusted`.
    """
    return Registrar(
        policies.current,
        store,
        Schema.load("registration-request"),
        clock=clock,
        new_id=TimeOrderedIds(clock, secrets.token_bytes),
        new_secret=new_secret,
        issuer=settings.issuer if settings.management else "",
        trusted=trusted or load_trusted(settings),
        refusals=refusals or create_refusals(settings, store, clock=clock),
        observer=observer,
    )


def create_management(
    settings: Settings,
    policies: Policies,
    store: Store,
    *,
    trusted: TrustedIssuers,
    refusals: Refusals,
    observer: Observer | None = None,
    clock: Clock = _now,
) -> Management:
    """What lets clients manage their own registration, where `settings` let them."""
    return Management(
        policies.current,
        store,
        Schema.load("registration-request"),
        clock=clock,
        new_id=TimeOrderedIds(clock, secrets.token_bytes),
        new_secret=new_secret,
        issuer=settings.issuer,
        rotate_token=settings.rotate_registration_token,
        rotate_secret=settings.rotate_client_secret,
        trusted=trusted,
        refusals=refusals,
        observer=observer,
    )


def create_refusals(settings: Settings, store: Store, *, clock: Clock = _now) -> Refusals:
    """Where refusals are written down: to be closed before the store."""
    new_id = TimeOrderedIds(clock, secrets.token_bytes)
    return Refusals(store, clock=clock, new_id=new_id, per_minute=settings.recorded_refusals)


def create_provisioning(policies: Callable[[], PolicySet], store: Store, *, clock: Clock = _now) -> Provisioning:
    """What brings static clients, as `policies` decide, whose files the store has to have before anything is carried out."""
    schema = Schema.load("registration-request")
    new_id = TimeOrderedIds(clock, secrets.token_bytes)
    return Provisioning(policies, store, schema, clock=clock, new_id=new_id, new_secret=new_secret)


def create_tokens(store: Store, *, clock: Clock = _now) -> Tokens:
    """What issues and recognises bearer tokens."""
    return Tokens(store, clock=clock, new_id=TimeOrderedIds(clock, secrets.token_bytes), new_secret=new_secret)


def create_clients(store: Store, *, clock: Clock = _now) -> Clients:
    """What answers about clients, and changes them for an administrator."""
    return Clients(store, clock=clock, new_id=TimeOrderedIds(clock, secrets.token_bytes), new_secret=new_secret)


def create_sweeper(store: Store, *, observer: Observer | None = None, clock: Clock = _now) -> Sweeper:
    """What ends the clients whose time is over. It has a name of its own among all that are on the database."""
    new_id = TimeOrderedIds(clock, secrets.token_bytes)
    return Sweeper(store, clock=clock, new_id=new_id, holder=secrets.token_hex(8), observer=observer)


def _routes(
    settings: Settings, policies: Policies, store: Store, registrar: Registrar, management: Management, *, counts: Counts | None
) -> falcon.App[Any, Any]:
    sources = SourceReader(settings.trusted_proxies, settings.proxy_header)
    # Answers pass the middleware from the last to the first, so that the log sees them finished.
    measured: list[Any] = [Measured("public", counts)] if counts else []
    middleware = [*measured, RequestLog(sources), SecurityHeaders(), Cors(settings.cors_origins)]
    app: falcon.App[Any, Any] = falcon.App(middleware=middleware)
    install_error_handlers(app)

    registrations = Registrations(registrar, sources, max_body=settings.max_body, max_depth=settings.max_depth)
    if settings.management:
        configuration = ClientConfiguration(management, sources, max_body=settings.max_body, max_depth=settings.max_depth)
        for path in dict.fromkeys(("/register/{client_id}", f"{issuer_path(settings.issuer)}/register/{{client_id}}")):
            app.add_route(path, configuration)
    discovery = Discovery(settings.issuer, settings.metadata, policies.current)
    for path in dict.fromkeys(("/register", f"{issuer_path(settings.issuer)}/register")):
        app.add_route(path, registrations)
    for path in well_known_paths(settings.issuer):
        app.add_route(path, discovery)
    app.add_route("/healthz", Liveness())
    app.add_route("/readyz", Readiness(store, lambda: policies.in_force))
    unserved = () if settings.management else ("/register/{client_id}",)
    app.add_route("/openapi.json", public_description(settings.issuer, without=unserved))
    return app
