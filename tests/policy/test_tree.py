"""Trees on disk: which files belong to one, and what its revision is."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar import policy
from registrar.bundled import bundled
from registrar.errors import LoadError
from registrar.policy import load, load_with_tests, read_files
from registrar.policy.revision import revision
from tests.policy.trees import BASE, POLICY, compiled, guardrail


def write(directory: Path, files: dict[str, str] | None = None) -> Path:
    for path, text in {**BASE, **(files or {})}.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text, encoding="utf-8")
    return directory


FILES = st.dictionaries(st.text("abc/.", min_size=1, max_size=6), st.binary(max_size=20), max_size=5)


@given(FILES, FILES)
def test_a_revision_names_the_bytes_of_a_tree_and_nothing_else(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (revision(one) == revision(other)) == (one == other)
    assert revision(one) == revision(dict(reversed(one.items())))


def test_anybody_can_compute_a_revision() -> None:
    """As README says: sha256sum over the files, sorted by path, and sha256sum over that."""
    listing = "".join(f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in [("a", b"1"), ("b/c", b"2")])
    assert revision({"b/c": b"2", "a": b"1"}) == "sha256:" + hashlib.sha256(listing.encode()).hexdigest()


def test_loading_imports_nothing_that_runs_tests() -> None:
    """It has to be quick: most programs load a tree and run none of its tests."""
    loading = (
        "import sys; from registrar.bundled import bundled; from registrar.policy import load;"
        "from registrar.schema import Schema; load(bundled('policies'), Schema.load('policy'));"
        "print('registrar.policy.suites' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
    assert all(hasattr(policy, name) for name in policy.__all__)
    assert not hasattr(policy, "suite")


def test_the_shipped_tree_loads_and_has_its_files() -> None:
    policies = load(bundled("policies"), POLICY)
    assert policies.name == "default"
    assert policies.revision == revision(policies.files)
    assert "guardrails/identity.yaml" in policies.files
    assert policies.profiles[0].book.name == "hosted-clients"


def test_what_is_no_yaml_is_no_policy(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "# ours", "guardrails/.hidden.yaml": "nonsense", ".git/config.yaml": "nonsense"})
    assert sorted(load(tmp_path, POLICY).files) == ["policyset.yaml", "profiles/native.yaml"]


def test_a_tree_behind_symbolic_links_is_read_as_kubernetes_mounts_it(tmp_path: Path) -> None:
    real = write(
        tmp_path / "..2026_10_01", {"guardrails/rules.yaml": guardrail("validations: [{id: a, expression: 'true', message: m}]")}
    )
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "..data").symlink_to(real)
    for name in ("policyset.yaml", "profiles", "guardrails"):
        (mounted / name).symlink_to(Path("..data") / name)
    assert load(mounted, POLICY).revision == load(real, POLICY).revision
    assert len(load(mounted, POLICY).guardrails) == 1


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "profiles" / "loop").symlink_to(tmp_path)
    with pytest.raises(LoadError, match="is nested too deep for a policy tree"):
        load(tmp_path, POLICY)


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"/nowhere:1:1: is no directory"):
        load(tmp_path / "nowhere", POLICY)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "profiles" / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    with pytest.raises(LoadError, match=r"profiles/gone.yaml:1:1: cannot be read: No such file"):
        load(tmp_path, POLICY)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe without a writer would keep the reader for ever."""
    write(tmp_path)
    os.mkfifo(tmp_path / "profiles" / "pipe.yaml")
    with pytest.raises(LoadError, match=r"profiles/pipe\.yaml:1:1: is no file"):
        load(tmp_path, POLICY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "guardrails").mkdir(mode=0)
    with pytest.raises(LoadError, match=r"guardrails/:1:1: cannot be read: Permission denied"):
        load(tmp_path, POLICY)


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "profiles" / "native.yaml").write_bytes(b"apiVersion: registrar/v1\nkind: \xff\n")
    with pytest.raises(LoadError, match=r"profiles/native.yaml:2:1: is not UTF-8"):
        load(tmp_path, POLICY)


def test_a_server_does_not_need_the_tests_to_be_whole(tmp_path: Path) -> None:
    """They are part of the revision, but a mistake in them is for `policy check`, not for a restart at night."""
    write(tmp_path, {"tests/broken_test.yaml": "kind: nonsense"})
    assert "tests/broken_test.yaml" in load(tmp_path, POLICY).files
    with pytest.raises(LoadError, match=r"tests/broken_test\.yaml"):
        load_with_tests(tmp_path, POLICY)


def test_the_files_are_kept_as_they_were_read(tmp_path: Path) -> None:
    write(tmp_path)
    assert dict(load(tmp_path, POLICY).files) == dict(read_files(tmp_path)) == dict(compiled().files)
