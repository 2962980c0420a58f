"""An MCP server that nobody may use yet: it answers 401 and says which authorization server it belongs to (RFC 9728)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_METADATA_PATH = "/.well-known/oauth-protected-resource"


@contextmanager
def protected_resource(issuer: str) -> Iterator[str]:
    """The URL of a protected resource on loopback whose authorization server is `issuer`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith(_METADATA_PATH):
                self._answer(200, {"resource": f"{origin}/mcp", "authorization_servers": [issuer]})
            else:
                self.do_POST()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(401, {"error": "invalid_token"})

        def _answer(self, status: int, document: object) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", f'Bearer resource_metadata="{origin}{_METADATA_PATH}/mcp"')
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        origin = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"{origin}/mcp"
        finally:
            server.shutdown()
            thread.join()
