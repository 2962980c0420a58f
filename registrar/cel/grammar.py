"""cel-python's grammar as a parser, cheap to have.

cel-python parses: its grammar, `cel.lark`, is read from the installed distribution and run by lark, the parser that cel-python
itself runs it with. Two things are left out for what they cost or do (measured on cel-python 0.5.0 with lark 1.3.1):

- `import celpy` takes 70 ms, most of it for evaluators and dependencies that nothing here calls, and its `Environment` sets the
  process's recursion limit. So the package is located but not imported.
- lark needs 100 ms to work out the LALR table of this grammar, more than half of what loading a whole policy tree may take. So
  the table ships as data, `grammar.json` beside this file, made by `table()`. It is only an answer that was computed earlier: it
  names the digest of the `cel.lark` and the version of lark that it was made from, and when either differs from what is
  installed, the table is computed anew from the installed grammar. Nothing is written at run time.

The parser is built when the first expression is compiled. lark's LALR parser is not recursive, whatever the input.
"""

import functools
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark, Token

TABLE = Path(__file__).with_name("grammar.json")


@functools.cache
def parser() -> "Lark":
    """The parser of this process: from the shipped table when that is of the installed grammar, else computed."""
    grammar = installed()
    return loaded(TABLE.read_bytes(), grammar) or computed(grammar)


def installed() -> str:
    """The text of `cel.lark` in the installed cel-python. Raises ModuleNotFoundError when there is none."""
    package = importlib.util.find_spec("celpy")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("cel-python is not installed")
    return Path(package.origin).with_name("cel.lark").read_text(encoding="utf-8")


def loaded(table: bytes, grammar: str) -> "Lark | None":
    """The parser that `table` describes; None when it was made from another grammar, or by another version of lark."""
    import lark  # noqa: PLC0415  25 ms that a program which compiles nothing does not pay

    described = json.loads(table)
    if described["made_from"] != _origin(grammar, lark.__version__):
        return None
    made: Lark = lark.Lark.load(_revived(described["lark"]))
    return made


def _origin(grammar: str, lark_version: str) -> dict[str, str]:
    return {"cel.lark": hashlib.sha256(grammar.encode()).hexdigest(), "lark": lark_version}


def computed(grammar: str) -> "Lark":
    """The parser of `grammar`, its table worked out here and now."""
    from lark import Lark  # noqa: PLC0415

    return Lark(
        grammar,
        parser="lalr",
        start="expr",
        lexer_callbacks=_CALLBACKS,
        # Every token has its place, so the trees need none: working theirs out takes as long as all the rest of parsing.
        keep_all_tokens=True,
        maybe_placeholders=False,
    )


def _boolean(token: "Token") -> "Token":
    """`true` and `false` look like names to the lexer; cel-python's own parser corrects them in the same way."""
    return token.update(type="BOOL_LIT") if token in ("true", "false") else token


_CALLBACKS = {"IDENT": _boolean}


def _revived(described: dict[str, Any]) -> dict[str, Any]:
    """lark's description of a parser as it was before JSON wrote its integer keys as strings, and with the callbacks."""
    data = described["data"]
    table = data["parser"]["parser"]
    table["tokens"] = _with_numbers(table["tokens"])
    table["states"] = {int(state): _with_numbers(actions) for state, actions in table["states"].items()}
    data["options"]["lexer_callbacks"] = _CALLBACKS
    return {"data": data, "memo": _with_numbers(described["memo"])}


def _with_numbers(named: dict[str, Any]) -> dict[int, Any]:
    return {int(key): value for key, value in named.items()}


def table() -> str:
    """The text of `grammar.json` for the installed grammar and lark, which numbers the parser's states anew each time.

    Renewed with: python -c 'from registrar.cel import grammar; print(grammar.table(), end="")' > grammar.json
    """
    import lark  # noqa: PLC0415
    from lark.grammar import Rule  # noqa: PLC0415
    from lark.lexer import TerminalDef  # noqa: PLC0415

    grammar = installed()
    data, memo = computed(grammar).memo_serialize([TerminalDef, Rule])
    # Objects of Python, which lark.Lark.load gets back from its own defaults or from `parser`.
    for option in ("tree_class", "lexer_callbacks"):
        data["options"].pop(option)
    made = {"made_from": _origin(grammar, lark.__version__), "lark": {"data": data, "memo": memo}}
    return json.dumps(made, separators=(",", ":"), sort_keys=True, default=int) + "\n"
