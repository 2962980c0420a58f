"""The floors of the house, and the one door of each library: read from the imports, not from anybody's memory."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import registrar

PACKAGE = Path(registrar.__file__).resolve().parent

FLOORS = {
    "errors": 0,
    "bundled": 0,
    "documents": 1,
    "wire": 1,
    "limits": 1,
    "schema": 2,
    "statements": 2,
    "cel": 2,
    "settings": 3,
    "policy": 3,
    "store": 3,
    "review": 4,
    "service": 5,
    "http": 6,
    "metrics": 6,
    "app": 7,
    "cli": 8,
    "embedded": 8,
    "__main__": 9,
    "__init__": 9,
}
DOORS = {
    "celpy": set(),  # cel reads its grammar, and imports none of its code
    "click": {"cli"},
    "falcon": {"http", "app"},
    "granian": {"cli"},
    "idna": {"wire"},
    "joserfc": {"statements"},
    "jsonschema": {"schema"},
    "lark": {"cel"},
    "peewee": {"store"},
    "prometheus_client": {"metrics"},
    "playhouse": {"store"},
    "psycopg": {"store"},
    "psycopg_pool": {"store"},
    "publicsuffixlist": {"wire"},
    "re2": {"cel"},
    "referencing": {"schema"},
    "watchfiles": {"cli"},
    "yaml": {"documents"},
}
# A decision is a function of its facts: nothing that asks the machine for the time, for chance or for the network.
PURE = {"wire", "limits", "statements", "cel", "policy", "review"}
IMPURE = {"falcon", "peewee", "os", "time", "secrets", "socket", "random", "uuid", "subprocess"}


def modules() -> list[Path]:
    # _bundled is what a wheel carries beside the code.
    return sorted(path for path in PACKAGE.rglob("*.py") if "_bundled" not in path.parts)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Every module that `path` imports, by its full name, wherever in the file the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield node.module
            if node.module == "registrar":
                yield from (f"registrar.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("registrar.")}


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in modules()} == set(FLOORS)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_floors_below(path: Path) -> None:
    here = room(path)
    above = {other for other in rooms_imported(path) - {here, "__version__"} if FLOORS[other] >= FLOORS[here]}
    assert not above


def test_the_package_itself_is_imported_alone() -> None:
    """Every room begins with it, so it reaches for what is above only when it is asked to."""
    script = "import sys, registrar; print(*sorted(name for name in sys.modules if name.startswith('registrar')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["registrar"]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_in_its_own_room_only(path: Path) -> None:
    libraries = {name.split(".")[0] for name in imported(path)}
    assert not {library for library in libraries & set(DOORS) if room(path) not in DOORS[library]}


@pytest.mark.parametrize(
    "path", [path for path in modules() if room(path) in PURE], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_what_decides_asks_nothing_of_the_machine(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & IMPURE


def test_the_rule_reads_imports_inside_functions(tmp_path: Path) -> None:
    module = tmp_path / "sample.py"
    module.write_text("def work():\n    import falcon\n    from registrar.store import Store\n", encoding="utf-8")
    assert set(imported(module)) == {"falcon", "registrar.store"}
