"""The registration documents of shipping clients, as tests replay them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class ShippedClient:
    """What a client sends to the registration endpoint. `doubtful`: why it may be refused, "" when it must not be."""

    name: str
    headers: Mapping[str, str]
    document: Mapping[str, Any]
    doubtful: str

    @property
    def body(self) -> bytes:
        """The document as JSON."""
        return json.dumps(self.document).encode()


def _shipped() -> tuple[ShippedClient, ...]:
    fixtures = json.loads((files("registrar") / "fixtures/mcp-clients.json").read_bytes())
    return tuple(
        ShippedClient(client["name"], client["headers"], client["document"], client.get("mayBeRefused", ""))
        for client in fixtures["clients"]
    )


SHIPPED = _shipped()
ADMITTED = {client.name: client for client in SHIPPED if not client.doubtful}
DOUBTFUL = {client.name: client for client in SHIPPED if client.doubtful}
