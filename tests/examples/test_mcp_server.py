"""`examples/mcp-server`: what its README says is run, with the SDK's own client and server, on other ports."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from click.testing import CliRunner

from registrar.cli import main
from tests import servers
from tests.servers import free_port

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/mcp-server"
PORTS = ("8000", "8001", "9000")  # the registrar's, its private app's, the MCP server's
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
[SHOWN] = re.findall(r"```\n(401 .*?)```", README, re.DOTALL)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PATIENCE = 60.0  # seconds for a command on a busy machine
AGENT = "https://agent.example.com/callback"
LOOPBACK = "http://127.0.0.1:33418/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Example:
    """A copy of the example that runs. `ports` are those of PORTS."""

    folder: Path
    ports: tuple[str, ...]

    @property
    def authorization(self) -> str:
        """The origin of the MCP server and its authorization server."""
        return f"http://127.0.0.1:{self.ports[2]}"

    @property
    def remembered(self) -> dict[str, Any]:
        """What client.py keeps."""
        found: dict[str, Any] = json.loads((self.folder / ".state/client.json").read_text(encoding="utf-8"))
        return found

    def client(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python client.py`."""
        return self._run([sys.executable, "client.py", *arguments])

    def registrar(self, *arguments: str) -> str:
        """What a command of `registrar` prints, which has to succeed."""
        done = self._run([sys.executable, "-m", "registrar", *arguments, "--config", "registrar.yaml"])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def register(self, **document: object) -> dict[str, Any]:
        """The answer to a registration."""
        answer = httpx2.post(f"http://127.0.0.1:{self.ports[0]}/register", json=document, trust_env=False)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """`python run.py`, which ends on SIGTERM with exit code 0."""
    folder = tmp_path_factory.mktemp("example") / "mcp-server"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".state", "__pycache__"))
    ports = tuple(str(free_port()) for _ in PORTS)
    for file in (*folder.glob("*.py"), folder / "registrar.yaml"):
        text = file.read_text(encoding="utf-8")
        for port, free in zip(PORTS, ports, strict=True):
            text = text.replace(f":{port}", f":{free}").replace(f'"127.0.0.1", {port}', f'"127.0.0.1", {free}')
        file.write_text(text, encoding="utf-8")
    running = Example(folder, ports)
    with servers.run([sys.executable, str(folder / "run.py")], folder, f"http://127.0.0.1:{ports[0]}"):
        _wait(f"{running.authorization}/.well-known/oauth-protected-resource/mcp")
        yield running


def _wait(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx2.get(url, trust_env=False).status_code == httpx2.codes.OK:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


def paths(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The requests that the client showed: status, method, path."""
    return [
        f"{status} {method} {urlsplit(url).path}"
        for status, method, url in re.findall(r"^(\d+) (\w+) (\S+)$", done.stdout, re.MULTILINE)
    ]


def test_a_client_discovers_registers_is_authorized_and_calls_the_tool(example: Example) -> None:
    """From a 401 to the tool's answer, as README shows it, and straight to the tool the next time."""
    done = example.client("--forget")
    assert done.returncode == 0, done.stderr
    client_id = example.remembered["client"]["client_id"]
    assert re.sub(r":\d{4,5}/", "/", done.stdout).replace(client_id, "ID") == re.sub(r":\d{4}/", "/", UUID.sub("ID", SHOWN))
    assert set(paths(example.client())) == {"200 POST /mcp"}


def test_a_web_client_on_a_known_host_uses_the_secret_that_it_got(example: Example) -> None:
    """client_secret_basic, as its profile says when a client says nothing."""
    done = example.client("--forget", "--name", "Agent", "--redirect", AGENT)
    assert done.returncode == 0, done.stderr
    client = example.remembered["client"]
    assert (client["token_endpoint_auth_method"], len(client["client_secret"])) == ("client_secret_basic", 43)


def test_the_policy_refuses_another_host(example: Example) -> None:
    """Its reason reaches whoever runs the client, which remembers nothing."""
    done = example.client("--forget", "--redirect", "https://agent.example.com.evil.example/callback")
    assert done.returncode == 1
    assert paths(done)[-1] == "400 POST /register"
    [line] = done.stderr.splitlines()
    assert line.startswith("refused: Registration failed: 400")
    assert '"invalid_redirect_uri"' in line
    assert "redirect_uris[0] is not allowed here" in line
    assert not (example.folder / ".state/client.json").exists()


def test_a_deleted_client_is_out_at_once(example: Example) -> None:
    """Its token opens nothing, and there is no authorization for it; a client that forgets begins anew."""
    assert example.client("--forget").returncode == 0
    client_id = example.remembered["client"]["client_id"]
    assert example.registrar("client", "delete", client_id) == f"client {client_id} is deleted\n"
    done = example.client()
    assert done.returncode == 1
    assert paths(done)[0] == "401 POST /mcp"
    assert paths(done)[-1] == "400 GET /authorize"
    assert done.stderr == "refused: There is no such client.\n"
    assert example.client("--forget").returncode == 0
    assert example.remembered["client"]["client_id"] != client_id


def test_a_disabled_client_waits(example: Example) -> None:
    """Its token opens nothing meanwhile, and everything again afterwards."""
    assert example.client("--forget").returncode == 0
    client_id = example.remembered["client"]["client_id"]
    example.registrar("client", "disable", client_id)
    assert example.client().returncode == 1
    example.registrar("client", "enable", client_id)
    assert example.client().returncode == 0


def test_the_client_was_seen(example: Example) -> None:
    """A token is a use, so that only clients which nobody uses expire."""
    assert example.client("--forget").returncode == 0
    client_id = example.remembered["client"]["client_id"]
    shown = json.loads(example.registrar("client", "show", client_id, "--format", "json"))
    assert shown["last_seen_at"] >= shown["issued_at"]


def test_the_state_is_the_owners_alone(example: Example) -> None:
    """Tokens, and who registered from where."""
    assert example.client("--forget").returncode == 0
    for file in (example.folder / ".state").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


@dataclass(frozen=True, slots=True)
class Asking:
    """Requests to the authorization server, for a client that was registered."""

    example: Example
    client: Mapping[str, Any]

    def authorize(self, **changes: str) -> httpx2.Response:
        """The authorization page; a parameter that is "" is left out."""
        parameters = {
            "response_type": "code",
            "client_id": self.client["client_id"],
            "redirect_uri": LOOPBACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "state": "s",
            **changes,
        }
        query = urlencode({name: value for name, value in parameters.items() if value})
        return httpx2.get(f"{self.example.authorization}/authorize?{query}", trust_env=False)

    def answer(self, page: httpx2.Response, choice: str) -> dict[str, str]:
        """What the client is told when the person presses a button."""
        ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
        url = f"{self.example.authorization}/authorize"
        answered = httpx2.post(url, data={"ticket": ticket, "answer": choice}, trust_env=False)
        return {name: value for name, [value] in parse_qs(urlsplit(answered.headers["Location"]).query).items()}

    def code(self) -> str:
        """An authorization code."""
        return self.answer(self.authorize(), "yes")["code"]

    def token(self, **form: str) -> httpx2.Response:
        """The answer of the token endpoint."""
        given = {
            "grant_type": "authorization_code",
            "client_id": self.client["client_id"],
            "redirect_uri": LOOPBACK,
            "code_verifier": VERIFIER,
            **form,
        }
        return httpx2.post(f"{self.example.authorization}/token", data=given, trust_env=False)


@pytest.fixture
def asking(example: Example) -> Asking:
    """A public client on loopback."""
    return Asking(example, example.register(client_name="<b>curl</b>", redirect_uris=[LOOPBACK]))


def test_the_page_shows_where_the_code_goes_and_no_markup_of_the_client(asking: Asking) -> None:
    page = asking.authorize(redirect_uri="http://127.0.0.1:5/callback")
    assert "127.0.0.1:5" in page.text
    assert "&lt;b&gt;curl&lt;/b&gt;" in page.text
    assert page.headers["Content-Security-Policy"] == "frame-ancestors 'none'"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"client_id": "../../admin/v1/clients"},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": f"{LOOPBACK}/more"},
    ],
)
def test_nobody_is_sent_to_an_unknown_place(asking: Asking, changes: Mapping[str, str]) -> None:
    """RFC 6749 §4.1.2.1: the person is told, and no one else."""
    page = asking.authorize(**changes)
    assert (page.status_code, "Location" in page.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "weather:read weather:write"}, "invalid_scope"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
    ],
)
def test_the_client_is_told_what_it_may_not(asking: Asking, changes: Mapping[str, str], error: str) -> None:
    told = parse_qs(urlsplit(asking.authorize(**changes).headers["Location"]).query)
    assert told == {"error": [error], "state": ["s"], "iss": [f"http://127.0.0.1:{asking.example.ports[0]}"]}


def test_a_person_can_refuse(asking: Asking) -> None:
    assert asking.answer(asking.authorize(), "no")["error"] == "access_denied"


@pytest.mark.parametrize(
    "form",
    [
        {"code": "guessed"},
        {"code_verifier": "w" * 43},
        {"code_verifier": "\u00e9" * 43},
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"grant_type": "refresh_token"},
        {"client_id": "nobody"},
        {"client_secret": "guessed"},
    ],
)
def test_no_token_without_all_of_it(asking: Asking, form: Mapping[str, str]) -> None:
    """And the code is spent with the attempt."""
    code = asking.code()
    refused = asking.token(**{"code": code, **form})
    assert refused.status_code in (400, 401)
    assert set(refused.json()) == {"error"}


def test_a_code_is_good_once(asking: Asking) -> None:
    code = asking.code()
    assert asking.token(code=code).status_code == 200
    assert asking.token(code=code).json() == {"error": "invalid_grant"}


def test_a_code_is_the_clients_that_asked_for_it(asking: Asking) -> None:
    other = Asking(asking.example, asking.example.register(client_name="other", redirect_uris=[LOOPBACK]))
    assert other.token(code=asking.code()).json() == {"error": "invalid_grant"}


def test_the_policy_is_checked_and_tested() -> None:
    """Every rule of it, both ways."""
    tree = str(EXAMPLE / "policies")
    for command in (["check", "--strict"], ["test", "--coverage", "--min", "100"]):
        done = CliRunner().invoke(main, ["policy", *command, tree])
        assert done.exit_code == 0, done.output


def test_the_readme_has_the_commands() -> None:
    """Two of them, and the ones that the tests above run."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    commands = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    assert commands[:3] == [
        "pip install . mcp",
        "python examples/mcp-server/run.py",
        "python examples/mcp-server/client.py",
    ]
    assert "registrar client delete --config examples/mcp-server/registrar.yaml ID" in commands
