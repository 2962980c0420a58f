"""What the tests of the adapters share: the modules themselves, and clients to register."""

import base64
import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

ADAPTERS = Path(__file__).resolve().parents[3] / "examples/adapters"
LOOPBACK = "http://127.0.0.1:33418/callback"
ANOTHER_PORT = "http://127.0.0.1:50000/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
NATIVE: Mapping[str, object] = {"client_name": "my cli", "redirect_uris": [LOOPBACK], "token_endpoint_auth_method": "none"}
SECRETIVE: Mapping[str, object] = {**NATIVE, "client_name": "my tool", "token_endpoint_auth_method": "client_secret_post"}
BASIC: Mapping[str, object] = {**SECRETIVE, "token_endpoint_auth_method": "client_secret_basic"}
BRAND: Mapping[str, object] = {"client_name": "Claude", "redirect_uris": ["https://evil.example/callback"]}


def adapter(file: str) -> ModuleType:
    """The module of an adapter, which is a script beside its README and in no package."""
    spec = importlib.util.spec_from_file_location(Path(file).stem, ADAPTERS / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def basic(client_id: str, secret: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}
