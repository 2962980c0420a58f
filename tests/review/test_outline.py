"""A tree in words: everything that a reviewer has to know is in its outline, with its place."""

import pytest

from registrar.bundled import bundled
from registrar.policy import load
from registrar.review.outline import MemberOutline, Outline, outline
from registrar.review.words import duration_words, matcher_words, value_words
from tests.policy.test_limits import limited
from tests.policy.trees import POLICY, compiled, guardrail, head, profile


def native(client: str, more: str = "") -> Outline:
    """The outline of a tree whose only profile has this `client:` block."""
    return outline(compiled({"profiles/native.yaml": profile(f"client:\n  {client}\n{more}")}))


def member(client: str) -> MemberOutline:
    found = native(client).profiles[0].member(client.partition(":")[0])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("client", "allowed", "clauses"),
    [
        ("scope: {allow: [a, b], default: [a], onExcess: strip}", ["a", "b"], ["what is not allowed is dropped", "default a"]),
        ("scope: {set: [a, b]}", [], ["always a, b"]),
        ("scope: {set: [a], allow: [a]}", [], ["always a"]),
        ("logo_uri: {remove: true}", [], ["removed"]),
        ("dpop_bound_access_tokens: {allow: [true], default: true}", ["true"], ["default true"]),
        ("client_name: {required: true, maxLength: 8, pattern: '^a'}", [], ["required", "at most 8 characters", "matches ^a"]),
        ("contacts: {minItems: 1, maxItems: 2}", [], ["at least 1 items", "at most 2 items"]),
        ("grant_types: {require: [authorization_code]}", [], ["default authorization_code", "must have authorization_code"]),
        ("client_uri: {sameHostAsRedirect: true}", [], ["on the host of a redirect URI"]),
        (
            "redirect_uris: {allow: [{scheme: https, hosts: [b.example, '*.a.example'], pathPrefix: /o/, port: 8443}]}",
            ["https://b.example:8443/o/…", "https://*.a.example:8443/o/…"],
            [],
        ),
        ("redirect_uris: {allow: [{scheme: https, hosts: [a.example], path: /cb}]}", ["https://a.example/cb"], []),
        ("redirect_uris: {allow: [{uri: 'https://a.example/cb'}]}", ["exactly https://a.example/cb"], []),
        (
            "redirect_uris: {allow: [{loopback: true, hosts: [localhost, 127.0.0.1]}]}",
            ["http on 127.0.0.1, any port", "http on localhost, any port"],
            [],
        ),
        ("redirect_uris: {allow: [{privateUseSchemes: [bb, aa]}]}", ["aa: (private use)", "bb: (private use)"], []),
    ],
)
def test_a_member(client: str, allowed: list[str], clauses: list[str]) -> None:
    found = member(client)
    assert (list(found.allowed), list(found.clauses)) == (allowed, clauses)


def test_the_mode_is_only_told_where_it_is_not_the_usual_one() -> None:
    assert member("client_name: {maxLength: 8}").mode == ""
    assert member("client_name: {maxLength: 8, mode: warn}").mode == "warn"
    words = member("client_name: {maxLength: 8, enforceAfter: '2026-12-01T01:00:00+01:00'}").mode
    assert words == "warn, enforce after 2026-12-01T00:00:00Z"


def test_a_member_that_nobody_names_has_what_the_rfc_says_or_nothing() -> None:
    [found] = native("client_name: {required: true}").profiles
    method = found.member("token_endpoint_auth_method")
    assert method is not None
    assert (method.place, method.clauses) == (None, ("default client_secret_basic",))
    assert found.member("logo_uri") is None
    assert found.member("redirect_uris") is None


def test_rules_have_their_text_message_code_mode_and_place() -> None:
    rules = (
        "validations:\n"
        "  - {id: named, expression: client.client_name != '', message: no, error: invalid_redirect_uri, field: /client_name}\n"
        "  - {id: dated, expression: 'true', message: no, messageExpression: \"'no ' + operation\", mode: audit}\n"
    )
    named, dated = native("client_name: {required: true}", rules).profiles[0].validations
    assert (named.rule, named.text, named.message) == ("native/named", "client.client_name != ''", "no")
    assert (named.code, named.field, named.mode) == ("invalid_redirect_uri", "/client_name", "enforce")
    assert str(named.place) == "profiles/native.yaml:8:31"
    assert dated.message == "no (or what 'no ' + operation says)"
    assert dated.mode == "audit"


def test_guardrails_have_conditions_variables_and_what_they_record() -> None:
    spec = (
        "matchConditions: [{name: web, expression: 'true'}]\n"
        "variables: [{name: asked, expression: scopes(client.scope)}]\n"
        "validations: [{id: few, expression: size(variables.asked) < 3, message: m}]\n"
        "auditAnnotations: [{key: first, valueExpression: operation}]"
    )
    [rules] = outline(compiled({"guardrails/rules.yaml": guardrail(spec)})).guardrails
    assert [(part.rule, part.text) for part in (*rules.conditions, *rules.variables, *rules.recorded)] == [
        ("rules/web", "true"),
        ("rules/variables.asked", "scopes(client.scope)"),
        ("rules/first", "operation"),
    ]
    assert [str(part.place) for part in (*rules.conditions, *rules.variables, *rules.recorded)] == [
        "guardrails/rules.yaml:5:45",
        "guardrails/rules.yaml:6:41",
        "guardrails/rules.yaml:8:52",
    ]


def test_the_head_has_constants_networks_and_what_nobody_takes_is_told() -> None:
    spec = (
        "profiles: [native]\n"
        "constants: {list: [a, b], one: 1, yes: true, tree: {k: [x, y], l: {z: 2}}}\n"
        "networks: {corp: [10.0.0.0/8, '2001:db8::/32']}\n"
        "extensions: {mcp_version: {type: string, description: What it speaks}, plain: {type: list}}\n"
        "onNoMatch: {message: go, error: invalid_redirect_uri}"
    )
    found = outline(compiled({"policyset.yaml": head(spec)}))
    assert found.constants == (("list", "a, b"), ("one", "1"), ("yes", "true"), ("tree", "{k: [x, y], l: {z: 2}}"))
    assert found.networks == (("corp", "10.0.0.0/8, 2001:db8::/32"),)
    assert found.extensions == (("mcp_version", "string: What it speaks"), ("plain", "list"))
    assert (found.no_match, found.no_match_code) == ("go", "invalid_redirect_uri")


def test_where_profiles_look_at_tokens_whom_nobody_takes_is_told_of_them() -> None:
    found = outline(compiled({"profiles/native.yaml": profile("matchConditions: [{name: t, expression: token.present}]")}))
    assert found.no_match_code == "invalid_token without an initial access token, insufficient_scope with one"


def test_extensions_are_members_like_others() -> None:
    found = outline(
        compiled(
            {
                "policyset.yaml": head("profiles: [native]\nextensions: {mcp_version: {type: string}}"),
                "profiles/native.yaml": profile("extensions: {mcp_version: {default: '1'}}\nclientId: {prefix: mcp-}"),
            }
        )
    ).profiles[0]
    member = found.member("mcp_version")
    assert member is not None
    assert (member.rule, member.clauses) == ("native/client.mcp_version", ("default 1",))
    assert found.client_id_prefix == "mcp-"


def test_limits_are_told_with_their_exceptions() -> None:
    found = outline(limited(ROOM)).limits
    assert [document.name for document in found] == ["registration"]
    [limit] = found[0].limits
    assert (limit.rule, limit.key, limit.when, limit.description) == ("registration/a", "source.prefix", "token.present", "Few")
    assert limit.ceilings == ("at most 20/hour", "at most 5 at once", "at most 9 at a time", "at most 90 ever")
    assert limit.exceptions == (
        "from corp, hosted: at most 30/hour",
        "from corp: at most 6 at once, at most 10 at a time",
        "2 of them only for native",
    )


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ("5/second", "5/second"),
        ("5/60s", "5/minute"),
        ("5/60m", "5/hour"),
        ("5/24h", "5/day"),
        ("5/90m", "5/90m"),
        ("5/7d", "5/7d"),
    ],
)
def test_a_rate_is_told_in_its_largest_unit(rate: str, words: str) -> None:
    [limit] = outline(limited(f"- {{id: a, key: profile, rate: {rate}}}")).limits[0].limits
    assert limit.ceilings == (f"at most {words}",)


ROOM = """
- id: a
  description: Few
  key: source.prefix
  when: token.present
  rate: 20/hour
  burst: 5
  maxActive: 9
  maxTotal: 90
  overrides:
    - {networks: [hosted, corp], rate: 30/hour}
    - {networks: [corp], burst: 6, maxActive: 10}
  reserve: [{profiles: [native], slots: 2}]
"""


def test_lifetimes_are_in_their_largest_whole_unit() -> None:
    assert [duration_words(seconds) for seconds in (0, 1, 60, 90, 5400, 7200, 86400, 90 * 86400)] == [
        *("for ever", "1s", "1m", "90s", "90m", "2h", "1d", "90d"),
    ]
    assert native("client_name: {required: true}", "lifetimes: {unused: 24h}").profiles[0].lifetimes == (
        *(("client", "for ever"), ("unused", "1d"), ("client_secret", "for ever")),
    )


def test_values_are_written_as_in_a_policy() -> None:
    assert [value_words(value) for value in ((), None, True, "x")] == ["[]", "null", "true", "x"]


def test_words_for_a_matcher_that_nobody_knows_are_not_made_up() -> None:
    with pytest.raises(TypeError, match="object is no redirect matcher"):
        matcher_words(object())


def test_people_travel_along() -> None:
    found = outline(load(bundled("policies"), POLICY))
    assert found.description.startswith("Known hosted clients")
    owners = [found.annotations, *(part.annotations for part in (*found.profiles, *found.guardrails))]
    assert all(("owner", "registrar-maintainers") in annotations for annotations in owners)
    assert [part.name for part in found.profiles][:2] == ["hosted-clients", "native-public"]


@pytest.mark.parametrize("name", sorted(path.stem for path in (bundled("policies") / "profiles").glob("*.yaml")))
def test_every_expression_of_the_shipped_tree_is_where_its_outline_says(name: str) -> None:
    directory = bundled("policies")
    [found] = [part for part in outline(load(directory, POLICY)).profiles if part.name == name]
    parts = [(condition.text, condition.place) for condition in found.conditions]
    for text, place in (*parts, *((rule.text, rule.place) for rule in found.validations)):
        written = (directory / place.file).read_text(encoding="utf-8").splitlines()[place.line - 1][place.column - 1 :]
        assert written.startswith((">", f"'{text}'", text))
