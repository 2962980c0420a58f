"""`registrar policy schema`: what an editor gets, and that it lacks nothing that an editor shows."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from registrar.bundled import bundled
from registrar.policy.decision import Lifetimes, Mode
from registrar.policy.policyset import NoMatch
from registrar.wire import MEMBERS
from tests.cli.server import run

FILE = bundled("schemas") / "policy.schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
CHECKER = Draft202012Validator(SCHEMA)
# Keywords whose value is a schema, a map of schemas, or a list of them.
ONE = ("additionalProperties", "items", "propertyNames", "not", "then", "else")
MANY = ("properties", "patternProperties", "$defs", "dependentSchemas")
LISTS = ("allOf", "anyOf", "oneOf")

Node = Mapping[str, Any]


def schemas(node: Node, pointer: str = "") -> Iterator[tuple[str, Node]]:
    """Every schema in the file with its JSON pointer. What stands behind `if` only asks, so no editor shows it."""
    yield pointer, node
    for keyword in ONE:
        if isinstance(node.get(keyword), dict):
            yield from schemas(node[keyword], f"{pointer}/{keyword}")
    for keyword in MANY:
        for name, part in node.get(keyword, {}).items():
            yield from schemas(part, f"{pointer}/{keyword}/{name}")
    for keyword in LISTS:
        for index, part in enumerate(node.get(keyword, ())):
            yield from schemas(part, f"{pointer}/{keyword}/{index}")


def shown(node: Node) -> Node:
    """A schema as editors show it: what it refers to, with its own words before that one's."""
    if "$ref" not in node:
        return node
    target = SCHEMA
    for step in node["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {**shown(target), **node}


PROPERTIES = {
    f"{pointer}/{name}": part
    for pointer, node in schemas(SCHEMA)
    for name, part in node.get("properties", {}).items()
    if not pointer.startswith("/allOf/")
}


def test_the_command_prints_the_file_that_loads_policies(tmp_path: Path) -> None:
    """Byte for byte, so that it can be kept in a file."""
    done = run(tmp_path, "policy", "schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == FILE.read_text(encoding="utf-8")


def test_it_is_a_schema_that_reaches_nowhere_else() -> None:
    """It works as one file, beside a tree, without a network."""
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert [node["$ref"] for _, node in schemas(SCHEMA) if not node.get("$ref", "#/").startswith("#/")] == []


def test_every_key_says_what_it_is_for() -> None:
    """An editor shows a sentence for each key that an operator can write."""
    said = {pointer: shown(node).get("description", "") for pointer, node in PROPERTIES.items()}
    assert said
    assert [pointer for pointer, text in said.items() if len(text.split()) < 2 or not text.endswith(".")] == []
    # Editors read a description as Markdown, where what stands in angle brackets is not shown.
    assert [pointer for pointer, text in said.items() if "<" in text] == []


def test_every_key_shows_what_can_stand_there() -> None:
    """Values to choose from, or an example; where the value is another block of keys, those have them."""
    assert [pointer for pointer, node in PROPERTIES.items() if not shows_values(shown(node))] == []


def shows_values(node: Node) -> bool:
    if {"enum", "const", "examples", "default"} & set(node) or node.get("type") == "boolean":
        return True
    return any("properties" in shown(part) for part in (node, node.get("items", {})))


def test_examples_and_defaults_are_right() -> None:
    """What an editor offers is never underlined by it afterwards."""
    offered = [
        (pointer, value, CHECKER.evolve(schema=node))
        for pointer, node in schemas(SCHEMA)
        for value in (*node.get("examples", ()), *([node["default"]] if "default" in node else ()))
    ]
    assert offered
    assert [(pointer, value) for pointer, value, checker in offered if not checker.is_valid(value)] == []


def test_every_pattern_is_explained() -> None:
    """Nobody has to read a regular expression to learn what he did wrong."""
    mute = [pointer for pointer, node in schemas(SCHEMA) if "pattern" in node and "patternErrorMessage" not in node]
    assert mute == []


def test_every_block_refuses_keys_that_it_does_not_know() -> None:
    """A typo is underlined wherever it is made; free maps are those that say what their values are, or hold a client's words."""
    blocks = [(pointer, node) for pointer, node in schemas(SCHEMA) if "properties" in node and pointer]
    assert [pointer for pointer, node in blocks if node.get("additionalProperties") is not False] == []


def test_every_member_that_the_program_knows_can_be_constrained() -> None:
    """The `client:` block has the members of the RFCs, all and no other."""
    assert set(SCHEMA["$defs"]["client"]["properties"]) == set(MEMBERS)


def test_defaults_are_the_programs_own() -> None:
    """What an editor shows as the default is what happens without the key."""
    head = SCHEMA["$defs"]["PolicySet"]["properties"]["spec"]["properties"]
    assert head["mode"]["default"] == Mode.ENFORCE
    assert head["onNoMatch"]["properties"]["message"]["default"] == NoMatch().message
    assert head["onNoMatch"]["properties"]["error"]["default"] == NoMatch().code
    lifetimes = SCHEMA["$defs"]["Profile"]["properties"]["spec"]["properties"]["lifetimes"]["properties"]
    assert {name: node["default"] for name, node in lifetimes.items()} == {name: getattr(Lifetimes(), name) for name in lifetimes}
