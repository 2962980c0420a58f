"""The MCP Python SDK's registration handler under uvicorn, as its documentation mounts it, clients in a dict.

python -m tests.benchmarks.peers.mcp_python PORT
"""

import signal
import sys
from typing import Any, cast

import uvicorn
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.provider import OAuthAuthorizationServerProvider
from mcp.server.auth.routes import cors_middleware
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


class Provider:
    """The part of a provider that keeps clients; nothing else is asked for."""

    def __init__(self) -> None:
        self.clients: dict[str | None, OAuthClientInformationFull] = {}

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a client."""
        self.clients[client_info.client_id] = client_info


def create_app() -> Starlette:
    provider = cast("OAuthAuthorizationServerProvider[Any, Any, Any]", Provider())
    handler = RegistrationHandler(provider, ClientRegistrationOptions(enabled=True))
    return Starlette(
        routes=[
            Route("/register", cors_middleware(handler.handle, ["POST", "OPTIONS"]), methods=["POST", "OPTIONS"]),
            Route("/readyz", lambda _request: PlainTextResponse("ready")),
        ]
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal again when it has stopped
    uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
