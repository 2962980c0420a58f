"""The registrar as a part of a Python program, without HTTP: `registrar.open`.

An authorization server in Python asks here what another one asks the private app. The database may be a running server's.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from registrar.app import (
    create_clients,
    create_refusals,
    create_registrar,
    load_trusted,
    open_policies,
    open_store,
    policy_tree,
)
from registrar.documents import JSONError, read_json
from registrar.errors import RegistrarError
from registrar.policy import Source, subscriber
from registrar.policy.networks import parse_address
from registrar.service import (
    Clients,
    GoneError,
    Outcome,
    Policies,
    Refusal,
    Registrar,
    Registration,
    RegistrationRequest,
    UnknownClientError,
)
from registrar.settings import Settings
from registrar.store import Client, StoreUnavailable
from registrar.wire import ErrorCode

__all__ = ["Embedded", "Registered", "RegisteredClient", "RegistrationRefusedError", "open_embedded"]

_RETRY_AFTER = 5  # seconds; a locked or a full database is rarely well sooner


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """A client that may be used now.

    `metadata` is what it was registered with (RFC 7591 §2), in the words of the RFC and without credentials; `profile` and
    `policy_revision` say by which rules. Times are epoch seconds, 0 for never.
    """

    client_id: str
    metadata: Mapping[str, object]
    profile: str
    policy_revision: str
    issued_at: int
    secret_expires_at: int = 0

    @property
    def name(self) -> str:
        """`client_name`, "" for none."""
        return str(self.metadata.get("client_name", ""))

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """The redirect URIs as they were registered. Ask `Embedded.allows_redirect` whether one fits, for ports on loopback."""
        return self._texts("redirect_uris")

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grants that the client may use at the token endpoint."""
        return self._texts("grant_types")

    @property
    def response_types(self) -> tuple[str, ...]:
        """The response types that it may use at the authorization endpoint."""
        return self._texts("response_types")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that it may ask for."""
        return tuple(str(self.metadata.get("scope", "")).split())

    @property
    def auth_method(self) -> str:
        """`token_endpoint_auth_method`: the one method by which it authenticates; `none` for a public client."""
        return str(self.metadata["token_endpoint_auth_method"])

    def _texts(self, member: str) -> tuple[str, ...]:
        value = self.metadata.get(member, ())
        return tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A registration. `answer` is the whole answer to the client (RFC 7591 §3.2.1); it alone has the secret and the token.

    `secret` is "" for a client that has none. `decision_id` names the record of the decision; `warnings` are for the client's
    developer.
    """

    client_id: str
    answer: Mapping[str, object] = field(repr=False)
    decision_id: str
    warnings: tuple[str, ...] = ()

    @property
    def secret(self) -> str:
        """The client secret, which nobody can look up later."""
        return str(self.answer.get("client_secret", ""))


class RegistrationRefusedError(RegistrarError):
    """A client that may not be registered, or not now.

    `code` is the error code for the client (RFC 7591 §3.2.2, or `invalid_token`, `insufficient_scope`, `too_many_requests`,
    `temporarily_unavailable`, `server_error`), `description` is for its developer. `decision_id` is "" when no policy was asked.
    `retry_after` is in seconds, 0 when trying again is of no use or nobody knows when it is.
    """

    def __init__(self, code: str, description: str, *, decision_id: str = "", retry_after: int = 0) -> None:
        self.code = code
        self.description = description
        self.decision_id = decision_id
        self.retry_after = retry_after
        super().__init__(f"{code}: {description}")


class Embedded:
    """A registrar in this process. Safe to share between threads, not across a fork; every method blocks.

    A client that is unknown, disabled, deleted or expired is all the same here: there is none. When the database does not
    answer, `register` refuses with `temporarily_unavailable`, whatever it was about to ask, and the others raise
    `registrar.store.StoreUnavailable`.

    It does not sweep: a client whose time is over is none any more, but counts in `maxActive` until it is swept. Run
    `registrar sweep` from time to time, unless `registrar serve` is at work on the database.
    """

    def __init__(
        self, registrar: Registrar, clients: Clients, policies: Policies, ending: ExitStack, *, max_body: int, max_depth: int
    ) -> None:
        """Use `registrar.open`. `ending` releases what they work with; the bounds are the settings of these names."""
        self._max_body = max_body
        self._max_depth = max_depth
        self._registrar = registrar
        self._clients = clients
        self._policies = policies
        self._ending = ending

    def get_client(self, client_id: str) -> RegisteredClient | None:
        """The client, None when there is none that may be used."""
        try:
            client = self._clients.get(client_id)
        except (UnknownClientError, GoneError):
            return None
        return _registered(client) if client.status == "active" else None

    def authenticate(self, client_id: str, secret: str) -> bool:
        """Whether `secret` is the client's, and has not expired; compared in constant time. False for a client without one."""
        return self._clients.authenticate(client_id, secret)

    def allows_redirect(self, client_id: str, uri: str) -> bool:
        """Whether `uri` is one of the client's redirect URIs: the same string, or on loopback the same but for the port."""
        return self._clients.allows_redirect(client_id, uri)

    def register(
        self, document: Mapping[str, object] | bytes, *, source: str | Source = "", token: str | None = None
    ) -> Registered:
        """Register a client as the policy lets it (RFC 7591 §3).

        `document` is the request's body, as it came or parsed from JSON; `source` the address that it came from, or a Source
        with what else policies may ask about; `token` the initial access token that came with it. With the setting `management`
        the answer may have a `registration_client_uri`, which `registrar serve` answers.

        Raises RegistrationRefusedError, `registrar.service.DecisionFailedError` when something breaks behind the decision,
        ValueError for a source that is no address, and TypeError for a document that has what JSON has not.
        """
        place = _source(source) if isinstance(source, str) else source
        body = self._body(document)
        try:
            return _answered(self._registrar.register(RegistrationRequest(body, place, token)))
        except Refusal as refusal:
            raise _refused(refusal) from refusal.__cause__
        except StoreUnavailable as error:  # before there is a decision
            raise _unanswered() from error

    def seen(self, client_id: str) -> None:
        """Note that the client was used: one that nobody uses expires, where the policy says so."""
        with suppress(UnknownClientError, GoneError):
            self._clients.seen(client_id)

    def reload(self) -> bool:
        """Read the policy tree again, as `registrar serve` does by itself. Whether it is in force; if not, the log says why."""
        return self._policies.reload() in (Outcome.ACTIVATED, Outcome.UNCHANGED)

    def close(self) -> None:
        """Finish what waits to be written, and release the database."""
        self._ending.close()

    def _body(self, document: Mapping[str, object] | bytes) -> Mapping[str, object]:
        """`document` read as it is over HTTP: whoever parsed it may have been less strict."""
        data = document if isinstance(document, bytes) else self._encoded(document)
        if len(data) > self._max_body:
            raise _unacceptable(f"is larger than {self._max_body} bytes")
        try:
            body = read_json(data, max_depth=self._max_depth)
        except JSONError as error:
            raise _unacceptable(f"is not acceptable JSON: {error}") from None
        if not isinstance(body, Mapping):
            raise _unacceptable("must be a JSON object")
        return body

    def _encoded(self, document: Mapping[str, object]) -> bytes:
        try:
            return json.dumps(dict(document)).encode()
        except RecursionError:
            raise _unacceptable(f"is nested deeper than {self._max_depth}") from None
        except ValueError:  # a value within itself, or an int of more digits than Python writes
            raise _unacceptable("cannot be written as JSON") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_embedded(settings: "Settings | str | os.PathLike[str] | Mapping[str, object] | None" = None) -> Embedded:
    """As `registrar.open`."""
    checked = _settings(settings)
    # The files first: without a policy no database is made.
    first, trusted = policy_tree(checked).load(), load_trusted(checked)
    with ExitStack() as ending:
        store = ending.enter_context(closing(open_store(checked)))
        # Whoever only looks for clients brings no policy into force: a server beside it may have another one.
        policies = open_policies(checked, store, first=first, late=True)
        policies.accompany(trusted.refresh)
        refusals = ending.enter_context(closing(create_refusals(checked, store)))
        registrar = create_registrar(checked, policies, store, trusted=trusted, refusals=refusals)
        bounds = {"max_body": checked.max_body, "max_depth": checked.max_depth}
        return Embedded(registrar, create_clients(store), policies, ending.pop_all(), **bounds)


def _settings(given: Any) -> Settings:
    if isinstance(given, Settings):
        return given
    if isinstance(given, Mapping):
        return Settings.of(given, os.environ)
    file = given if given is not None else os.environ.get("REGISTRAR_CONFIG")
    return Settings.load(Path(file) if file else None, os.environ, {})


def _source(ip: str) -> Source:
    address = parse_address(ip)
    if ip and address is None:
        raise ValueError(f"{ip!r} is no IP address")
    return Source(ip=str(address or ""), prefix=subscriber(address))


def _registered(client: Client) -> RegisteredClient:
    return RegisteredClient(
        client_id=client.client_id,
        metadata=client.metadata,
        profile=client.profile,
        policy_revision=client.policy_revision,
        issued_at=client.issued_at,
        secret_expires_at=client.secret_expires_at,
    )


def _answered(made: Registration) -> Registered:
    return Registered(
        client_id=str(made.client["client_id"]), answer=made.client, decision_id=made.decision_id, warnings=made.warnings
    )


def _unacceptable(reason: str) -> RegistrationRefusedError:
    return RegistrationRefusedError(str(ErrorCode.INVALID_CLIENT_METADATA), f"the document {reason}")


def _unanswered() -> RegistrationRefusedError:
    description = "the database does not answer; try again later"
    return RegistrationRefusedError(str(ErrorCode.TEMPORARILY_UNAVAILABLE), description, retry_after=_RETRY_AFTER)


def _refused(refusal: Refusal) -> RegistrationRefusedError:
    retry_after = int(refusal.headers.get("Retry-After", "0"))
    return RegistrationRefusedError(
        str(refusal.code), refusal.description, decision_id=refusal.decision_id, retry_after=retry_after
    )
