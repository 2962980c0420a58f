"""An MCP client: finds out where to register, registers, asks for authorization, gets a token and calls a tool.

    python client.py [--name NAME] [--redirect URI] [--forget]

It remembers its registration and its token in .state/client.json, as real clients do.
"""

import argparse
import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

SERVER = "http://127.0.0.1:9000/mcp"
MEMORY = Path(__file__).resolve().parent / ".state/client.json"


class Memory:
    """Where the client keeps what it was given (an SDK TokenStorage)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    async def get_tokens(self) -> OAuthToken | None:
        """The access token."""
        return OAuthToken.model_validate(self._kept["token"]) if "token" in self._kept else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep an access token."""
        self._keep("token", tokens.model_dump(mode="json", exclude_none=True))

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """The registration."""
        return OAuthClientInformationFull.model_validate(self._kept["client"]) if "client" in self._kept else None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a registration."""
        self._keep("client", client_info.model_dump(mode="json", exclude_none=True))

    def _keep(self, name: str, value: object) -> None:
        self._kept[name] = value
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps(self._kept))


class Browser:
    """A person with a browser who allows everything: looks at the page, presses the button, and is sent back to the client."""

    def __init__(self) -> None:
        self._back = ""

    async def open(self, url: str) -> None:
        """Go through the page at `url`. Raises PermissionError when the page has no button to press."""
        async with http() as client:
            page = await client.get(url)
            if page.status_code != httpx2.codes.OK:
                raise PermissionError(page.text.removeprefix("<p>"))
            ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
            answered = await client.post(urlsplit(url)._replace(query="").geturl(), data={"ticket": ticket, "answer": "yes"})
            self._back = answered.headers["Location"]

    async def come_back(self) -> AuthorizationCodeResult:
        """What stands in the redirect that the person followed back to the client."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(self._back).query).items()}
        return AuthorizationCodeResult.model_validate(query)


def http(auth: httpx2.Auth | None = None) -> httpx2.AsyncClient:
    """An HTTP client that shows what it does."""

    async def show(response: httpx2.Response) -> None:
        url = response.request.url
        print(f"{response.status_code} {response.request.method} {url.copy_with(query=None)}")

    return httpx2.AsyncClient(auth=auth, trust_env=False, event_hooks={"response": [show]})


async def call(name: str, redirect: str, memory: Memory) -> str:
    """What the tool says. Raises ExceptionGroup with OAuthFlowError or PermissionError in it where authorization ends."""
    browser = Browser()
    metadata = OAuthClientMetadata.model_validate({"client_name": name, "redirect_uris": [redirect]})
    provider = OAuthClientProvider(SERVER, metadata, memory, browser.open, browser.come_back)
    async with http(provider) as transport, Client(streamable_http_client(SERVER, http_client=transport)) as client:
        result = await client.call_tool("forecast", {"city": "Bern"})
        return str(result.structured_content)


def main() -> int:
    """Call the tool and print what it says, or why that did not work, and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="weather cli")
    parser.add_argument("--redirect", default="http://127.0.0.1:33418/callback")
    parser.add_argument("--forget", action="store_true", help="begin anew, without what was remembered")
    given = parser.parse_args()
    if given.forget:
        MEMORY.unlink(missing_ok=True)
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # what goes wrong is said below, in one line
    code = 0
    try:
        print(asyncio.run(call(given.name, given.redirect, Memory(MEMORY))))
    except* (OAuthFlowError, PermissionError) as group:
        print(f"refused: {_innermost(group)}", file=sys.stderr)
        code = 1
    return code


def _innermost(error: BaseException) -> BaseException:
    """The cause in a group of groups, as task groups raise them."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


if __name__ == "__main__":
    sys.exit(main())
