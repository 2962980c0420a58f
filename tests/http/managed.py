"""A client that manages its registration, and the clock that its life runs by."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from falcon import testing

from registrar.service import Clients, TimeOrderedIds, new_secret
from registrar.store import Client, Store
from tests.http.served import NOW, Served, served

MANAGED = Path(__file__).parent.parent / "cases/policies/managed"

NATIVE: Mapping[str, object] = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
HOSTED: Mapping[str, object] = {"client_name": "my app", "redirect_uris": ["https://app.example/callback"]}
KIOSK: Mapping[str, object] = {"client_name": "kiosk", "redirect_uris": ["com.example.kiosk:/callback"]}

DAY = 86_400


class Clock:
    """Stands, until somebody lets time pass."""

    def __init__(self) -> None:
        self._now = NOW

    def __call__(self) -> datetime:
        return self._now

    def pass_by(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now += timedelta(seconds=seconds)

    @property
    def seconds(self) -> int:
        """The time in epoch seconds."""
        return int(self._now.timestamp())


@dataclass(frozen=True, slots=True)
class Life:
    """The public app, with the authorization server's side of the same database, and the clock of both."""

    app: Served
    clients: Clients
    clock: Clock

    @property
    def store(self) -> Store:
        """The database."""
        return self.app.store

    def register(self, body: Mapping[str, object] = HOSTED, **options: Any) -> Mapping[str, Any]:
        """The answer of a registration that succeeds."""
        result = self.app.post(body, **options)
        assert result.status_code == 201, result.text
        answer: Mapping[str, Any] = result.json
        return answer

    def get(self, client: Mapping[str, Any], **options: Any) -> testing.Result:
        """GET on the client configuration endpoint."""
        return self.ask("GET", client, **options)

    def put(self, client: Mapping[str, Any], body: Mapping[str, object], **options: Any) -> testing.Result:
        """PUT, with the client's id in the body."""
        return self.ask("PUT", client, json={"client_id": client["client_id"], **body}, **options)

    def delete(self, client: Mapping[str, Any], **options: Any) -> testing.Result:
        """DELETE."""
        return self.ask("DELETE", client, **options)

    def ask(self, method: str, client: Mapping[str, Any], **options: Any) -> testing.Result:
        """A request to the `registration_client_uri` of `client`, with its token."""
        path = str(client["registration_client_uri"]).removeprefix("https://as.example")
        headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
        return self.app.client.simulate_request(method, path, **{"headers": headers, **options})

    def use(self, client: Mapping[str, Any], days: int) -> None:
        """Let `days` pass in which the client is used."""
        for _ in range(2 * days):
            self.clients.seen(client["client_id"])
            self.clock.pass_by(DAY // 2)

    def stored(self, client: Mapping[str, Any]) -> Client:
        """The client as it is kept."""
        found = self.store.client(client["client_id"])
        assert found is not None
        return found

    def events(self, client: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What the journal has about the client beside decisions, oldest first."""
        found = self.store.decisions_of(client["client_id"])
        return [one.record for one in reversed(found) if one.result == "event"]


@contextmanager
def living(folder: Path, store: Store | None = None, **changes: object) -> Iterator[Life]:
    """Everything on one clock, on the tree of managed clients."""
    clock = Clock()
    with served(folder, store, clock, policies=MANAGED, **changes) as app:
        ids = TimeOrderedIds(clock, secrets.token_bytes)
        clients = Clients(app.store, clock=clock, new_id=ids, new_secret=new_secret)
        yield Life(app, clients, clock)
