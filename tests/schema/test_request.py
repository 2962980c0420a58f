"""The shape of a registration request: contract 1, 2, 7, 11 and 26."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import registrar
from registrar.bundled import bundled
from registrar.schema import Schema, SchemaProblem
from registrar.wire import MEMBERS, MemberKind, apply_defaults, base_name, check, normalise, total

REQUEST = Schema.load("registration-request")
FILE: dict[str, Any] = json.loads((bundled("schemas") / "registration-request.schema.json").read_text(encoding="utf-8"))
FIXTURES = Path(registrar.__file__).parent / "fixtures" / "mcp-clients.json"
CLIENTS = {entry["name"]: entry["document"] for entry in json.loads(FIXTURES.read_text(encoding="utf-8"))["clients"]}

# What each kind of member may be on the wire; null and "" are for all of them.
TYPES = {
    MemberKind.STRING: "string",
    MemberKind.URI: "string",
    MemberKind.SCOPE: "string",
    MemberKind.STRINGS: "array",
    MemberKind.BOOLEAN: "boolean",
    MemberKind.INTEGER: "integer",
    MemberKind.OBJECT: "object",
}
SAMPLES: dict[str, object] = {
    "string": "x",
    "array": ["x"],
    "boolean": False,
    "integer": 1,
    "object": {"keys": []},
    "number": 1.5,
}
WORDS = {"string": "a string", "array": "a list", "boolean": "true or false", "object": "an object"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.just("keys"), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", CLIENTS)
def test_26_what_shipping_clients_send_has_the_right_shape(name: str) -> None:
    """Contract 26: nulls, empty strings and unknown members included."""
    assert REQUEST.problems(CLIENTS[name]) == []
    assert REQUEST.valid(CLIENTS[name])


def test_the_schema_knows_the_members_that_the_program_knows() -> None:
    """One vocabulary: the same names with the same types, and languages for the same members."""
    assert set(FILE["properties"]) == set(MEMBERS)
    for name, member in MEMBERS.items():
        assert set(FILE["properties"][name]["type"]) == {TYPES[member.kind], "string", "null"}, name
        assert FILE["properties"][name]["description"]
        held = FILE["properties"][name]
        texts = held.get("items", held) if member.kind is not MemberKind.BOOLEAN else {}
        assert (member.longest, member.most) == (texts.get("maxLength", 0), held.get("maxItems", 0)), name
        tagged = not REQUEST.valid({f"{name}#fr": 1})
        assert tagged is member.localizable, name


@pytest.mark.parametrize("name", [*MEMBERS, "client_name#fr", "tos_uri#zh-Hant-TW"])
def test_2_null_and_empty_are_absent_and_wrong_types_are_not(name: str) -> None:
    """Contract 2: for every member; the message says what the member is when it is there."""
    kind = TYPES[MEMBERS[base_name(name) or ""].kind]
    assert REQUEST.valid({name: None})
    assert REQUEST.valid({name: ""})
    assert REQUEST.valid({name: SAMPLES[kind]})
    for other in set(SAMPLES) - {kind}:
        problems = REQUEST.problems({name: SAMPLES[other]})
        assert [(problem.path, problem.message) for problem in problems] == [((name,), f"must be {WORDS[kind]}")]


@pytest.mark.parametrize(
    "body", [{}, {"resource": 1, "code_challenge_method": ["x"], "": {}, "client_name#": 1, "client_name#f_r": 1}]
)
def test_2_unknown_members_may_be_anything(body: dict[str, object]) -> None:
    """Contract 2: what is not known, malformed language tags among it, is not looked at."""
    assert REQUEST.problems(body) == []


@pytest.mark.parametrize("body", [[], "x", None, 1, True])
def test_1_a_body_is_an_object(body: object) -> None:
    """Contract 1: anything else has one problem, of the whole document."""
    assert REQUEST.problems(body) == [SchemaProblem((), "type", "must be an object")]


@pytest.mark.parametrize(
    ("member", "longest", "path", "message"),
    [
        ("client_name", "é" * 512, (), "must have at most 512 characters"),
        ("client_name#fr", "x" * 512, (), "must have at most 512 characters"),
        ("logo_uri", "x" * 2048, (), "must have at most 2048 characters"),
        ("scope", "x" * 4096, (), "must have at most 4096 characters"),
        ("software_statement", "x" * 16384, (), "must have at most 16384 characters"),
        ("redirect_uris", ["x"] * 50, (), "must have at most 50 items"),
        ("redirect_uris", ["x" * 2048], (0,), "must have at most 2048 characters"),
        ("contacts", ["x"] * 20, (), "must have at most 20 items"),
        ("grant_types", ["x"] * 20, (), "must have at most 20 items"),
    ],
)
def test_everything_is_bounded(member: str, longest: Any, path: tuple[int, ...], message: str) -> None:
    """A cap fits exactly, and one more does not: the cost of a decision rests on these."""
    longer = [longest[0] + "x"] if path else longest + longest[:1]
    assert REQUEST.valid({member: longest})
    assert [(problem.path, problem.message) for problem in REQUEST.problems({member: longer})] == [((member, *path), message)]


def test_a_key_set_is_bounded() -> None:
    """100 keys with 20 members each."""
    key: dict[str, object] = {str(number): number for number in range(20)}
    assert REQUEST.valid({"jwks": {"keys": [key] * 100}})
    assert not REQUEST.valid({"jwks": {"keys": [key] * 101}})
    assert not REQUEST.valid({"jwks": {"keys": [{**key, "x": 1}]}})


@pytest.mark.parametrize("text", ["a\n", "\n", "a\0b", "a\x1b[2J", "a\x7f", "a\x85", "a\u2028b"])
def test_control_characters_are_no_text(text: str) -> None:
    """Names travel into logs, terminals and consent pages; a line break at the very end counts too."""
    assert [problem.message for problem in REQUEST.problems({"client_name": text})] == ["must not have control characters"]
    assert not REQUEST.valid({"contacts": [text]})
    assert not REQUEST.valid({"client_name#fr": text})


def test_problems_come_sorted_and_with_paths() -> None:
    """The same body has the same problems in the same order, whatever the order of its members."""
    body = {"scope": 1, "redirect_uris": ["", 2, "x"], "client_name": [], "jwks": {"keys": [1]}}
    expected = [
        (("client_name",), "must be a string"),
        (("jwks", "keys", 0), "must be an object"),
        (("redirect_uris", 0), "must not be empty"),
        (("redirect_uris", 1), "must be a string"),
        (("scope",), "must be a string"),
    ]
    assert [(problem.path, problem.message) for problem in REQUEST.problems(body)] == expected
    assert REQUEST.problems(dict(reversed(body.items()))) == REQUEST.problems(body)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*MEMBERS, "client_name#fr", "x"]), JSON, max_size=5))
def test_11_no_message_repeats_anything(body: dict[str, object]) -> None:
    """Contract 11: a message is the same for every body that is wrong in the same way, and `valid` agrees with `problems`."""
    problems = REQUEST.problems(body)
    assert REQUEST.valid(body) is (problems == [])
    marked = {"client_name": "qzjx\n", "redirect_uris": {"qzjx": "qzjx"}, "contacts": ["qzjx\0"], "qzjx": "qzjx", **body}
    assert not any("qzjx" in problem.message or not problem.message.isascii() for problem in REQUEST.problems(marked))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*MEMBERS, "client_name#fr", "logo_uri#de"]), JSON, max_size=6))
def test_what_the_schema_lets_through_the_program_can_handle(body: dict[str, object]) -> None:
    """The schema is the only guard of the types that the rooms above rely on: nothing behind it raises."""
    if REQUEST.valid(body):
        metadata = normalise(body)
        assert isinstance(check(metadata), list)
        assert set(total(apply_defaults(metadata))) == {*MEMBERS, "localized"}
