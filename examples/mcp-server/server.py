"""An MCP server with one tool, for clients of the registrar; its authorization server runs in the same process.

    AS_TOKEN=$(registrar token create authorization_server) python server.py

`run.py` starts it together with the registrar.
"""

import os

import uvicorn
from authorization import AuthorizationServer
from clients import Clients
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.settings import AuthSettings

HOST, PORT = "127.0.0.1", 9000
RESOURCE = f"http://{HOST}:{PORT}/mcp"
ISSUER = "http://127.0.0.1:8000"
PRIVATE = "http://127.0.0.1:8001"

authorization = AuthorizationServer(Clients(PRIVATE, os.environ["AS_TOKEN"]), issuer=ISSUER, resource=RESOURCE)
server = MCPServer(
    "Weather",
    log_level="WARNING",
    token_verifier=authorization,
    auth=AuthSettings.model_validate(
        {
            # Clients are sent to the registrar, which knows the rest.
            "issuer_url": ISSUER,
            "resource_server_url": RESOURCE,
            "required_scopes": ["weather:read"],
            "validate_token_resource": True,
        }
    ),
)
server.custom_route("/authorize", ["GET", "POST"])(authorization.authorize)
server.custom_route("/token", ["POST"])(authorization.token)


@server.tool()
def forecast(city: str) -> str:
    """What the weather will be like."""
    caller = get_access_token()
    assert caller is not None  # the SDK lets nobody in without one
    return f"{city}: sunny (asked by {caller.subject} through {caller.client_id})"


if __name__ == "__main__":
    uvicorn.run(server.streamable_http_app(), host=HOST, port=PORT, log_level="warning")
