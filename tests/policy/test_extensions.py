"""Members beyond RFC 7591 that a policy declares, and ids with a prefix."""

from collections.abc import Mapping

import pytest

from registrar.errors import LoadError
from registrar.policy import Facts, MalformedError, PolicySet, take_in
from tests.policy.trees import NOW, REQUEST, compiled, guardrail, head, profile, rules

DECLARED = """
profiles: [native]
constants: {capabilities: [resources, tools, prompts], levels: [1, 2, 3]}
extensions:
  mcp_version: {type: string, description: the MCP revision that the client speaks}
  mcp_capabilities: {type: list}
  level: {type: integer}
  home: {type: uri}
  beta: {type: boolean}
  extra: {type: object}
"""
CONSTRAINED = """
client: {redirect_uris: {allow: [{loopback: true}]}}
clientId: {prefix: mcp-client-}
extensions:
  mcp_version: {default: "2024-11-05", pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'}
  mcp_capabilities: {allow: constants.capabilities, default: constants.capabilities, onExcess: strip}
  level: {allow: constants.levels}
  beta: {set: false}
  home: {required: false, maxLength: 30}
"""
CLI = {"redirect_uris": ["http://localhost/cb"]}


def policies(more: str = "") -> PolicySet:
    return compiled(
        {
            "policyset.yaml": head(DECLARED),
            "profiles/native.yaml": profile(CONSTRAINED),
            "guardrails/rules.yaml": guardrail(
                f"""
                validations:
                  - {{id: known, expression: 'client.level < 3 && !client.beta && client.mcp_version != "x"', message: m}}
                {more}
                """
            ),
        }
    )


def admitted(body: Mapping[str, object]) -> Mapping[str, object]:
    tree = policies()
    intake = take_in({**CLI, **body}, REQUEST, tree.extensions)
    decision = tree.decide(Facts(now=NOW, metadata=intake.metadata, redirects=intake.redirects, submitted=body))
    assert decision.allowed, decision.violations
    assert decision.client_id_prefix == "mcp-client-"
    return decision.metadata


def test_what_is_declared_is_registered_with_its_defaults() -> None:
    metadata = admitted({})
    assert metadata["mcp_version"] == "2024-11-05"
    assert metadata["mcp_capabilities"] == ["resources", "tools", "prompts"]
    assert "level" not in metadata
    assert metadata["beta"] is False


def test_what_a_client_sends_is_kept_where_it_may() -> None:
    sent = {"mcp_version": "2026-07-28", "mcp_capabilities": ["tools", "sampling"], "level": 2, "beta": True, "extra": {"a": [1]}}
    assert {name: admitted(sent).get(name) for name in sent} == {**sent, "mcp_capabilities": ["tools"], "beta": False}


def test_what_is_not_declared_is_still_ignored() -> None:
    assert "mcp_color" not in admitted({"mcp_color": "red"})


def test_null_and_empty_mean_absent_here_too() -> None:
    assert admitted({"mcp_version": "", "mcp_capabilities": [], "level": None})["mcp_version"] == "2024-11-05"


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("mcp_version", 5, "mcp_version must be a string"),
        ("mcp_version", "a\x00b", "mcp_version must not have control characters"),
        ("mcp_version", "x" * 2049, "mcp_version must have at most 2048 characters"),
        ("mcp_capabilities", "tools", "mcp_capabilities must be a list"),
        ("mcp_capabilities", [5], "mcp_capabilities item must be a string"),
        ("mcp_capabilities", [""], "mcp_capabilities item must not be empty"),
        ("mcp_capabilities", ["a"] * 101, "mcp_capabilities must have at most 100 items"),
        ("level", True, "level must be a whole number"),
        ("level", 2**53, "level must be a number below 2 to the power of 53"),
        ("home", "javascript:alert(1)", "home must be an http or https URL"),
        ("home", 5, "home must be a string"),
        ("beta", "yes", "beta must be true or false"),
        ("extra", [], None),
        ("extra", ["a"], "extra must be an object"),
    ],
)
def test_a_value_of_another_type_is_refused_without_being_repeated(member: str, value: object, words: str | None) -> None:
    extensions = policies().extensions
    if words is None:
        assert member not in take_in({**CLI, member: value}, REQUEST, extensions).metadata
        return
    with pytest.raises(MalformedError) as caught:
        take_in({**CLI, member: value}, REQUEST, extensions)
    assert [fault.message for fault in caught.value.faults] == [words]


def test_a_constraint_holds() -> None:
    tree = policies()
    body = {**CLI, "mcp_version": "latest", "level": 9}
    intake = take_in(body, REQUEST, tree.extensions)
    decision = tree.decide(Facts(now=NOW, metadata=intake.metadata, redirects=intake.redirects))
    assert rules(decision) == ["native/client.mcp_version", "native/client.level", "rules/known"]


@pytest.mark.parametrize(
    ("declared", "constrained", "problem"),
    [
        ("extensions: {scope: {type: string}}", "", '"scope" is a member of RFC 7591 §2, so it needs no declaration'),
        ("extensions: {client_secret: {type: string}}", "", '"client_secret" is a name of the program\'s own'),
        ("extensions: {a: {type: map}}", "", "must be one of string, uri, list, boolean, integer, object"),
        ("extensions: {a-b: {type: string}}", "", "must be lower case words joined by underscores"),
        ("extensions: {abc: {type: string}}", "extensions: {abd: {required: true}}", 'no extension abd (did you mean "abc"?)'),
        ("extensions: {a: {type: string}}", "extensions: {a: {maxItems: 3}}", "means nothing for a member of type string"),
        ("extensions: {a: {type: boolean}}", "extensions: {a: {pattern: x}}", "means nothing for a member of type boolean"),
        ("extensions: {a: {type: integer}}", "extensions: {a: {default: x}}", "must be a whole number"),
        ("extensions: {a: {type: integer}}", "extensions: {a: {allow: [true]}}", "must be a whole number"),
        ("extensions: {a: {type: boolean}}", "extensions: {a: {allow: [1]}}", "must be true or false"),
        ("extensions: {a: {type: string}}", "extensions: {a: {default: 5}}", "must be a string"),
        ("extensions: {a: {type: object}}", "extensions: {a: {default: x}}", "means nothing for a member of type object"),
        (
            "extensions: {a: {type: list}}",
            "extensions: {a: {allow: [b], default: [c]}}",
            "would be refused by the constraint itself",
        ),
        ("", "clientId: {prefix: 'https://x'}", "must be at most 64 letters"),
    ],
)
def test_a_mistake_in_a_declaration_does_not_load(declared: str, constrained: str, problem: str) -> None:
    with pytest.raises(LoadError) as caught:
        compiled(
            {
                "policyset.yaml": head(f"profiles: [native]\n{declared}"),
                "profiles/native.yaml": profile(f"client: {{}}\n{constrained}"),
            }
        )
    assert problem in str(caught.value)
