"""Remembers which clients identical registrations share, so that nobody has to look for the one that most of them are."""

from typing import Final

from registrar.store import Client

_MOST: Final = 1024  # clients: what is forgotten is looked for again


class Shared:
    """Shared clients by their reuse keys, as they were when somebody was given them last.

    What is kept may be untrue by now: the store says so to whoever gives the client out. Bounded memory of this process. Safe to
    share between threads: single operations on a dict.
    """

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}

    def known(self, reuse_key: str | None) -> Client | None:
        """The client that was last shared by this key, if that is known."""
        return self._clients.get(reuse_key) if reuse_key is not None else None

    def keep(self, reuse_key: str | None, client: Client | None) -> None:
        """Keep in mind who is shared by this key; None: that nobody is."""
        if reuse_key is None:
            return
        if client is None:
            self._clients.pop(reuse_key, None)
            return
        if len(self._clients) >= _MOST:
            self._clients = {}  # rather than an order of use, which every registration would have to keep
        self._clients[reuse_key] = client
