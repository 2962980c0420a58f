"""What differs between two trees: in which direction, where, and in which words. Members by table, trees by scenario."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrar.bundled import bundled
from registrar.documents import read_yaml
from registrar.policy import PolicySet, compile_tree
from registrar.review.difference import Difference, Direction, Side, compare
from registrar.review.difference.heads import COMPARED
from tests.policy.trees import BASE, POLICY, compiled, guardrail, profile

CASES = Path(__file__).parent.parent / "cases" / "differences"


def with_client(block: str) -> PolicySet:
    client = f"client:\n  {block}" if block else "client: {redirect_uris: {maxItems: 5}}"
    return compiled({"profiles/native.yaml": profile(client)})


def directions(old: str, new: str) -> list[str]:
    """The differences of two `client:` blocks, as `direction: message`."""
    return [f"{difference.direction}: {difference.message}" for difference in compare(with_client(old), with_client(new))]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # allow
        ("scope: {allow: [a]}", "scope: {allow: [a, b]}", ["wider: allow gains b"]),
        ("scope: {allow: [a, b]}", "scope: {allow: [b]}", ["narrower: allow loses a"]),
        ("scope: {allow: [a]}", "scope: {allow: [b]}", ["wider: allow gains b", "narrower: allow loses a"]),
        ("scope: {allow: [a, b]}", "scope: {allow: [b, a]}", []),
        ("scope: {maxItems: 2}", "scope: {maxItems: 2, allow: [a]}", ["narrower: allow is limited"]),
        ("scope: {maxItems: 2, allow: [a]}", "scope: {maxItems: 2}", ["wider: allow is no longer limited"]),
        (
            "client_name: {allow: [x], maxLength: 9}",
            "client_name: {allow: [y], maxLength: 9}",
            ["wider: allow gains y", "narrower: allow loses x"],
        ),
        (
            "dpop_bound_access_tokens: {allow: [true]}",
            "dpop_bound_access_tokens: {allow: [true, false]}",
            ["wider: allow gains false"],
        ),
        (
            "scope: {allow: [a], mode: warn}",
            "scope: {maxItems: 1, mode: warn}",
            ["wider: allow is no longer limited", "neutral: maxItems is a lower limit, unenforced"],
        ),
        (
            "client_name: {maxLength: 9, mode: audit}",
            "client_name: {maxLength: 9, allow: [x], mode: audit}",
            ["neutral: allow is limited"],
        ),
        # onExcess
        (
            "scope: {allow: [a]}",
            "scope: {allow: [a], onExcess: strip}",
            ["may widen: onExcess drops what was refused, so more documents are admitted"],
        ),
        ("scope: {allow: [a], onExcess: strip}", "scope: {allow: [a]}", ["narrower: onExcess refuses what was dropped"]),
        (
            "scope: {allow: [a], onExcess: strip, mode: warn}",
            "scope: {allow: [a], mode: warn}",
            ["wider: onExcess keeps what was dropped, since the rule is not enforced at all times"],
        ),
        # default
        ("scope: {default: [a]}", "scope: {default: [a, b]}", ["wider: default gains b"]),
        ("scope: {default: [a, b]}", "scope: {default: [b]}", ["narrower: default loses a"]),
        ("scope: {maxItems: 9}", "scope: {maxItems: 9, default: [a]}", ["wider: default gains a"]),
        (
            "scope: {maxItems: 9, default: [a]}",
            "scope: {maxItems: 9}",
            ["may widen: default is no longer there: what no value means is left to the authorization server"],
        ),
        (
            "grant_types: {allow: [authorization_code]}",
            "grant_types: {allow: [authorization_code], default: [authorization_code]}",
            [],
        ),
        (
            "token_endpoint_auth_method: {allow: [none, client_secret_basic]}",
            "token_endpoint_auth_method: {allow: [none, client_secret_basic], default: none}",
            ["may widen: default is another for clients that say nothing"],
        ),
        (
            "client_name: {maxLength: 9}",
            "client_name: {maxLength: 9, default: me}",
            ["neutral: default is another for clients that say nothing"],
        ),
        (
            "client_name: {maxLength: 1}",
            "client_name: {maxLength: 2, default: me}",
            ["wider: maxLength is a higher limit", "may widen: default is another for clients that say nothing"],
        ),
        (
            "client_name: {maxLength: 9, default: me}",
            "client_name: {maxLength: 9}",
            ["may widen: default is another for clients that say nothing"],
        ),
        (
            "client_name: {maxLength: 9, default: me}",
            "client_name: {maxLength: 9, required: true}",
            ["narrower: default is another for clients that say nothing", "narrower: required demands a value"],
        ),
        (
            "client_name: {required: true}",
            "client_name: {required: true, default: me}",
            ["may widen: default stands in for what a client had to say itself"],
        ),
        (
            "dpop_bound_access_tokens: {default: false}",
            "dpop_bound_access_tokens: {default: true}",
            ["narrower: default is another for clients that say nothing"],
        ),
        (
            "dpop_bound_access_tokens: {default: true}",
            "dpop_bound_access_tokens: {default: false}",
            ["may widen: default is another for clients that say nothing"],
        ),
        # numbers
        ("contacts: {maxItems: 2}", "contacts: {maxItems: 3}", ["wider: maxItems is a higher limit"]),
        ("contacts: {maxItems: 3}", "contacts: {maxItems: 2}", ["narrower: maxItems is a lower limit"]),
        ("contacts: {maxItems: 3, minItems: 1}", "contacts: {minItems: 1}", ["wider: maxItems is a higher limit"]),
        ("contacts: {minItems: 1}", "contacts: {minItems: 2}", ["narrower: minItems demands more"]),
        ("contacts: {minItems: 2}", "contacts: {minItems: 1}", ["wider: minItems demands less"]),
        ("client_name: {maxLength: 8}", "client_name: {maxLength: 80}", ["wider: maxLength is a higher limit"]),
        # pattern
        ("client_name: {maxLength: 9}", "client_name: {maxLength: 9, pattern: '^a'}", ["narrower: pattern is demanded"]),
        ("client_name: {maxLength: 9, pattern: '^a'}", "client_name: {maxLength: 9}", ["wider: pattern is no longer demanded"]),
        (
            "client_name: {pattern: '^a'}",
            "client_name: {pattern: '^ab'}",
            ["may widen: pattern is another, and no pattern is compared with another"],
        ),
        # required, require, sameHostAsRedirect
        (
            "client_name: {required: true, maxLength: 9}",
            "client_name: {maxLength: 9}",
            ["wider: required no longer demands a value"],
        ),
        ("client_name: {maxLength: 9}", "client_name: {required: true, maxLength: 9}", ["narrower: required demands a value"]),
        (
            "scope: {require: [a, b]}",
            "scope: {require: [b, c]}",
            ["wider: require no longer demands a", "narrower: require demands c"],
        ),
        (
            "client_uri: {sameHostAsRedirect: true, maxLength: 9}",
            "client_uri: {maxLength: 9}",
            ["wider: sameHostAsRedirect no longer demands the host of a redirect URI"],
        ),
        (
            "client_uri: {maxLength: 9, mode: warn}",
            "client_uri: {sameHostAsRedirect: true, onExcess: strip, maxLength: 9, mode: warn}",
            ["narrower: sameHostAsRedirect demands the host of a redirect URI"],
        ),
        # remove
        ("logo_uri: {maxLength: 9}", "logo_uri: {remove: true}", ["may widen: remove applies to every document"]),
        (
            "",
            "logo_uri: {remove: true}",
            ["wider: maxItems is a higher limit", "narrower: remove applies to every document"],
        ),
        ("logo_uri: {remove: true}", "logo_uri: {maxLength: 9}", ["wider: remove no longer applies"]),
        ("scope: {maxItems: 9}", "scope: {remove: true}", ["may widen: remove applies to every document"]),
        # set
        ("scope: {set: [a]}", "scope: {set: [a, b]}", ["wider: set gives every client b"]),
        ("scope: {set: [a, b]}", "scope: {set: [b]}", ["narrower: set no longer gives a"]),
        ("client_name: {set: a}", "client_name: {set: b}", ["may widen: set gives something else"]),
        ("scope: {allow: [a]}", "scope: {set: [a]}", ["may widen: set replaces what clients ask for"]),
        ("scope: {allow: [a]}", "scope: {set: [b]}", ["wider: set replaces what clients ask for"]),
        (
            "client_name: {default: a}",
            "client_name: {set: b}",
            ["narrower: set replaces what clients ask for"],
        ),
        (
            "client_name: {maxLength: 1}",
            "client_name: {set: b}",
            ["may widen: set replaces what clients ask for"],
        ),
        (
            "client_name: {maxLength: 1}",
            "client_name: {set: bb}",
            ["wider: set replaces what clients ask for"],
        ),
        (
            "dpop_bound_access_tokens: {default: true}",
            "dpop_bound_access_tokens: {set: true}",
            ["narrower: set replaces what clients ask for"],
        ),
        (
            "dpop_bound_access_tokens: {default: true}",
            "dpop_bound_access_tokens: {set: false}",
            ["may widen: set replaces what clients ask for"],
        ),
        (
            "scope: {set: [a, b]}",
            "scope: {allow: [a, b], default: [a]}",
            ["narrower: set no longer replaces what clients ask for"],
        ),
        ("scope: {set: [a, b]}", "scope: {allow: [a, b]}", ["wider: set no longer replaces what clients ask for"]),
        # A default that is not on a redirect URI's host is dropped as well, and nothing remains.
        (
            "client_uri: {set: 'https://a.example'}",
            "client_uri: {allow: ['https://a.example'], default: 'https://a.example', onExcess: strip, sameHostAsRedirect: true}",
            ["wider: set no longer replaces what clients ask for"],
        ),
        ("scope: {set: [a, b]}", "scope: {allow: [a, c], default: [a]}", ["wider: set no longer replaces what clients ask for"]),
        # modes
        ("client_name: {maxLength: 9}", "client_name: {maxLength: 9, mode: warn}", ["wider: mode is no longer enforced"]),
        (
            "client_name: {maxLength: 9, mode: audit}",
            "client_name: {maxLength: 9, mode: warn}",
            ["neutral: mode warns or audits otherwise, and refuses as before"],
        ),
        ("client_name: {maxLength: 9, mode: warn}", "client_name: {maxLength: 9}", ["narrower: mode is enforced now"]),
        (
            "client_name: {maxLength: 9, enforceAfter: 2026-12-01T00:00:00Z}",
            "client_name: {maxLength: 9, enforceAfter: 2027-12-01T00:00:00Z}",
            ["wider: mode is enforced later"],
        ),
        (
            "client_name: {maxLength: 9, enforceAfter: 2026-12-01T00:00:00Z}",
            "client_name: {maxLength: 9}",
            ["narrower: mode is enforced earlier"],
        ),
        ("client_name: {default: a}", "client_name: {default: a, mode: warn}", []),
        # error
        (
            "client_name: {required: true}",
            "client_name: {required: true, error: invalid_redirect_uri}",
            ["neutral: error is another"],
        ),
        ("scope: {allow: [a], error: invalid_redirect_uri}", "scope: {allow: [a]}", ["neutral: error is another"]),
    ],
)
def test_a_member(old: str, new: str, expected: list[str]) -> None:
    assert directions(old, new) == expected


HOSTS = "{scheme: https, hosts: [a.example, '*.b.example'], pathPrefix: /o/}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (HOSTS, "{scheme: https, hosts: [a.example], pathPrefix: /o/}", ["narrower: allow loses https://*.b.example/o/…"]),
        (
            HOSTS,
            "{scheme: https, hosts: [x.b.example], pathPrefix: /o/in/}",
            ["narrower: allow loses https://a.example/o/…, https://*.b.example/o/…"],
        ),
        (HOSTS, "{scheme: https, hosts: [b.example], pathPrefix: /o/}", ["wider: allow gains https://b.example/o/…"]),
        (HOSTS, "{scheme: https, hosts: ['*.example.net'], pathPrefix: /o/}", ["wider: allow gains https://*.example.net/o/…"]),
        (
            HOSTS,
            "{scheme: https, hosts: [a.example, '*.b.example'], path: /o/cb}",
            ["narrower: allow loses https://a.example/o/…, https://*.b.example/o/…"],
        ),
        (
            HOSTS,
            "{scheme: https, hosts: [a.example, '*.b.example']}",
            ["wider: allow gains https://a.example/…, https://*.b.example/…"],
        ),
        (
            HOSTS,
            "{scheme: https, hosts: [a.example, '*.b.example'], pathPrefix: /o/, port: 8443}",
            ["wider: allow gains https://a.example:8443/o/…, https://*.b.example:8443/o/…"],
        ),
        (
            HOSTS,
            "{uri: 'https://x.y.b.example/o/?q=1'}",
            ["narrower: allow loses https://a.example/o/…, https://*.b.example/o/…"],
        ),
        (HOSTS, "{uri: 'https://a.example/'}", ["wider: allow gains exactly https://a.example/"]),
        (
            "{scheme: https, hosts: ['*.b.example']}",
            "{scheme: https, hosts: ['*.x.b.example']}",
            ["narrower: allow loses https://*.b.example/…"],
        ),
        (
            "{scheme: https, hosts: ['*.x.b.example']}",
            "{scheme: https, hosts: ['*.b.example']}",
            ["wider: allow gains https://*.b.example/…"],
        ),
        (
            "{scheme: https, hosts: ['*.b.example']}",
            "{scheme: https, hosts: [192.0.2.7]}",
            ["wider: allow gains https://192.0.2.7/…"],
        ),
        (
            "{uri: 'https://a.example/cb'}",
            "{scheme: https, hosts: [a.example], path: /cb}",
            ["wider: allow gains https://a.example/cb"],
        ),
        ("{loopback: true}", "{loopback: true, hosts: [127.0.0.1]}", ["narrower: allow loses http on loopback, any port"]),
        (
            "{loopback: true, hosts: [127.0.0.1]}",
            "{loopback: true, hosts: [127.0.0.1, '::1']}",
            ["wider: allow gains http on [::1], any port"],
        ),
        ("{loopback: true, hosts: [127.0.0.1]}", "{loopback: true}", ["wider: allow gains http on loopback, any port"]),
        ("{loopback: true}", "{uri: 'http://127.0.0.1:7/cb'}", ["narrower: allow loses http on loopback, any port"]),
        ("{privateUseSchemes: any}", "{privateUseSchemes: [cursor]}", ["narrower: allow loses any private-use scheme"]),
        ("{privateUseSchemes: [vscode]}", "{privateUseSchemes: [cursor]}", ["wider: allow gains cursor: (private use)"]),
        ("{privateUseSchemes: [vscode]}", "{privateUseSchemes: any}", ["wider: allow gains any private-use scheme"]),
        ("{scheme: https, hosts: any}", HOSTS, ["narrower: allow loses https on anybody's host, /…"]),
        (HOSTS, "{scheme: https, hosts: any}", ["wider: allow gains https on anybody's host, /…"]),
        (HOSTS, "{scheme: https, hosts: any, pathPrefix: /o/}", ["wider: allow gains https on anybody's host, /o/…"]),
        (
            "{scheme: https, hosts: any}",
            "{uri: 'https://a.example:8443/cb'}",
            ["narrower: allow loses https on anybody's host, /…"],
        ),
        (
            "{scheme: https, hosts: any}",
            "{scheme: https, hosts: any, port: 443}",
            ["narrower: allow loses https on anybody's host, /…"],
        ),
        (
            "{scheme: https, hosts: any, port: 443}",
            "{scheme: https, hosts: [a.example], port: 8443}",
            ["wider: allow gains https://a.example:8443/…"],
        ),
        (
            "{scheme: https, hosts: any, path: /cb}",
            "{scheme: https, hosts: ['*.a.example'], path: /cb}",
            ["narrower: allow loses https on anybody's host, /cb"],
        ),
        ("{privateUseSchemes: any}", "{loopback: true}", ["wider: allow gains http on loopback, any port"]),
    ],
)
def test_redirect_uris(old: str, new: str, expected: list[str]) -> None:
    """What covers what is exact: only the first difference, the more important one, is in the table."""
    assert directions(f"redirect_uris: {{allow: [{old}]}}", f"redirect_uris: {{allow: [{new}]}}")[:1] == expected


@pytest.mark.parametrize("scenario", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_a_tree(scenario: str) -> None:
    """Each scenario is two trees; its differences are exact: direction, side, place, rule id and words."""
    case = read_yaml((CASES / f"{scenario}.yaml").read_text(encoding="utf-8"), scenario).value
    trees = [_tree(case, side) for side in ("old", "new")]
    assert [_line(difference) for difference in compare(*trees)] == case["differences"]


def _tree(case: Mapping[str, Mapping[str, str]], side: str) -> PolicySet:
    files = {**case.get("both", {}), **case[side]}
    unused = () if "native" in files.get("policyset.yaml", "native") else ("profiles/native.yaml",)
    texts = {path: text.encode() for path, text in {**BASE, **files}.items() if path not in unused}
    return compile_tree(texts, POLICY)


def _line(difference: Difference) -> str:
    side = "" if difference.side is Side.NEW else "old "
    return f"{difference.direction} {side}{difference.place} {difference.subject}: {difference.message}"


def test_old_and_new_are_in_words() -> None:
    [difference] = compare(with_client("scope: {allow: [a], default: [a]}"), with_client("scope: {allow: [a, b], default: [a]}"))
    assert (difference.old, difference.new) == ("a", "a, b")


def test_the_comparison_knows_every_key_of_the_language() -> None:
    """A new key of the schema fails here until the comparison looks at it, and COMPARED, or this list, says so."""
    definitions = json.loads((bundled("schemas") / "policy.schema.json").read_text(encoding="utf-8"))["$defs"]
    for kind, keys in COMPARED.items():
        assert set(definitions[kind]["properties"]["spec"]["properties"]) == keys
    keywords = {
        keyword
        for name, definition in definitions.items()
        if name.startswith("constraint-")
        for keyword in definition["properties"]
    }
    assert keywords == {
        *("required", "default", "set", "remove", "allow", "require", "onExcess", "minItems", "maxItems", "maxLength", "pattern"),
        *("sameHostAsRedirect", "error", "mode", "enforceAfter"),
    }
    assert set(definitions["validation"]["properties"]) == {
        *("id", "expression", "message", "messageExpression", "error", "field", "mode", "enforceAfter"),
    }
    limit = definitions["limit"]["properties"]
    assert set(limit) == {
        *("id", "description", "key", "when", "rate", "burst", "maxActive", "maxTotal", "overrides", "reserve"),
    }
    assert set(limit["overrides"]["items"]["properties"]) == {"networks", "rate", "burst", "maxActive", "maxTotal"}
    assert set(limit["reserve"]["items"]["properties"]) == {"profiles", "slots"}
    assert set(definitions["redirectMatcher"]["properties"]) == {
        *("uri", "scheme", "hosts", "path", "pathPrefix", "port", "loopback", "privateUseSchemes"),
    }


def test_a_key_that_nobody_knows_may_widen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would with a tree of a later version of the language."""
    monkeypatch.setitem(COMPARED, "Profile", COMPARED["Profile"] - {"lifetimes"})
    texts = [profile(f"client: {{scope: {{allow: [a]}}}}{more}") for more in ("", "\nlifetimes: {client: 1d}")]
    trees = [compiled({"profiles/native.yaml": text}) for text in texts]
    line = "profiles/native.yaml:6:3 profiles/native.yaml: lifetimes: differs, and is nothing that this comparison knows"
    assert f"may widen {line}" in [_line(difference) for difference in compare(*trees)]
    assert f"may widen old {line}" in [_line(difference) for difference in compare(trees[1], trees[0])]
    assert compare(trees[1], compiled({"profiles/native.yaml": texts[1]})) == ()


SETS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, unique=True)
EXACT = st.fixed_dictionaries({"allow": SETS}, optional={"maxItems": st.integers(4, 9), "minItems": st.integers(1, 3)})
SWAPPED = {Direction.WIDER: Direction.NARROWER, Direction.NARROWER: Direction.WIDER}


@given(EXACT, EXACT, st.booleans(), st.booleans())
def test_what_is_exact_is_the_reverse_the_other_way_round(
    old: dict[str, object], new: dict[str, object], before: bool, after: bool
) -> None:
    trees = [
        compiled({"profiles/native.yaml": profile(f"client: {{scope: {json.dumps({**block, 'required': required})}}}")})
        for block, required in ((old, before), (new, after))
    ]
    there = Counter(SWAPPED[difference.direction] for difference in compare(trees[0], trees[1]))
    assert there == Counter(difference.direction for difference in compare(trees[1], trees[0]))


@pytest.mark.parametrize(
    "condition",
    [
        'client.client_name == "x"',
        'client.client_name != "x"',
        '"code" in client.response_types',
        '!("code" in client.response_types)',
        "size(client.grant_types) == 1",
        'client.client_name.contains("x")',
        'client.client_name.startsWith("x")',
        'client.client_name.endsWith("x")',
        'redirects.all(r, r.scheme == "https")',
        "redirects.exists(r, r.loopback)",
    ],
)
def test_a_guardrail_loses_a_condition_that_cannot_fail(condition: str) -> None:
    """Nothing that it refused by failing is let through, so it only guards more."""
    rule = "validations: [{id: named, expression: client.client_name != '', message: m}]"
    old, new = (
        compiled({"guardrails/rules.yaml": guardrail(conditions + rule)})
        for conditions in (f"matchConditions: [{{name: some, expression: '{condition}'}}]\n", "")
    )
    assert [difference.direction for difference in compare(old, new)] == [Direction.NARROWER]
