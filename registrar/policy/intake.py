"""From a submitted document to its facts: the steps in front of every decision, the same for serving, testing and explaining."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from registrar import wire
from registrar.errors import RegistrarError
from registrar.schema import Schema
from registrar.wire import MAX_FOREIGN_HOSTS, MAX_LANGUAGES, NO_EXTENSIONS, ErrorCode, Extensions, RedirectUri, RedirectUriError

_STATEMENT = "software_statement"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a submitted document before any policy sees it. `message` has nothing of the document."""

    code: ErrorCode
    member: str
    message: str


class MalformedError(RegistrarError):
    """A document that has not the shape of a registration, for these `faults`; the first names the answer's code."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))

    @property
    def code(self) -> ErrorCode:
        """The error code of the answer."""
        return self.faults[0].code


class Intake(NamedTuple):
    """A submitted document, normalised (`wire.normalise`), and its redirect URIs, parsed."""

    metadata: Mapping[str, object]
    redirects: tuple[RedirectUri, ...]


def take_in(body: Mapping[str, object], schema: Schema, extensions: Extensions = NO_EXTENSIONS) -> Intake:
    """Checks `body` against the request schema, drops what is absent or unknown, and parses its redirect URIs once.

    `extensions` are the members that the policy set declares (`PolicySet.extensions`).

    Raises MalformedError with the faults of the step that failed: all, but of long lists the first only (contract 1, 2, 20, 21).
    """
    if not schema.valid(body):
        raise MalformedError(_shape_faults(body, schema))
    metadata = wire.normalise(body, extensions)
    if faults := [*_language_faults(metadata), *_host_faults(metadata)]:
        raise MalformedError(faults)  # before anything takes the time to look closer
    faults = _extension_faults(metadata, extensions)
    redirects = tuple(_redirects(metadata, faults))
    if "scope" in metadata:
        _check_scope(str(metadata["scope"]), faults)
    if faults:
        raise MalformedError(faults)
    return Intake(metadata, redirects)


def overlaid(body: Mapping[str, object], claims: Mapping[str, object], extensions: Extensions) -> dict[str, object]:
    """`body` with the claims that are client metadata in the place of its own members (RFC 7591 §2.3 MUST).

    What the statement says of a member it says in every language: where it has `client_name`, no `client_name#fr` of the body
    stays beside it, which nobody has vouched for. A statement in the statement does not count.
    """
    said = {name: value for name, value in claims.items() if name != _STATEMENT and _base(name, extensions)}
    settled = {_base(name, extensions) for name in said}
    kept = {name: value for name, value in body.items() if name == _STATEMENT or _base(name, extensions) not in settled}
    return {**kept, **said}


def _base(name: str, extensions: Extensions) -> str | None:
    return name if name in extensions else wire.base_name(name)


def _shape_faults(body: Mapping[str, object], schema: Schema) -> list[Fault]:
    """What the schema says of a `body` that it does not take.

    It is shown only what may be wrong: thousands of unknown or absent members would make a refusal cost more than a registration.
    """
    said = {name: value for name, value in body.items() if value not in (None, "") and wire.base_name(name)}
    if faults := _language_faults(said):
        return faults
    return [_schema_fault(problem.path, problem.message) for problem in schema.problems(said)]


def _schema_fault(path: Sequence[str | int], message: str) -> Fault:
    # Only names that the program knows are repeated: an unknown key could be anything.
    member = wire.base_name(str(path[0])) or "" if path else ""
    where = member + "".join(f"[{part}]" for part in path[1:] if isinstance(part, int))
    return Fault(wire.error_code(member), member, f"{where or 'the document'} {message}")


def _extension_faults(metadata: Mapping[str, object], extensions: Extensions) -> list[Fault]:
    """What the schema cannot say, which knows no extensions."""
    faults: list[Fault] = []
    for name, member in extensions.items():
        mistake = wire.extension_mistake(member.kind, metadata[name]) if name in metadata else ""
        if mistake:
            faults.append(Fault(ErrorCode.INVALID_CLIENT_METADATA, name, f"{name} {mistake}"))
    return faults


def _language_faults(metadata: Mapping[str, object]) -> list[Fault]:
    tagged = [name for name in metadata if "#" in name]
    if not tagged:
        return []
    # Rules look at every language of a name, so the number of languages is what a decision costs.
    if len(tagged) > MAX_LANGUAGES:
        message = f"the document must have at most {MAX_LANGUAGES} members with a language tag"
        return [Fault(ErrorCode.INVALID_CLIENT_METADATA, "", message)]
    # RFC 7591 §2.2: the case of a tag says nothing, so these are the same member twice, which JSON would not let pass.
    seen = {name.lower(): name for name in tagged}
    twice = sorted({name.partition("#")[0] for name in tagged if seen[name.lower()] != name})
    return [Fault(wire.error_code(name), name, f"{name} must not be there twice in one language") for name in twice]


def _host_faults(metadata: Mapping[str, object]) -> list[Fault]:
    values, uris = list(metadata.values()), metadata.get("redirect_uris")
    if isinstance(uris, list):
        values += uris
    if len(values) <= MAX_FOREIGN_HOSTS or wire.foreign_hosts(values) <= MAX_FOREIGN_HOSTS:
        return []
    message = f"the document must have at most {MAX_FOREIGN_HOSTS} hosts with names that are not plain ASCII"
    return [Fault(ErrorCode.INVALID_CLIENT_METADATA, "", message)]


def _redirects(metadata: Mapping[str, object], faults: list[Fault]) -> list[RedirectUri]:
    parsed: list[RedirectUri] = []
    uris = metadata.get("redirect_uris", ())
    for index, uri in enumerate(uris if isinstance(uris, (list, tuple)) else ()):
        try:
            parsed.append(wire.parse_redirect_uri(uri))
        except RedirectUriError as error:
            faults.append(Fault(ErrorCode.INVALID_REDIRECT_URI, "redirect_uris", f"redirect_uris[{index}] {error.reason}"))
    return parsed


def _check_scope(scope: str, faults: list[Fault]) -> None:
    try:
        wire.check_scope(scope)
    except ValueError as error:
        faults.append(Fault(ErrorCode.INVALID_CLIENT_METADATA, "scope", f"scope {error}"))
