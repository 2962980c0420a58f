"""The processes of `registrar serve`: a parent that supervises, and workers that each serve one of the two apps."""

import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from granian.constants import HTTPModes, Interfaces, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from registrar.app import create_private_app, create_public_app, create_refusals, create_sweeper, open_policies, open_store
from registrar.cli.checkout import find_checkout
from registrar.cli.exits import BROKEN_TREE, UNEXPECTED, leave
from registrar.cli.logs import log_config
from registrar.cli.stalls import Stalls
from registrar.cli.sweeping import Sweeping
from registrar.cli.watching import Watcher, on_hangup
from registrar.errors import LoadError, RegistrarError
from registrar.http.turns import Places, Turns
from registrar.metrics import Metrics
from registrar.service import Policies
from registrar.settings import Bind, Settings
from registrar.store import Store

_HEADER_TIMEOUT: Final = (
    10_000  # milliseconds in which the head of a request has to arrive, and how long an idle connection is kept
)
_HEADER_BYTES: Final = 65_536
_OTHER_FILES: Final = 256  # that a process opens besides its connections: databases, watches, metrics

_Load = Callable[[], Any]
_Create = Callable[[Settings, Policies, Store, Metrics], Any]

_PRIVATE_PLACES: Final = 2  # one that reads a long list does not hold up who asks for a client; more would be slower (http.turns)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight and return. Exits 1 when a worker dies."""
    _count_files(settings.connections + _OTHER_FILES)
    with _metrics_folder() as shared:
        public = _Server("public", settings, settings.bind, workers=settings.workers, beside=_beside(settings, Path(shared)))
        load = partial(_load_app, _public, settings, settings.bind, Path(shared), places=settings.threads)
        public.serve(target_loader=load, wrap_loader=False)


def _metrics_folder() -> TemporaryDirectory[str]:
    """Where the processes count together. It goes with the server, but for one that is killed."""
    try:
        return TemporaryDirectory(prefix="registrar-metrics-")
    except OSError as error:
        leave(UNEXPECTED, f"cannot make a folder for metrics (TMPDIR can name another place): {error.strerror}")


def _count_files(number: int) -> None:
    """Say so where the system does not let a process open so many files. Granian has raised the soft limit to the hard one."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < number:
        click.echo(f"registrar: the system allows {allowed} open files, the setting connections needs {number}", err=True)


@dataclass(frozen=True, slots=True)
class _Beside:
    """A server that another one adopts, and what its workers load."""

    server: "_Server"
    load: _Load


def _beside(settings: Settings, shared: Path) -> _Beside | None:
    bind = settings.private_bind
    if bind is None:
        return None
    return _Beside(
        _Server("private", settings, bind, workers=1),
        partial(_load_app, _private, settings, bind, shared, places=max(settings.threads, _PRIVATE_PLACES)),
    )


class _Server(MPServer):
    """Granian's server, with another one `beside` it: one parent starts, watches, reloads and ends the workers of both.

    A reload keeps the workers: each of them reads the policy tree again. Granian's own would put new workers in their place, and
    end the program when the policy tree does not load.
    """

    def __init__(self, name: str, settings: Settings, bind: Bind, *, workers: int, beside: _Beside | None = None) -> None:
        super().__init__(
            "registrar.app",
            address=bind.host,
            port=bind.port,
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            runtime_mode=RuntimeModes.mt,  # Granian's own choice for WSGI, which it makes for the server that serves, not beside
            websockets=False,
            workers=workers,
            blocking_threads=settings.connections,  # each waits for a body; few of them work (registrar.http.turns)
            backlog=settings.backlog,
            backpressure=settings.connections,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT, max_buffer_size=_HEADER_BYTES),
            log_level=LogLevels.error,
            log_dictconfig=log_config(settings, name),
            workers_kill_timeout=settings.shutdown_grace,
        )
        self._beside = beside

    def startup(self, spawn_target: Any, target_loader: _Load) -> None:
        """Start the workers. They are born with SIGHUP blocked, so that none is lost, or ends them, before they can listen."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        if self._beside is not None:
            self._adopt(self._beside, spawn_target)
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # Granian has no types here
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _adopt(self, beside: _Beside, spawn_target: Any) -> None:
        """Start the other server's workers as this one's: signals and the end of a worker come here, whoever the worker is of."""
        other = beside.server
        other.main_loop_interrupt = self.main_loop_interrupt
        other.interrupt_children = self.interrupt_children
        other.wrks = self.wrks
        other.signal_handler_interrupt = self.signal_handler_interrupt  # type: ignore[method-assign]
        other.signal_handler_reload = self.signal_handler_reload  # type: ignore[method-assign]
        other.startup(spawn_target, beside.load)

    def signal_handler_reload(self, *_arguments: object) -> None:
        """Pass SIGHUP on to every worker."""
        for worker in self.wrks:
            with suppress(ProcessLookupError):  # one that has just ended
                os.kill(worker.inner.pid, signal.SIGHUP)


def _public(settings: Settings, policies: Policies, store: Store, metrics: Metrics) -> Any:
    refusals = create_refusals(settings, store)
    Finalize(None, refusals.close, exitpriority=1)  # before the store is closed
    return create_public_app(settings, policies=policies, store=store, refusals=refusals, counts=metrics.counts)


def _private(_settings: Settings, policies: Policies, store: Store, metrics: Metrics) -> Any:
    return create_private_app(policies=policies, store=store, metrics=metrics)


def _load_app(create: _Create, settings: Settings, bind: Bind, shared: Path, *, places: int) -> Turns:
    """The app, in the process that serves it on `bind`; its metrics are counted in the folder `shared`.

    It works on so many requests at once as it has `places`.
    """
    # Ctrl-C reaches this process too, besides the SIGTERM that the parent passes on; Granian sometimes loses both then, and ends
    # only after the grace (2.8.7: 6 times in 18). The parent alone listens to SIGINT. SIGHUP is waited for.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    # Granian copies this process's environment into every request's, where HTTP_PROXY would be a header that nobody sent.
    for name in [name for name in os.environ if name.startswith(("HTTP_", "CONTENT_"))]:
        del os.environ[name]
    metrics, turns = Metrics(shared), Places(places)
    try:
        store = open_store(settings, meter=metrics.counts, places=turns)
        policies = open_policies(settings, store, checkout=find_checkout)
    except (RegistrarError, OSError) as error:
        # The parent has just loaded and opened the same: something changed in between.
        click.echo(f"registrar: {error}", err=True)
        sys.exit(BROKEN_TREE if isinstance(error, LoadError) else UNEXPECTED)
    Finalize(None, store.close, exitpriority=0)
    watcher = Watcher(policies, settings.policies, interval=settings.watch_interval)
    on_hangup(watcher.ask)
    watcher.start()
    sweeping = Sweeping(create_sweeper(store, observer=metrics.counts), interval=settings.sweep_interval)
    sweeping.start()
    stalls = Stalls(bind.port, seconds=settings.request_timeout, connections=settings.connections)
    stalls.start()
    for stop in (watcher.stop, sweeping.stop, stalls.stop):
        Finalize(None, stop, exitpriority=1)  # before the store is closed
    app = Turns(create(settings, policies, store, metrics), places=turns, max_body=settings.max_body)
    gc.collect()
    gc.freeze()  # what is loaded now lives as long as the process: no later collection has to look at it
    return app
