"""How one policy set takes another's place, in process: a real tree, a real database, a clock that stands."""

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registrar.errors import LoadError
from registrar.policy import PolicySet, Source, load
from registrar.schema import Schema
from registrar.service import Checkout, Outcome, Policies, PolicyTree, Registrar, RegistrationRequest
from registrar.service.policies import Look
from registrar.store import Store, StoreUnavailable

DOORS = Path(__file__).parent.parent / "cases/policies/doors"
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
SCHEMA = Schema.load("policy")
REQUESTS = Schema.load("registration-request")
COMMITS = [Checkout("c0ffee"), Checkout("c0ffee", dirty=True), Checkout("decaf")]

SUITE = """\
apiVersion: registrar/v1
kind: TestSuite
metadata: {name: native}
tests:
  - name: the reserved name is refused
    request: {client_name: %s, redirect_uris: ["http://127.0.0.1/callback"]}
    expect: {decision: deny, violations: [names/not-reserved]}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of its own."""
    return Path(shutil.copytree(DOORS, tmp_path / "tree"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that gives up soon."""
    with closing(Store.open(f"sqlite:///{tmp_path}/registrar.db", patience=0.2)) as opened:
        yield opened


def opened(tree: Path, store: Store, *, tested: bool = False) -> Policies:
    """The policies of `tree`; git says another thing each time that it is asked."""
    commits = iter(COMMITS)
    disk = PolicyTree(tree, SCHEMA, tested=REQUESTS if tested else None)
    return Policies(
        load(tree, SCHEMA), disk, store, clock=lambda: NOW, checkout=lambda: next(commits, Checkout("late")), settled=0.01
    )


def edit(tree: Path, old: str = "reserved name", new: str = "name that is reserved", file: str = "guardrails/names.yaml") -> str:
    """Replace `old` in a file: what it had before."""
    before = (tree / file).read_text(encoding="utf-8")
    assert old in before
    (tree / file).write_text(before.replace(old, new), encoding="utf-8")
    return before


def break_(tree: Path) -> str:
    """Put two mistakes into a file: what it had before."""
    edit(tree, "mode: enforce", "mode: loud", "policyset.yaml")
    return edit(tree, "lowerAscii", "lowerASCII")


@contextmanager
def locked(tmp_path: Path) -> Iterator[None]:
    """The database takes no writes."""
    with closing(sqlite3.connect(tmp_path / "registrar.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged."""
    return [record.getMessage() for record in caplog.records]


def fields(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    """The fields of each line with this message."""
    return [vars(record)["fields"] for record in caplog.records if record.getMessage() == message]


def test_a_changed_tree_takes_over(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The new set decides, and the store has its files, its time and its commit; the old set still works for who holds it."""
    caplog.set_level(logging.INFO)
    policies = opened(tree, store)
    first = policies.current()
    edit(tree)
    assert policies.refresh() is Outcome.ACTIVATED
    second = policies.current()
    assert second.revision == load(tree, SCHEMA).revision != first.revision
    assert policies.in_force.rejected is None
    assert store.revision(first.revision) == dict(first.files)
    assert store.revision(second.revision) == {
        path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*.yaml")
    }
    assert [(one.revision, one.activated_at, one.commit, one.dirty) for one in store.activations()] == [
        (first.revision, int(NOW.timestamp()), "c0ffee", False),
        (second.revision, int(NOW.timestamp()), "c0ffee", True),
    ]
    assert fields(caplog, "policy activated") == [
        {"revision": second.revision, "instead_of": first.revision, "commit": "c0ffee", "dirty": True}
    ]
    assert "reserved name" in first.files["guardrails/names.yaml"].decode()


def test_a_request_ends_on_the_revision_that_it_began_with(tree: Path, store: Store) -> None:
    """The tree is replaced between its decision and its answer: client and record name the old one, the next the new one."""
    policies = opened(tree, store)
    first = policies.current().revision
    ids = (f"id-{number}" for number in range(9))

    def new_id() -> str:
        policies.refresh()
        return next(ids)

    registrar = Registrar(policies.current, store, REQUESTS, clock=lambda: NOW, new_id=new_id, new_secret=lambda: "x" * 43)
    edit(tree)
    request = RegistrationRequest({"redirect_uris": ["http://127.0.0.1/callback"]}, Source(ip="198.51.100.7"))
    answers = [registrar.register(request) for _ in range(2)]
    assert policies.current().revision != first
    for answer, revision in zip(answers, (first, policies.current().revision), strict=True):
        client, decision = store.client(str(answer.client["client_id"])), store.decision(answer.decision_id)
        assert client is not None
        assert decision is not None
        assert (client.policy_revision, decision.record["revision"]) == (revision, revision)


def test_a_tree_that_is_the_same_changes_nothing(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Also when its files are new ones with the same bytes. Only who asks gets a line."""
    caplog.set_level(logging.INFO)
    policies = opened(tree, store)
    first = policies.current()
    shutil.rmtree(tree)
    shutil.copytree(DOORS, tree)
    (tree / "README.md").write_text("no part of the policy", encoding="utf-8")
    assert policies.refresh() is Outcome.UNCHANGED
    assert messages(caplog) == []
    assert policies.reload() is Outcome.UNCHANGED
    assert messages(caplog) == ["policy unchanged"]
    assert policies.current() is first
    assert len(store.activations()) == 1


def test_a_broken_tree_replaces_nothing(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Every mistake is logged with its place, once; asked for by hand, again. Mended, the tree takes over."""
    policies = opened(tree, store)
    first = policies.current()
    before = break_(tree)
    assert policies.refresh() is Outcome.REJECTED
    rejected = policies.in_force.rejected
    assert rejected is not None
    assert rejected.at == int(NOW.timestamp())
    assert rejected.seen.revision not in ("", first.revision)
    with pytest.raises(LoadError) as caught:
        load(tree, SCHEMA)
    assert rejected.problems == caught.value.problems
    assert {Path(problem.place.file) for problem in rejected.problems} >= {tree / "policyset.yaml"}
    assert [line["place"] for line in fields(caplog, "policy problem")] == [str(problem.place) for problem in rejected.problems]
    assert fields(caplog, "policy rejected") == [
        {"revision": rejected.seen.revision, "in_force": first.revision, "problems": len(rejected.problems)}
    ]

    caplog.clear()
    assert policies.refresh() is Outcome.REJECTED
    assert messages(caplog) == []
    assert policies.reload() is Outcome.REJECTED
    assert "policy rejected" in messages(caplog)
    assert policies.current() is first

    edit(tree, "mode: loud", "mode: audit", "policyset.yaml")
    (tree / "guardrails/names.yaml").write_text(before, encoding="utf-8")
    assert policies.refresh() is Outcome.ACTIVATED
    assert policies.in_force.rejected is None
    assert policies.current().revision != first.revision
    assert [one.revision for one in store.activations()] == [first.revision, policies.current().revision]


def test_another_broken_tree_is_told_anew(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake for which there is another one now."""
    policies = opened(tree, store)
    edit(tree, "mode: enforce", "mode: loud", "policyset.yaml")
    assert policies.refresh() is Outcome.REJECTED
    edit(tree, "mode: loud", "mode: quiet", "policyset.yaml")
    assert policies.refresh() is Outcome.REJECTED
    assert messages(caplog).count("policy rejected") == 2


def test_a_tree_that_is_what_it_was_is_restored(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Taking the edit back ends the rejection, and activates nothing."""
    caplog.set_level(logging.INFO)
    policies = opened(tree, store)
    before = edit(tree, "lowerAscii", "lowerASCII")
    assert policies.refresh() is Outcome.REJECTED
    (tree / "guardrails/names.yaml").write_text(before, encoding="utf-8")
    assert policies.refresh() is Outcome.UNCHANGED
    assert policies.in_force.rejected is None
    assert messages(caplog)[-1] == "policy restored"
    assert len(store.activations()) == 1


def test_a_tree_that_is_gone_is_rejected(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be read has no revision; it is told once, and the tree is taken when it is there again."""
    policies = opened(tree, store)
    tree.rename(tree.with_name("elsewhere"))
    assert policies.refresh() is Outcome.REJECTED
    assert policies.refresh() is Outcome.REJECTED
    rejected = policies.in_force.rejected
    assert rejected is not None
    assert rejected.seen.revision == ""
    assert [problem.message for problem in rejected.problems] == ["is no directory"]
    assert messages(caplog) == ["policy rejected", "policy problem"]
    tree.with_name("elsewhere").rename(tree)
    assert policies.refresh() is Outcome.UNCHANGED
    assert policies.in_force.rejected is None


def test_a_file_that_points_nowhere_is_rejected(tree: Path, store: Store) -> None:
    """A symbolic link whose target was removed first."""
    policies = opened(tree, store)
    (tree / "guardrails/names.yaml").unlink()
    (tree / "guardrails/names.yaml").symlink_to("..data/names.yaml")
    assert policies.refresh() is Outcome.REJECTED
    rejected = policies.in_force.rejected
    assert rejected is not None
    assert [str(problem) for problem in rejected.problems] == [
        f"{tree}/guardrails/names.yaml:1:1: cannot be read: No such file or directory"
    ]


def test_a_folder_that_cannot_be_listed_is_rejected(tree: Path, store: Store) -> None:
    """A folder that is a link to itself: the operating system's own words."""
    policies = opened(tree, store)
    (tree / "guardrails/loop.yaml").symlink_to("loop.yaml")
    assert policies.refresh() is Outcome.REJECTED
    assert policies.in_force.rejected is not None


def test_a_fault_of_the_program_rejects_the_tree(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Here a schema that knows no policies: logged with its trace once, and not with every look."""
    policies = Policies(load(tree, SCHEMA), PolicyTree(tree, Schema.load("settings")), store, clock=lambda: NOW, settled=0.0)
    edit(tree)
    assert policies.refresh() is Outcome.REJECTED
    assert policies.refresh() is Outcome.REJECTED
    assert messages(caplog) == ["policy not examined", "policy rejected", "policy problem"]
    assert caplog.records[0].exc_info
    (told,) = fields(caplog, "policy problem")
    assert str(told["place"]) == f"{tree}:1:1"
    assert str(told["problem"]).startswith("could not be examined: ")


def test_a_tree_that_is_being_written_is_left_for_later(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """It changes while it is looked at: nothing is compiled, and nothing said about what may be half of it."""
    disk = Restless(tree)
    policies = Policies(load(tree, SCHEMA), disk, store, clock=lambda: NOW, settled=0.01)
    first = policies.current()
    edit(tree)
    for name in ("a", "b"):
        disk.moves = [name]
        assert policies.refresh() is Outcome.POSTPONED
        (tree / f"guardrails/{name}.yaml").unlink()
    assert (policies.current(), policies.in_force.rejected) == (first, None)
    assert messages(caplog) == []
    assert policies.refresh() is Outcome.ACTIVATED


@pytest.mark.parametrize("broken", [False, True], ids=["loads", "does not load"])
def test_a_tree_that_changes_while_it_is_compiled_is_left_for_later(tree: Path, store: Store, *, broken: bool) -> None:
    """Neither what was compiled nor its mistakes are those of the tree that was seen."""
    disk = Restless(tree)
    policies = Policies(load(tree, SCHEMA), disk, store, clock=lambda: NOW, settled=0.0)
    first = policies.current()
    disk.while_loading = ["mode: loud" if broken else "mode: audit"]
    edit(tree)
    assert policies.refresh() is Outcome.POSTPONED
    assert (policies.current(), policies.in_force.rejected) == (first, None)
    assert policies.refresh() is (Outcome.REJECTED if broken else Outcome.ACTIVATED)


class Restless(PolicyTree):
    """A tree that somebody writes to after it was looked at (`moves`), or when it is about to be loaded (`while_loading`)."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, SCHEMA)
        self.directory = directory
        self.moves: list[str] = []
        self.while_loading: list[str] = []

    def look(self) -> Look:
        """What is there, and then something else."""
        seen = super().look()
        if self.moves:
            (self.directory / "guardrails" / f"{self.moves.pop()}.yaml").write_text("half of it: [", encoding="utf-8")
        return seen

    def load(self) -> PolicySet:
        """What is there now."""
        for mode in self.while_loading:
            edit(self.directory, "mode: enforce", mode, "policyset.yaml")
        self.while_loading = []
        return super().load()


def test_without_the_store_nothing_is_replaced(
    tree: Path, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be recorded does not decide; it is told once, and taken when the store is back."""
    policies = opened(tree, store)
    first = policies.current()
    edit(tree)
    with locked(tmp_path):
        assert policies.refresh() is Outcome.POSTPONED
        assert policies.refresh() is Outcome.POSTPONED
        assert policies.reload() is Outcome.POSTPONED
    assert policies.current() is first
    assert messages(caplog) == ["policy postponed"]
    assert policies.refresh() is Outcome.ACTIVATED
    assert [one.revision for one in store.activations()] == [first.revision, policies.current().revision]


def test_what_the_store_did_not_take_is_forgotten_with_the_edit(tree: Path, store: Store, tmp_path: Path) -> None:
    """The tree was changed again, or back, before the store was there."""
    policies = opened(tree, store)
    first = policies.current()
    before = edit(tree)
    with locked(tmp_path):
        assert policies.refresh() is Outcome.POSTPONED
        break_(tree)
        assert policies.refresh() is Outcome.REJECTED
        edit(tree, "mode: loud", "mode: audit", "policyset.yaml")
        (tree / "guardrails/names.yaml").write_text(before, encoding="utf-8")
        assert policies.refresh() is Outcome.POSTPONED
        assert policies.in_force.rejected is None
        edit(tree, "mode: audit", "mode: enforce", "policyset.yaml")
        assert policies.refresh() is Outcome.UNCHANGED
    assert policies.refresh() is Outcome.UNCHANGED
    assert policies.current() is first
    assert len(store.activations()) == 1


def test_nothing_is_in_force_that_was_not_recorded(tree: Path, store: Store, tmp_path: Path) -> None:
    """Not even the first one."""
    with locked(tmp_path), pytest.raises(StoreUnavailable):
        opened(tree, store)


def test_tests_are_run_where_they_are_asked_for(tree: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A tree whose suites fail is rejected like a broken one, each failure at its test; without the demand it is taken."""
    strict, easy = opened(tree, store, tested=True), opened(tree, store)
    first = strict.current()
    (tree / "tests").mkdir()
    (tree / "tests/native_test.yaml").write_text(SUITE % "my cli", encoding="utf-8")
    assert strict.refresh() is Outcome.REJECTED
    assert strict.current() is first
    place = f"{tree}/tests/native_test.yaml:5:11"
    told = [(line["place"], line["problem"]) for line in fields(caplog, "policy problem")]
    assert told[0] == (place, "test the reserved name is refused: decision is allow, expected deny")
    assert {where for where, _ in told} == {place}
    assert easy.refresh() is Outcome.ACTIVATED

    (tree / "tests/native_test.yaml").write_text(SUITE % "acme", encoding="utf-8")
    assert strict.refresh() is Outcome.ACTIVATED
    (tree / "tests/native_test.yaml").write_text(SUITE.replace("not-reserved", "not-resrved") % "acme", encoding="utf-8")
    assert strict.refresh() is Outcome.REJECTED
    (tree / "tests").rename(tree.with_name("tests"))
    (tree / "tests").symlink_to("tests")
    assert strict.refresh() is Outcome.REJECTED, "a link that leads nowhere is no YAML file, and no tests pass none"
    assert easy.refresh() is Outcome.ACTIVATED


def test_workers_end_on_the_same_revision(tree: Path, store: Store, tmp_path: Path) -> None:
    """Each has its own policies and connection; what one has recorded already is recorded once."""
    with closing(Store.open(f"sqlite:///{tmp_path}/registrar.db")) as another:
        workers = [Policies(load(tree, SCHEMA), PolicyTree(tree, SCHEMA), one, clock=lambda: NOW) for one in (store, another)]
        edit(tree)
        assert [worker.refresh() for worker in workers] == [Outcome.ACTIVATED] * 2
        assert workers[0].current().revision == workers[1].current().revision
        assert len(store.activations()) == 2
