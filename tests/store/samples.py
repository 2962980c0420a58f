"""Records to store, and a look at the tables behind the store's back."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg

from registrar.store import Client, DecisionRecord, Store, TokenRecord

METADATA: Mapping[str, object] = {
    "client_name": "Häger's agent \U0001f916",
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": ["http://127.0.0.1:33418/callback", "cursor://anysphere.cursor-retrieval/oauth"],
    "scope": "mcp:read mcp:tools",
    "token_endpoint_auth_method": "none",
}


def client(number: int, **changes: Any) -> Client:
    """Client `c<number>`, admitted by decision `d<number>`."""
    values: dict[str, Any] = {
        "client_id": f"c{number}",
        "metadata": METADATA,
        "profile": "public-native",
        "policy_revision": "sha256:1",
        "decision_id": f"d{number}",
        "source": "192.0.2.7",
        "software_id": "agent",
        "secret_hash": None,
        "secret_expires_at": 0,
        "issued_at": 1_790_000_000,
        "expires_at": 1_797_776_000,
        "unused": 86_400,
        "status": "active",
    }
    return Client(**(values | changes))


def known(store: Store, client_id: str = "c1") -> Client:
    """A client that is there, as it is stored now."""
    found = store.client(client_id)
    assert found is not None
    return found


def allowed(number: int) -> DecisionRecord:
    """The decision that admits client `c<number>`."""
    return DecisionRecord(
        decision_id=f"d{number}",
        at=1_790_000_000 + number,
        result="allow",
        client_id=f"c{number}",
        record={"facts": {"source": {"ip": "192.0.2.7", "networks": ["net"]}}, "effective": METADATA},
    )


def denied(number: int) -> DecisionRecord:
    """A decision that admits nobody."""
    return DecisionRecord(decision_id=f"d{number}", at=1_790_000_000 + number, result="deny", record={"violations": ["x/y"]})


def pair(client_number: int, decision_number: int) -> tuple[Client, DecisionRecord]:
    """Client `c<client_number>` and the decision `d<decision_number>` that admits it."""
    decision = replace(allowed(decision_number), client_id=f"c{client_number}")
    return client(client_number, decision_id=decision.decision_id), decision


def add(store: Store, number: int) -> None:
    """Store client `c<number>` with its decision."""
    store.add(client(number), allowed(number))


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    """What a statement answers, or changes, on a connection that the store knows nothing of."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            return connection.execute(sql).fetchall()
    with psycopg.connect(url) as server:
        cursor = server.execute(sql)
        return cursor.fetchall() if cursor.description else []


def stored(url: str) -> tuple[set[str], set[str]]:
    """The ids in the client table, and the client ids that the decisions name, at one moment."""
    pairs = rows(url, "SELECT 0, client_id FROM client UNION ALL SELECT 1, client_id FROM decision WHERE client_id <> ''")
    return {name for table, name in pairs if table == 0}, {name for table, name in pairs if table == 1}


def event(number: int, client_id: str, what: str = "deleted") -> DecisionRecord:
    """Something that happened to a client, recorded as `d<number>`."""
    record = {"version": 1, "event": what, "by": "admin"}
    return DecisionRecord(decision_id=f"d{number}", at=1_790_000_000 + number, result="event", client_id=client_id, record=record)


def token(number: int, **changes: Any) -> TokenRecord:
    """Initial access token `t<number>`."""
    values: dict[str, Any] = {
        "id": f"t{number}",
        "hash": digest(1000 + number),
        "kind": "initial_access",
        "issued_at": 100 + number,
    }
    return TokenRecord(**(values | changes))


def digest(number: int) -> bytes:
    """What is kept of a secret."""
    return number.to_bytes(32)
