"""What create_public_app puts together by itself, from settings alone."""

from pathlib import Path

import pytest
from falcon import testing

from registrar.app import Checkout, create_public_app, load_policies, open_store
from registrar.errors import LoadError
from registrar.settings import Settings
from registrar.store import DatabaseURLError
from tests.http.served import DOORS, NATIVE, settings


def test_settings_are_enough(tmp_path: Path) -> None:
    """Policies are loaded, the database is made in a private folder, the revision is recorded with its commit."""
    chosen = settings(tmp_path / "deep/er")
    client = testing.TestClient(create_public_app(chosen, checkout=lambda _tree: Checkout("c0ffee", dirty=True)))
    answer = client.simulate_post("/register", json=NATIVE)
    assert answer.status_code == 201
    assert chosen.state_dir.stat().st_mode & 0o777 == 0o700
    store = open_store(chosen)
    try:
        assert store.client(answer.json["client_id"]) is not None
        (activation,) = store.activations()
        assert (activation.commit, activation.dirty) == ("c0ffee", True)
        assert store.revision(activation.revision) == dict(load_policies(chosen).files)
    finally:
        store.close()


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """An operator may have opened it to a group."""
    (tmp_path / "state").mkdir(mode=0o750)
    open_store(settings(tmp_path)).close()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o750


def test_a_database_elsewhere_makes_no_state_folder(tmp_path: Path) -> None:
    """The folder is for the embedded default."""
    chosen = settings(tmp_path, database_url=f"sqlite:///{tmp_path}/elsewhere.db")
    open_store(chosen).close()
    assert not chosen.state_dir.exists()


def test_a_tree_that_does_not_load_is_an_error(tmp_path: Path) -> None:
    """Nothing is served, and no database is made, without a policy."""
    chosen = settings(tmp_path, policies=tmp_path / "nowhere")
    with pytest.raises(LoadError):
        create_public_app(chosen)
    assert not chosen.state_dir.exists()


def test_a_database_of_no_known_kind_is_an_error(tmp_path: Path) -> None:
    """Settings refuse it first; the store does again."""
    with pytest.raises(DatabaseURLError):
        create_public_app(settings(tmp_path, database_url="mysql://db/registrar"))


def test_the_shipped_policies_are_the_default(tmp_path: Path) -> None:
    """Settings with nothing set serve them."""
    chosen = Settings.load(None, {"HOME": str(tmp_path)}, {})
    assert chosen.policies != DOORS
    client = testing.TestClient(create_public_app(chosen))
    assert client.simulate_post("/register", json=NATIVE).status_code == 201
