"""/metrics, for whoever watches the server."""

from collections.abc import Callable

import falcon

from registrar.http.private.guard import Guard


class Scrape:
    """The metrics. `render` gives their text and its content type."""

    def __init__(self, guard: Guard, render: Callable[[], tuple[bytes, str]]) -> None:
        self._guard = guard
        self._render = render

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200: for every role, since there is nothing of a client in it."""
        self._guard.admit(req)
        resp.data, resp.content_type = self._render()

    on_head = on_get
