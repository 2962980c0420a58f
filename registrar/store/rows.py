"""Records as rows of their tables, and back."""

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from registrar.store.failures import StoreUnavailable
from registrar.store.journal import Link, canonical
from registrar.store.records import Activation, Client, DecisionRecord, TokenRecord
from registrar.store.statements import CLIENT_COLUMNS, TOKEN_COLUMNS

_METADATA = CLIENT_COLUMNS.index("metadata")
_client_values = attrgetter(*CLIENT_COLUMNS)
_token_values = attrgetter(*TOKEN_COLUMNS)

T = TypeVar("T")
U = TypeVar("U")


def client_row(client: Client) -> list[object]:
    """`client` in the order of its columns. Raises ValueError or TypeError for a value that no column holds."""
    values = list(_client_values(client))
    values[_METADATA] = canonical(client.metadata)
    return _storable(CLIENT_COLUMNS, values)


def client_of(row: tuple[Any, ...]) -> Client:
    """The client of a row."""
    values = dict(zip(CLIENT_COLUMNS, row, strict=True))
    values["metadata"] = json.loads(values["metadata"])
    values["provisioned"] = bool(values["provisioned"])  # SQLite has no booleans
    return Client(**values)


def token_row(token: TokenRecord) -> list[object]:
    """`token` in the order of its columns. Raises as `client_row`."""
    values = dict(zip(TOKEN_COLUMNS, _token_values(token), strict=True))
    values["scopes"] = canonical(list(token.scopes))
    values["labels"] = canonical(token.labels)
    return _storable(TOKEN_COLUMNS, list(values.values()))


def token_of(row: tuple[Any, ...]) -> TokenRecord:
    """The token of a row."""
    values = dict(zip(TOKEN_COLUMNS, row, strict=True))
    values["scopes"] = tuple(json.loads(values["scopes"]))
    values["labels"] = json.loads(values["labels"])
    return TokenRecord(**values)


def decision_of(row: tuple[Any, ...]) -> DecisionRecord:
    """The decision of a row."""
    return Link(*row).entry.decision


def activation_of(row: tuple[Any, ...]) -> Activation:
    """The activation of a row."""
    _, revision, activated_at, commit, dirty = row
    return Activation(revision=revision, activated_at=activated_at, commit=commit, dirty=bool(dirty))


def pair_of(
    one: Callable[[tuple[Any, ...]], T], other: Callable[[tuple[Any, ...]], U], row: tuple[Any, ...], width: int
) -> tuple[T, U | None]:
    """A row of an outer join, of which the first `width` columns make `one`; the columns of what is not there are all NULL."""
    try:
        return one(row[:width]), None if row[width] is None else other(row[width:])
    except ValueError as error:
        raise StoreUnavailable(f"a document in the database is corrupt: {error}") from error


def _storable(names: tuple[str, ...], values: list[object]) -> list[object]:
    for name, value in zip(names, values, strict=True):
        if isinstance(value, str) and "\0" in value:  # SQLite would take it, PostgreSQL cannot
            raise ValueError(f"{name} has a NUL character, which no text column holds")
    return values
