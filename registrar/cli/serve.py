"""`registrar serve`."""

import errno
import os
import socket
from contextlib import closing
from urllib.parse import urlsplit

import click

import registrar
from registrar.app import Checkout, load_trusted, open_store, policy_tree
from registrar.cli import processes
from registrar.cli.checkout import find_checkout
from registrar.cli.configured import settings_or_leave
from registrar.cli.exits import BROKEN_TREE, TESTS_FAILED, UNEXPECTED, USAGE, leave
from registrar.errors import LoadError, RegistrarError
from registrar.http import well_known_paths
from registrar.policy import Mode, PolicySet
from registrar.service import TestsFailedError
from registrar.settings import Bind, Settings
from registrar.store import shown


@click.command()
@click.option("--config", metavar="FILE", help="Settings file (YAML). Also REGISTRAR_CONFIG.")
@click.option("--policies", metavar="DIR", help="Policy tree.  [default: the one that ships with the program]")
@click.option("--bind", metavar="HOST:PORT", help="Where to listen.  [default: 127.0.0.1:8000]")
@click.option(
    "--private-bind", metavar="HOST:PORT", help="Where the private app listens; empty: nowhere.  [default: 127.0.0.1:8001]"
)
@click.option("--issuer", metavar="URL", help="Issuer of the authorization server; every URL is built from it.")
@click.option("--state-dir", metavar="DIR", help="Folder of the embedded database.")
@click.option("--database-url", metavar="URL", help="sqlite:///FILE or postgresql://...")
@click.option("--workers", metavar="N", help="Processes that serve clients.  [default: 1; more need PostgreSQL]")
@click.option("--log-format", metavar="FORMAT", help="text or json.")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
def serve(config: str | None, **flags: str | None) -> None:
    """Serve client registration.

    Each flag is a setting; the settings file and REGISTRAR_* variables can say the same and more, and a flag goes first.
    """
    os.umask(0o077)  # the database holds who registered from where
    settings = settings_or_leave(config, {name: value for name, value in flags.items() if value is not None})
    policies = _policies(settings)
    _try_trusted(settings)
    for bind in (settings.bind, settings.private_bind):
        if bind is not None:
            _try_bind(bind)
    _try_store(settings)
    for line in _banner(settings, policies, find_checkout(settings.policies)):
        click.echo(line)
    processes.run(settings)


def _policies(settings: Settings) -> PolicySet:
    try:
        return policy_tree(settings).load()
    except TestsFailedError as error:
        leave(TESTS_FAILED, f"the policy tree {settings.policies} fails its tests:", error.problems)
    except LoadError as error:
        leave(BROKEN_TREE, f"the policy tree {settings.policies} does not load:", error.problems)


def _try_trusted(settings: Settings) -> None:
    """Read the keys of software statements here once, where everything that is wrong with them can be said."""
    try:
        load_trusted(settings)
    except LoadError as error:
        leave(USAGE, "the keys of software_statements do not load:", error.problems)


def _try_bind(bind: Bind) -> None:
    """Find out before anything is started: the server itself would share a port with another one (SO_REUSEPORT)."""
    family = socket.AF_INET6 if ":" in bind.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind.host, bind.port))
        except OSError as error:
            reason = "another process uses it" if error.errno == errno.EADDRINUSE else error.strerror
            leave(UNEXPECTED, f"cannot listen on {bind}: {reason}")


def _try_store(settings: Settings) -> None:
    """Open and migrate the database here once, and write to it, where what is wrong can be said in one line."""
    try:
        with closing(open_store(settings)) as store:
            store.check()
    except RegistrarError as error:
        leave(UNEXPECTED, f"cannot open the database {shown(settings.database_url)}: {error}")


def _banner(settings: Settings, policies: PolicySet, checkout: Checkout) -> list[str]:
    """What is served, for the person who starts it."""
    git = f", git {checkout.commit[:12]}{' with changes' if checkout.dirty else ''}" if checkout.commit else ""
    origin = settings.issuer.removesuffix(urlsplit(settings.issuer).path)
    discovery = origin + well_known_paths(settings.issuer)[0] if settings.metadata else "off (the settings have no metadata)"
    return [
        f"registrar {registrar.__version__}: POST {settings.issuer.rstrip('/')}/register",
        f"  listening   http://{settings.bind}{_workers(settings)}",
        f"  private     {_private(settings.private_bind)}",
        f"  policies    {settings.policies}",
        f"  revision    {policies.revision}{git}",
        *_mode(policies.mode),
        f"  profiles    {', '.join(profile.book.name for profile in policies.profiles)}",
        f"  database    {shown(settings.database_url)}",
        f"  discovery   {discovery}",
    ]


def _mode(mode: Mode) -> list[str]:
    """What nobody would notice in the answers: they all say yes."""
    return [] if mode is Mode.ENFORCE else [f"  mode        {mode}: rules that do not say otherwise refuse nobody"]


def _private(bind: Bind | None) -> str:
    if bind is None:
        return "off"
    return f"http://{bind}" if bind.loopback else f"http://{bind} (other machines can reach it, and there is no TLS on it)"


def _workers(settings: Settings) -> str:
    return f", {settings.workers} workers" if settings.workers > 1 else ""
