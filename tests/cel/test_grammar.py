"""The parser: cel-python's grammar, from the shipped table or computed, and nothing of cel-python run."""

import json
import subprocess
import sys

import pytest

from registrar.cel import grammar

TEXTS = (
    'redirects.all(r, r.host == "a") ? {"a": [1u, -2, 3.5e1]}["a"][0] : !true || x.y(b"\\x00", r\'\\d\') in z // why',
    "a.b.c(1)[2]{}.d",
)


def test_the_shipped_table_is_of_the_installed_grammar_and_parser() -> None:
    """If not, loading takes a tenth of a second longer; `grammar.table` says how to renew it."""
    assert json.loads(grammar.TABLE.read_bytes())["made_from"] == json.loads(grammar.table())["made_from"]


def test_the_shipped_table_parses_as_the_computed_one() -> None:
    computed = grammar.computed(grammar.installed())
    for text in TEXTS:
        assert grammar.parser().parse(text) == computed.parse(text)


def test_a_table_of_another_grammar_is_not_used() -> None:
    assert grammar.loaded(b'{"made_from": {"cel.lark": "another", "lark": "0"}, "lark": {}}', grammar.installed()) is None


def test_a_missing_cel_python_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "celpy", None)
    with pytest.raises(ModuleNotFoundError, match="cel-python is not installed"):
        grammar.installed()


def test_nothing_of_cel_python_is_imported() -> None:
    """Its package takes 70 ms to import, and its Environment sets the recursion limit of the process."""
    code = (
        "import sys; before = sys.getrecursionlimit(); import registrar.cel as cel;"
        "cel.compile_expression('1 + 1 == 2', cel.Scope({}));"
        "assert 'celpy' not in sys.modules and sys.getrecursionlimit() == before"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
