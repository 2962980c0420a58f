"""Paths below a client. A client id may be a URL, and the server undoes the percent-encoding: so it may have slashes."""

from collections.abc import Mapping
from typing import TypeVar

import falcon

T = TypeVar("T")


def split_action(rest: str, actions: Mapping[str, T]) -> tuple[str, T]:
    """The client id, and what the last segment of `rest` names. Raises HTTPNotFound when it names nothing."""
    client_id, _, name = rest.rpartition("/")
    action = actions.get(name)
    if action is None:
        raise falcon.HTTPNotFound
    return client_id, action
