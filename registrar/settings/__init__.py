"""What an operator sets: a strict YAML file, environment variables over it, flags over both.

Nothing here reads the process environment or makes a folder: the environment is handed in, so that a test can hand in another.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from registrar.bundled import bundled
from registrar.errors import LoadError, Problem
from registrar.schema import Schema
from registrar.settings.sources import Given, from_environment, from_file, from_flags, from_mapping
from registrar.settings.values import (
    Bind,
    Network,
    StatementIssuer,
    WrongValueError,
    parse_bind,
    parse_database_url,
    parse_issuer,
    parse_metadata,
    parse_networks,
    parse_origins,
    parse_path,
    parse_private_bind,
    parse_statement_issuers,
)

__all__ = ["Bind", "Settings", "SettingsError", "StatementIssuer"]

_DEFAULT_BIND = Bind("127.0.0.1", 8000)
_DEFAULT_PRIVATE_BIND = Bind("127.0.0.1", 8001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, checked. `schemas/settings.schema.json` describes each; sizes are bytes and times are seconds.

    `metadata` is None when the operator gave no authorization server metadata: the well-known URLs then answer 404.
    `private_bind` is None when the private app is not served.
    """

    bind: Bind = _DEFAULT_BIND
    private_bind: Bind | None = _DEFAULT_PRIVATE_BIND
    policies: Path
    state_dir: Path
    database_url: str = field(repr=False)  # it may hold a password
    issuer: str
    metadata: Mapping[str, object] | None = None
    max_body: int = 65536
    max_depth: int = 16
    trusted_proxies: tuple[Network, ...] = ()
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    cors_origins: tuple[str, ...] = ("*",)
    workers: int = 1
    threads: int = 1
    connections: int = 1024
    backlog: int = 1024
    request_timeout: int = 30
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    shutdown_grace: int = 20
    watch_interval: int = 5
    reload_tests: bool = False
    management: bool = True
    rotate_registration_token: bool = False
    rotate_client_secret: bool = False
    sweep_interval: int = 60
    software_statements: tuple[StatementIssuer, ...] = ()
    recorded_refusals: int = 60

    @classmethod
    def load(cls, file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Self:
        """The settings of `file`, with the `REGISTRAR_*` variables of `environ` over them and `flags` over both.

        `flags` has settings by their names, as text. Raises SettingsError with every wrong key and value.
        """
        schema = Schema.load("settings")
        layers = [from_environment(environ, schema), from_flags(flags, schema)]
        if file is not None:
            layers.insert(0, from_file(file, schema))
        return cls._of(layers, environ)

    @classmethod
    def of(cls, values: Mapping[str, object], environ: Mapping[str, str]) -> Self:
        """The settings of `values`, which has the keys and types of a settings file, and may have a Path for a path.

        A relative path starts at the working directory; `environ` only says where the home is. Raises SettingsError with every
        wrong key and value.
        """
        return cls._of([from_mapping(values, Schema.load("settings"))], environ)

    @classmethod
    def _of(cls, layers: Sequence[tuple[list[Given], list[Problem]]], environ: Mapping[str, str]) -> Self:
        """The settings of `layers`, of which each goes before those in front of it."""
        given = {one.name: one for layer, _ in layers for one in layer}
        values, problems = _values(given.values(), environ)
        problems += [problem for _, wrong in layers for problem in wrong]
        if not problems:
            problems = _complete(values, given, environ)
        if problems:
            raise SettingsError(problems)
        return cls(**values)


class SettingsError(LoadError):
    """Wrong settings. A problem stands at `file:line:column`, at `environment NAME`, at `--flag` or at `settings` (line 0)."""

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """One line for each problem."""
        for problem in self.problems:
            place = str(problem.place) if problem.place.line else problem.place.file
            yield ": ".join(part for part in (place, problem.path, problem.message) if part)


def _values(given: Iterable[Given], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """The values of the settings that were given, and what is wrong with them."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for one in given:
        try:
            values[one.name] = _value(one, environ)
        except WrongValueError as error:
            problems += [one.problem(path, message) for path, message in error.mistakes]
    return values, problems


def _value(given: Given, environ: Mapping[str, str]) -> object:
    if given.name in ("policies", "state_dir"):
        return parse_path(str(given.value), given.folder, environ.get("HOME", ""))
    if given.name == "database_url":
        return parse_database_url(str(given.value), given.folder)
    if given.name == "software_statements":
        return parse_statement_issuers(given.value, given.folder, environ.get("HOME", ""))  # type: ignore[arg-type]  # by schema
    parse = _PARSERS.get(given.name)
    return given.value if parse is None else parse(given.value)


_PARSERS: Mapping[str, Callable[[Any], object]] = {
    "bind": parse_bind,
    "private_bind": parse_private_bind,
    "issuer": parse_issuer,
    "metadata": parse_metadata,
    "trusted_proxies": parse_networks,
    "cors_origins": parse_origins,
}


def _complete(values: dict[str, Any], given: Mapping[str, Given], environ: Mapping[str, str]) -> list[Problem]:
    """Fill in the defaults that hang on other settings, and say what they lack."""
    problems: list[Problem] = []
    values.setdefault("policies", bundled("policies"))
    values.setdefault("state_dir", _default_state_dir(environ))
    values.setdefault("database_url", f"sqlite:///{values['state_dir'] / 'registrar.db'}")
    bind: Bind = values.setdefault("bind", _DEFAULT_BIND)
    if "issuer" not in values and not bind.loopback:
        problems.append(given["bind"].problem((), "needs the setting issuer, since others than this machine can ask"))
    issuer: str = values.setdefault("issuer", f"http://{bind}")
    # RFC 8414 §3.3: the issuer in the document is identical to the one whose URL was asked.
    if "metadata" in values and values["metadata"].get("issuer", issuer) != issuer:
        problems.append(given["metadata"].problem(("issuer",), "must be the setting issuer, byte for byte"))
    if bind.collides(values.setdefault("private_bind", _DEFAULT_PRIVATE_BIND)):
        named = given.get("private_bind") or given["bind"]
        problems.append(named.problem((), "bind and private_bind must differ: whoever reaches one may not reach the other"))
    if values.get("workers", 1) > 1 and values["database_url"].startswith("sqlite:"):
        problems.append(given["workers"].problem((), "several workers need PostgreSQL: to SQLite one process writes"))
    return problems


def _default_state_dir(environ: Mapping[str, str]) -> Path:
    """$XDG_STATE_HOME/registrar, else ~/.local/state/registrar (XDG Base Directory Specification: a relative one is ignored)."""
    named = Path(environ.get("XDG_STATE_HOME", ""))
    if named.is_absolute():
        return named / "registrar"
    home = environ.get("HOME", "")
    return Path(home) / ".local/state/registrar" if home else Path("/var/lib/registrar")
