"""Where settings come from: the file, the environment, flags. Each yields what was given, with its place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from registrar.documents import Document, format_path, read_yaml
from registrar.errors import LoadError, Place, Problem, did_you_mean
from registrar.schema import Schema

PREFIX: Final = "REGISTRAR_"
_NO_SETTING: Final = ("REGISTRAR_CONFIG",)  # names the settings file
_FOR_TESTS: Final = "REGISTRAR_TEST_"
# What Kubernetes puts into a container for each Service of its namespace (docker's links): this program's are likely called so.
_OF_SERVICE: Final = re.compile(r"(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_ADDRESS_OF_SERVICE: Final = re.compile(r"(tcp|udp|sctp)://.*")
_BOOLEANS: Final = {"true": True, "false": False}  # as the file has them (YAML 1.2)

KINDS: Final[Mapping[str, Literal["text", "integer", "boolean", "list", "structure"]]] = {
    "bind": "text",
    "private_bind": "text",
    "policies": "text",
    "state_dir": "text",
    "database_url": "text",
    "issuer": "text",
    "metadata": "structure",
    "max_body": "integer",
    "max_depth": "integer",
    "trusted_proxies": "list",
    "proxy_header": "text",
    "cors_origins": "list",
    "workers": "integer",
    "threads": "integer",
    "connections": "integer",
    "backlog": "integer",
    "request_timeout": "integer",
    "log_format": "text",
    "log_level": "text",
    "shutdown_grace": "integer",
    "watch_interval": "integer",
    "reload_tests": "boolean",
    "management": "boolean",
    "rotate_registration_token": "boolean",
    "rotate_client_secret": "boolean",
    "sweep_interval": "integer",
    "software_statements": "structure",
    "recorded_refusals": "integer",
}


@dataclass(frozen=True, slots=True)
class Given:
    """One setting as it was given: its value in the types of YAML, and where. `folder` is where a relative path in it starts."""

    name: str
    value: object
    folder: Path
    origin: Document | str

    def problem(self, path: tuple[str | int, ...], message: str) -> Problem:
        """`message` about the part of this setting at `path`, placed in the file or at the variable or flag."""
        if isinstance(self.origin, str):
            return Problem(Place(self.origin, 0, 0), format_path(path), message)
        return Problem(self.origin.place((self.name, *path)), format_path((self.name, *path)), message)


def from_file(file: Path, schema: Schema) -> tuple[list[Given], list[Problem]]:
    """The settings of a strict YAML file that keep to `schema`, and what is wrong with the others."""
    try:
        document = read_yaml(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        return [], [Problem(Place(str(file), 0, 0), "", f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return [], [Problem(Place(str(file), 0, 0), "", "is not UTF-8")]
    except LoadError as error:
        return [], list(error.problems)
    if document.value is None:
        return [], []
    wrong = schema.problems(document.value, echo=True)
    problems = [
        Problem(document.place(found.path, key=found.keyword == "additionalProperties"), format_path(found.path), found.message)
        for found in wrong
    ]
    if not isinstance(document.value, Mapping):
        return [], problems
    spoilt = {found.path[0] for found in wrong if found.path}
    kept = {name: value for name, value in document.value.items() if name not in spoilt}
    return [Given(name, value, file.absolute().parent, document) for name, value in kept.items()], problems


def from_mapping(values: Mapping[str, object], schema: Schema) -> tuple[list[Given], list[Problem]]:
    """The settings among `values`, which has what a settings file has, and what is wrong with the others."""
    values = {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
    wrong = schema.problems(values, echo=True)
    problems = [Problem(Place("settings", 0, 0), format_path(found.path), found.message) for found in wrong]
    spoilt = {found.path[0] for found in wrong if found.path}
    kept = {name: value for name, value in values.items() if name not in spoilt}
    return [Given(name, value, Path.cwd(), f"settings: {name}") for name, value in kept.items()], problems


def from_environment(environ: Mapping[str, str], schema: Schema) -> tuple[list[Given], list[Problem]]:
    """The settings among the `REGISTRAR_*` variables.

    A variable of that prefix that is no setting is a problem, but for those that Kubernetes sets for a Service of that name.
    """
    given: list[Given] = []
    problems: list[Problem] = []
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable.startswith(_FOR_TESTS) or variable in _NO_SETTING:
            continue
        if _about_service(variable.removeprefix(PREFIX), text):
            continue
        name, origin = variable.removeprefix(PREFIX).lower(), f"environment {variable}"
        if name not in KINDS or variable != variable.upper():
            hint = did_you_mean(name.upper(), map(str.upper, KINDS), PREFIX)
            problems.append(Problem(Place(origin, 0, 0), "", f"is no setting{hint}"))
            continue
        taken, wrong = _from_text(name, text, origin, schema)
        given += taken
        problems += wrong
    return given, problems


def _about_service(name: str, text: str) -> bool:
    """Whether a variable says where a Service is. `REGISTRAR_PORT=8000` does not: somebody means a setting by it."""
    address = (name == "PORT" or name.endswith("_PORT")) and _ADDRESS_OF_SERVICE.fullmatch(text) is not None
    return address or _OF_SERVICE.fullmatch(name) is not None


def from_flags(flags: Mapping[str, str], schema: Schema) -> tuple[list[Given], list[Problem]]:
    """The settings among command line flags, which are named as the settings are, with `-` for `_`."""
    given: list[Given] = []
    problems: list[Problem] = []
    for name, text in flags.items():
        taken, wrong = _from_text(name, text, f"--{name.replace('_', '-')}", schema)
        given += taken
        problems += wrong
    return given, problems


def _from_text(name: str, text: str, origin: str, schema: Schema) -> tuple[list[Given], list[Problem]]:
    """One setting that came as text."""
    if KINDS[name] == "structure":
        return [], [Problem(Place(origin, 0, 0), "", f"{name} can only be set in the file")]
    given = Given(name, _typed(name, text), Path.cwd(), origin)
    wrong = [given.problem(found.path[1:], found.message) for found in schema.problems({name: given.value}, echo=True)]
    return ([], wrong) if wrong else ([given], [])


def _typed(name: str, text: str) -> object:
    """`text` as the type that the setting has; as text where it does not look like one, so that the schema says what is wrong."""
    match KINDS[name]:
        case "integer" if re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
            return int(text)
        case "boolean" if text in _BOOLEANS:
            return _BOOLEANS[text]
        case "list":
            return [item.strip() for item in text.split(",") if item.strip()]
        case _:
            return text
