"""Registration documents for load: those of shipping clients, each a little different from every other."""

import json
import re
from collections.abc import Collection, Iterator
from itertools import cycle, islice
from random import Random
from typing import Any

from tests.clients.shipped import ADMITTED

_LOOPBACK_PORT = re.compile(r"(http://(?:localhost|127\.0\.0\.1|\[::1\]):)[0-9]+")


def varied(number: int, seed: int, clients: Collection[str] = tuple(ADMITTED)) -> Iterator[str]:
    """`number` documents of `clients` as JSON on one line, admitted by the shipped policies: the same for the same `seed`."""
    random = Random(seed)
    for client in islice(cycle(clients), number):
        yield json.dumps(_vary(ADMITTED[client].document, random))


def _vary(document: Any, random: Random) -> dict[str, object]:
    """`document` as its client would send it on another day: on another port, and with a number in its name."""
    uris = [_LOOPBACK_PORT.sub(rf"\g<1>{random.randrange(1024, 65536)}", uri) for uri in document["redirect_uris"]]
    name = f"{document.get('client_name', 'client')} {random.randrange(10**9)}"
    return {**document, "redirect_uris": uris, "client_name": name}
