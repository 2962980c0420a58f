"""`registrar serve`."""

import errno
import os
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

import registrar
from registrar.app import Checkout, create_public_app, load_policies, open_policies, open_store
from registrar.cli.checkout import find_checkout
from registrar.cli.exits import BROKEN_TREE, UNEXPECTED, USAGE, leave
from registrar.cli.logs import log_config
from registrar.cli.watching import Watcher, on_hangup
from registrar.errors import LoadError, RegistrarError
from registrar.http import well_known_paths
from registrar.policy import PolicySet
from registrar.settings import Bind, Settings, SettingsError
from registrar.store import shown

_HEADER_TIMEOUT: Final = (
    10_000  # milliseconds in which the head of a request has to arrive, and how long an idle connection is kept
)
_HEADER_BYTES: Final = 65_536


@click.command()
@click.option("--config", metavar="FILE", help="Settings file (YAML). Also REGISTRAR_CONFIG.")
@click.option("--policies", metavar="DIR", help="Policy tree.  [default: the one that ships with the program]")
@click.option("--bind", metavar="HOST:PORT", help="Where to listen.  [default: 127.0.0.1:8000]")
@click.option("--issuer", metavar="URL", help="Issuer of the authorization server; every URL is built from it.")
@click.option("--state-dir", metavar="DIR", help="Folder of the embedded database.")
@click.option("--database-url", metavar="URL", help="sqlite:///FILE or postgresql://...")
@click.option("--log-format", metavar="FORMAT", help="text or json.")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
def serve(config: str | None, **flags: str | None) -> None:
    """Serve client registration.

    Each flag is a setting; the settings file and REGISTRAR_* variables can say the same and more, and a flag goes first.
    """
    os.umask(0o077)  # the database holds who registered from where
    settings = _settings(config, {name: value for name, value in flags.items() if value is not None})
    policies = _policies(settings)
    _try_bind(settings.bind)
    _try_store(settings)
    for line in _banner(settings, policies, find_checkout(settings.policies)):
        click.echo(line)
    _run(settings)


def _settings(config: str | None, flags: dict[str, str]) -> Settings:
    file = config or os.environ.get("REGISTRAR_CONFIG")
    try:
        return Settings.load(Path(file) if file else None, os.environ, flags)
    except SettingsError as error:
        leave(USAGE, "the settings are wrong:", error.lines())


def _policies(settings: Settings) -> PolicySet:
    try:
        return load_policies(settings)
    except LoadError as error:
        leave(BROKEN_TREE, f"the policy tree {settings.policies} does not load:", error.problems)


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
    """Open and migrate the database here once, where what is wrong can be said in one line."""
    try:
        open_store(settings).close()
    except (RegistrarError, OSError) as error:
        leave(UNEXPECTED, f"cannot open the database {shown(settings.database_url)}: {error}")


def _banner(settings: Settings, policies: PolicySet, checkout: Checkout) -> list[str]:
    """What is served, for the person who starts it."""
    git = f", git {checkout.commit[:12]}{' with changes' if checkout.dirty else ''}" if checkout.commit else ""
    origin = settings.issuer.removesuffix(urlsplit(settings.issuer).path)
    discovery = origin + well_known_paths(settings.issuer)[0] if settings.metadata else "off (the settings have no metadata)"
    return [
        f"registrar {registrar.__version__}: POST {settings.issuer.rstrip('/')}/register",
        f"  listening   http://{settings.bind}",
        f"  policies    {settings.policies}",
        f"  revision    {policies.revision}{git}",
        f"  profiles    {', '.join(profile.book.name for profile in policies.profiles)}",
        f"  database    {shown(settings.database_url)}",
        f"  discovery   {discovery}",
    ]


class _Server(MPServer):
    """Granian's server, which keeps its workers when it is told to reload: each of them reads the policy tree again.

    Granian's own reload would put new workers in their place, and end the program when the policy tree does not load.
    """

    def startup(self, *arguments: Any) -> None:
        """Start the workers. They are born with SIGHUP blocked, so that none is lost, or ends them, before they can listen."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        super().startup(*arguments)  # type: ignore[no-untyped-call]  # Granian has no types here
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def signal_handler_reload(self, *_arguments: object) -> None:
        """Pass SIGHUP on to every worker."""
        for worker in self.wrks:
            with suppress(ProcessLookupError):  # one that has just ended
                os.kill(worker.inner.pid, signal.SIGHUP)


def _run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight and return. Exits 1 when the serving process dies."""
    server = _Server(
        "registrar.app:create_public_app",
        address=settings.bind.host,
        port=settings.bind.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=1,  # SQLite: one process writes
        blocking_threads=settings.threads,
        backlog=settings.backlog,
        backpressure=settings.connections,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT, max_buffer_size=_HEADER_BYTES),
        log_level=LogLevels.error,
        log_dictconfig=log_config(settings),
        workers_kill_timeout=settings.shutdown_grace,
    )
    server.serve(target_loader=partial(_load_app, settings), wrap_loader=False)


def _load_app(settings: Settings) -> Any:
    """The app, in the process that serves it."""
    # Ctrl-C reaches this process too, besides the SIGTERM that the parent passes on; Granian sometimes loses both then, and ends
    # only after the grace (2.8.7: 6 times in 18). The parent alone listens to SIGINT. SIGHUP is waited for.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    # Granian copies this process's environment into every request's, where HTTP_PROXY would be a header that nobody sent.
    for name in [name for name in os.environ if name.startswith(("HTTP_", "CONTENT_"))]:
        del os.environ[name]
    try:
        store = open_store(settings)
        policies = open_policies(settings, store, checkout=find_checkout)
    except (RegistrarError, OSError) as error:
        # The parent has just loaded and opened the same: something changed in between.
        click.echo(f"registrar: {error}", err=True)
        sys.exit(BROKEN_TREE if isinstance(error, LoadError) else UNEXPECTED)
    Finalize(None, store.close, exitpriority=0)
    watcher = Watcher(policies, settings.policies, interval=settings.watch_interval)
    on_hangup(watcher.ask)
    watcher.start()
    Finalize(None, watcher.stop, exitpriority=1)  # before the store is closed
    return create_public_app(settings, policies=policies, store=store)
