"""Three servers on one PostgreSQL database, as nodes behind a load balancer: what they share, and what the end of one ends."""

import itertools
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from registrar.limits import SHARDS, LimitUse
from registrar.policy import load
from registrar.schema import Schema
from registrar.store import Store
from tests.cli.server import DOORS, PATIENCE, ask, serving
from tests.postgresql import fresh_schema
from tests.servers import Server
from tests.store.samples import allowed, client, rows

SOON = 30.0  # seconds until something happens by itself on a busy machine
LIMITS = """
apiVersion: registrar/v1
kind: Limits
metadata: {name: nodes}
spec:
  limits:
    - {id: few, when: 'client.client_name.startsWith("few")', key: '"all"', rate: 30/hour}
    - {id: places, when: 'client.client_name.startsWith("places")', key: client.software_id, maxActive: 25}
    - {id: hot, when: 'client.client_name.startsWith("hot")', key: '"all"', rate: 300/hour, maxActive: 300}
"""


@pytest.fixture(name="url", scope="module")
def _url() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


@pytest.fixture(name="tree", scope="module")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tree, which all nodes read: with limits, and native clients that are shared."""
    tree = Path(shutil.copytree(DOORS, tmp_path_factory.mktemp("policies") / "tree"))
    (tree / "limits").mkdir()
    (tree / "limits/nodes.yaml").write_text(LIMITS, encoding="utf-8")
    native = tree / "profiles/native.yaml"
    native.write_text(
        native.read_text(encoding="utf-8").replace("\nspec:\n", "\nspec:\n  reuseIdentical: true\n"), encoding="utf-8"
    )
    return tree


@contextmanager
def node(folder: Path, url: str, tree: Path, **environ: str) -> Iterator[Server]:
    """A server with a home of its own."""
    folder.mkdir()
    flags = ["--policies", str(tree), "--database-url", url, "--log-format", "json"]
    with serving(folder, *flags, **{"REGISTRAR_WATCH_INTERVAL": "1", "REGISTRAR_SWEEP_INTERVAL": "0", **environ}) as server:
        yield server


class _CrashError(Exception):
    """Nobody's fault."""


@contextmanager
def doomed_node(folder: Path, url: str, tree: Path) -> Iterator[Server]:
    """A server that is killed at the end of its block, with everything that it was doing."""
    with suppress(_CrashError), node(folder, url, tree) as server:
        yield server
        raise _CrashError


@pytest.fixture(name="nodes", scope="module")
def _nodes(tmp_path_factory: pytest.TempPathFactory, url: str, tree: Path) -> Iterator[Sequence[Server]]:
    """Three nodes that run through all tests of this module."""
    folder = tmp_path_factory.mktemp("nodes")
    with ExitStack() as stack:
        yield [stack.enter_context(node(folder / str(number), url, tree)) for number in range(3)]


def native(name: str, **members: object) -> Mapping[str, object]:
    """A document that the tree admits."""
    return {"client_name": name, "redirect_uris": ["http://127.0.0.1:33418/callback"], **members}


def register(nodes: Sequence[Server], documents: Sequence[Mapping[str, object]], *, threads: int = 12) -> list[httpx2.Response]:
    """Send every document once, by threads that each keep to one node; the answers of nodes that gave any."""
    waiting, answers = iter(documents), []
    turn = threading.Lock()

    def send(server: Server) -> None:
        with httpx2.Client(base_url=server.origin, trust_env=False, timeout=PATIENCE) as to:
            while True:
                with turn:
                    document = next(waiting, None)
                if document is None:
                    return
                try:
                    answers.append(to.post("/register", json=document))
                except httpx2.TransportError:  # that node is gone
                    return

    workers = [
        threading.Thread(target=send, args=(server,)) for server, _ in zip(itertools.cycle(nodes), range(threads), strict=False)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return answers


def statuses(answers: Sequence[httpx2.Response]) -> Counter[int]:
    """How many answers of each kind."""
    return Counter(answer.status_code for answer in answers)


def soon(condition: Callable[[], object]) -> None:
    """Wait until `condition` is true."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def named(url: str, prefix: str) -> int:
    """How many clients have a name that begins so."""
    ((number,),) = rows(url, f'SELECT COUNT(*) FROM client WHERE metadata LIKE \'%"client_name":"{prefix}%\'')
    return int(number)


def test_nodes_share_a_limit(nodes: Sequence[Server], url: str) -> None:
    """Ninety different clients at three nodes: thirty are admitted, and every other is told when to come again, by each node."""
    answers = register(nodes, [native(f"few {number}") for number in range(90)])
    assert statuses(answers) == {201: 30, 429: 60}
    assert named(url, "few") == 30
    assert all(3000 < int(answer.headers["retry-after"]) <= 3661 for answer in answers if answer.status_code == 429)
    assert [statuses(register([server], [native("few again")], threads=1)) for server in nodes] == [{429: 1}] * 3


def test_nodes_share_a_hot_limit(nodes: Sequence[Server], url: str) -> None:
    """One that everybody uses at once: it is counted in several rows, and as exact."""
    answers = register(nodes, [native(f"hot {number}") for number in range(360)], threads=24)
    assert statuses(answers) == {201: 300, 429: 60}
    assert named(url, "hot") == 300
    assert rows(url, "SELECT COUNT(*), SUM(active) FROM counter WHERE limit_id = 'nodes/hot'") == [(SHARDS, 300)]


def test_a_place_that_one_node_gives_back_is_free_at_another(nodes: Sequence[Server], url: str) -> None:
    """Clients end at the node that they ask to."""
    secret = {"software_id": "s", "token_endpoint_auth_method": "client_secret_post"}
    answers = register(nodes, [native(f"places {number}", **secret) for number in range(40)])
    assert statuses(answers) == {201: 25, 429: 15}
    first, second, third = nodes
    gone = [answer.json() for answer in answers if answer.status_code == 201][:3]
    for answer in gone:
        headers = {"Authorization": f"Bearer {answer['registration_access_token']}"}
        assert ask(first, "DELETE", f"/register/{answer['client_id']}", headers=headers).status_code == 204
        assert ask(second, "GET", f"/register/{answer['client_id']}", headers=headers).status_code == 401
    assert statuses(register([second, third], [native(f"places again {n}", **secret) for n in range(9)])) == {201: 3, 429: 6}


def test_nodes_share_identical_clients(nodes: Sequence[Server], url: str) -> None:
    """A hundred requests with one document, at all nodes at once: one client."""
    answers = register(nodes, [native("the same")] * 100, threads=24)
    assert statuses(answers) == {201: 100}
    assert len({answer.json()["client_id"] for answer in answers}) == 1
    assert named(url, "the same") == 1


def test_nodes_follow_one_revision(nodes: Sequence[Server], url: str, tree: Path) -> None:
    """An edit of the tree that all read is in force at all of them, and the database has noted it once."""

    def revisions() -> list[str]:
        return [ask(server, "GET", "/readyz").json()["policy"]["revision"] for server in nodes]

    before = load(tree, Schema.load("policy")).revision
    assert revisions() == [before] * 3
    guardrail = tree / "guardrails/names.yaml"
    aside = tree.parent / "names.yaml"
    aside.write_text(guardrail.read_text(encoding="utf-8").replace('"acme"', '"nobody"'), encoding="utf-8")
    aside.rename(guardrail)
    after = load(tree, Schema.load("policy")).revision
    soon(lambda: revisions() == [after] * 3)
    assert [statuses(register([server], [native("nobody's")], threads=1)) for server in nodes] == [{400: 1}] * 3
    with closing(Store.open_to_read(url)) as store:
        assert [activation.revision for activation in store.activations()] == [before, after]
        assert store.verify().breaks == ()


def test_the_end_of_one_node_ends_nothing(tmp_path: Path, tree: Path) -> None:
    """It is killed while all register: the others serve on, and the limit is neither lost nor passed."""
    with fresh_schema() as url, node(tmp_path / "a", url, tree) as one, node(tmp_path / "b", url, tree) as other:
        answers: list[httpx2.Response] = []
        documents = [native(f"few {number}") for number in range(60)]
        with doomed_node(tmp_path / "c", url, tree) as victim:
            flood = threading.Thread(target=lambda: answers.extend(register([one, other, victim], documents, threads=6)))
            flood.start()
            soon(lambda: named(url, "few") >= 5)
        flood.join()
        assert statuses(answers).keys() <= {201, 429}
        assert statuses(register([one, other], [native(f"few more {number}") for number in range(30)])).keys() <= {201, 429}
        assert named(url, "few") == 30
        with closing(Store.open_to_read(url)) as store:
            assert store.verify().breaks == ()


def test_one_node_sweeps_at_a_time(tmp_path: Path, tree: Path) -> None:
    """Three hundred clients are due at one moment: one node ends them all, each once, and their places are free."""
    every_second = {"REGISTRAR_SWEEP_INTERVAL": "1"}
    with fresh_schema() as url, ExitStack() as stack:
        nodes = [stack.enter_context(node(tmp_path / str(number), url, tree, **every_second)) for number in range(3)]
        uses = [LimitUse(limit="nodes/places", key="s", max_active=300)]
        with closing(Store.open(url)) as store:
            for number in range(300):
                store.add(client(number, due_at=0, expires_at=0, unused=0), allowed(number), uses=uses, at=time.time())
            rows(url, f"UPDATE client SET due_at = {int(time.time())}")
            soon(lambda: not store.due(int(time.time()), 1))
        assert rows(url, "SELECT COUNT(*) FROM decision WHERE result = 'event'") == [(300,)]
        assert rows(url, "SELECT COUNT(*) FROM hold") == [(0,)]
        soon(lambda: swept(nodes))
        assert swept(nodes) == [300]


def swept(nodes: Sequence[Server]) -> list[int]:
    """How many clients each sweep expired that expired any, by what the nodes logged as JSON."""
    logged = [line for server in nodes for line in server.log.read_text(encoding="utf-8").splitlines()]
    return [int(line["expired"]) for line in map(json.loads, filter(_is_json, logged)) if line.get("expired")]


def _is_json(line: str) -> bool:
    return line.startswith("{")
