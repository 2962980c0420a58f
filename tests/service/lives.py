"""The life of a client without HTTP: who admits it, lets it change, answers about it and ends it, on one store and one clock."""

import itertools
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from registrar.errors import RegistrarError
from registrar.policy import PolicySet, Source, load
from registrar.schema import Schema
from registrar.service import Clients, Management, Registrar, RegistrationRequest, Sweeper, new_secret
from registrar.service.observer import Observer
from registrar.service.refusals import Refusals
from registrar.service.software import TrustedIssuers
from registrar.service.tokens import Tokens
from registrar.store import Client, Store
from tests.http.managed import HOSTED, MANAGED, Clock

SOURCE = Source(ip="192.0.2.7", prefix="192.0.2.7")
ISSUER = "https://as.example"
POLICIES = load(MANAGED, Schema.load("policy"))


class Lives:
    """Everything that a client meets. What is in `meanwhile` happens, one after the other, when somebody begins to decide."""

    def __init__(
        self, store: Store, *, rotate: bool = False, trusted: TrustedIssuers | None = None, observer: Observer | None = None
    ) -> None:
        self.store = store
        self.meanwhile: list[Callable[[], object]] = []
        self.clock = Clock()
        self._ids = itertools.count()
        self._prefix = secrets.token_hex(4)
        schema = Schema.load("registration-request")
        given: Mapping[str, Any] = {"clock": self.clock, "new_id": self.new_id}
        self.refusals = Refusals(store, **given)
        self.registrar = Registrar(
            self._policies, store, schema, **given, new_secret=new_secret, issuer=ISSUER, refusals=self.refusals
        )
        self.management = Management(
            self._policies,
            store,
            schema,
            **given,
            new_secret=new_secret,
            issuer=ISSUER,
            rotate_token=rotate,
            rotate_secret=rotate,
            trusted=trusted,
            refusals=self.refusals,
            observer=observer,
        )
        self.tokens = Tokens(store, **given, new_secret=new_secret)
        self.clients = Clients(store, **given, new_secret=new_secret)

    def new_id(self) -> str:
        """Unique among all the lives on a database."""
        return f"{self._prefix}-{next(self._ids):06}"

    def _policies(self) -> PolicySet:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return POLICIES

    def sweeper(self, holder: str = "this node") -> Sweeper:
        """One that goes by the same clock."""
        return Sweeper(self.store, clock=self.clock, new_id=self.new_id, holder=holder)

    def register(self, body: Mapping[str, object] = HOSTED, token: str | None = None) -> Mapping[str, Any]:
        """The answer to a client that is admitted, perhaps with an initial access `token`."""
        answer: Mapping[str, Any] = self.registrar.register(RegistrationRequest(body, SOURCE, token)).client
        return answer

    def put(self, client: Mapping[str, Any], body: Mapping[str, object] = HOSTED) -> Mapping[str, Any]:
        """The answer to an update that is allowed."""
        body = {"client_id": client["client_id"], **body}
        request = RegistrationRequest(body, SOURCE, token=client["registration_access_token"])
        answer: Mapping[str, Any] = self.management.replace(client["client_id"], request).client
        return answer

    def get(self, client: Mapping[str, Any]) -> Mapping[str, Any]:
        """The registration as the client is told it."""
        answer: Mapping[str, Any] = self.management.read(client["client_id"], client["registration_access_token"])
        return answer

    def delete(self, client: Mapping[str, Any]) -> None:
        """The client deletes itself."""
        self.management.delete(client["client_id"], client["registration_access_token"])

    def stored(self, client: Mapping[str, Any]) -> Client:
        """The client as it is kept."""
        found = self.store.client(client["client_id"])
        assert found is not None
        return found

    def events(self, client: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What the journal has about the client beside decisions, oldest first."""
        found = self.store.decisions_of(client["client_id"], limit=1000)
        return [one.record for one in reversed(found) if one.result == "event"]


def together(works: Sequence[Callable[[], object]]) -> list[object]:
    """Do all of this at the same time: what each came to, a result or what it raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        start.wait()
        try:
            return work()
        except RegistrarError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
