"""`registrar serve` and what it reads and writes beside the policy tree: keys of software statements, counted refusals."""

import json
import os
import signal
import time
from contextlib import closing
from pathlib import Path

import httpx2

from registrar.store import Store
from tests.cli.server import register, run, serving
from tests.servers import Server
from tests.statements.issuers import ISSUER, SIGNING, key_for, public, statement

NATIVE = {"client_name": "my cli", "redirect_uris": ["http://127.0.0.1:33418/callback"]}
REFUSED = {**NATIVE, "client_name": "acme"}


def configured(folder: Path, settings: str) -> Path:
    """A settings file."""
    file = folder / "registrar.yaml"
    file.write_text(settings, encoding="utf-8")
    return file


def trusting(folder: Path) -> Path:
    """A settings file that trusts one issuer."""
    (folder / "vendor.json").write_text(json.dumps(public(SIGNING)), encoding="utf-8")
    item = {"issuer": ISSUER, "jwks": "vendor.json", "algorithms": ["ES256"]}
    return configured(folder, f"watch_interval: 0\nsoftware_statements: {json.dumps([item])}\n")


def test_counted_refusals_are_written_at_the_end(tmp_path: Path) -> None:
    """What was only counted when SIGTERM came is in the journal, under the id that clients were told."""
    file = configured(tmp_path, "recorded_refusals: 2\n")
    with serving(tmp_path, "--config", str(file)) as server:
        told = [register(server, REFUSED).headers["registrar-decision-id"] for _ in range(7)]
    with closing(Store.open(f"sqlite:///{tmp_path}/.local/state/registrar/registrar.db")) as store:
        records = [store.decision(decision_id) for decision_id in told]
    assert [record.result for record in records if record] == ["deny"] * 2 + ["event"] * 5
    assert len({record.decision_id for record in records if record}) == 3
    assert records[-1] is not None
    assert records[-1].record["count"] == 5


def test_keys_follow_the_disk_on_sighup(tmp_path: Path) -> None:
    """Broken ones replace nothing, and are in the log; whole ones do."""
    file, keys, other = trusting(tmp_path), tmp_path / "vendor.json", key_for("ES256")
    old, new = ({**NATIVE, "software_statement": statement(key=key, kid=None)} for key in (SIGNING, other))
    with serving(tmp_path, "--config", str(file)) as server:
        assert register(server, old).status_code == 201
        keys.write_text("{", encoding="utf-8")
        hang_up(server, "keys of software statements rejected")
        assert register(server, old).status_code == 201
        keys.write_text(json.dumps(public(other)), encoding="utf-8")
        hang_up(server, "keys of software statements replaced")
        answers: list[httpx2.Response] = [register(server, body) for body in (old, new)]
    assert [answer.status_code for answer in answers] == [400, 201]
    assert answers[0].json()["error"] == "invalid_software_statement"


def hang_up(server: Server, message: str) -> None:
    """SIGHUP, and the line of the log that comes of it."""
    os.kill(server.process.pid, signal.SIGHUP)
    deadline = time.monotonic() + 20
    while message not in server.log.read_text():
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.05)


def test_keys_that_do_not_load_are_usage(tmp_path: Path) -> None:
    """Exit code 2, before anything is served, with every mistake and the file that it is in."""
    file = trusting(tmp_path)
    (tmp_path / "vendor.json").write_text(json.dumps({"keys": [SIGNING.as_dict(private=True)]}), encoding="utf-8")
    ended = run(tmp_path, "serve", "--config", str(file))
    assert ended.returncode == 2
    assert "the keys of software_statements do not load:" in ended.stderr
    assert f"{tmp_path}/vendor.json:1:1: key 1 must be a public key without private members" in ended.stderr
