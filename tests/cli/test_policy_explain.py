"""`registrar policy explain`: what an operator reads, and what a program does."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from registrar.bundled import bundled
from registrar.cli import main
from registrar.cli.policy.answer import Answer, answer
from registrar.cli.policy.values import one_line
from registrar.policy import MalformedError, PolicySet, Source, load, load_fixtures
from registrar.schema import Schema
from registrar.service import Refusal, Registrar, RegistrationRequest, new_secret
from registrar.store import Store
from tests.policy.test_tree import write
from tests.policy.trees import NOW, POLICY, facts, guardrail, head, profile

FIXTURES = load_fixtures()
TREE = {
    "policyset.yaml": head("profiles: [first, native]\nnetworks: {corp: [10.0.0.0/8]}"),
    "profiles/first.yaml": profile(
        """
        matchConditions:
          - {name: fails, expression: 'submitted.nothing == "x"'}
          - {name: ask, expression: 'client.client_name == "ask"'}
          - {name: unseen, expression: 'operation == "create"'}
        """,
        "first",
    ),
    "profiles/native.yaml": profile(
        """
        matchConditions: [{name: loopback, expression: 'redirects.all(r, r.loopback)'}]
        client:
          client_name: {default: nameless, maxLength: 12}
          logo_uri: {remove: true}
          scope: {allow: [a, b], onExcess: strip}
          token_endpoint_auth_method: {set: none}
        lifetimes: {client: 90d, unused: 90m, client_secret: 61s}
        variables: [{name: host, expression: 'redirects[0].host'}, {name: second, expression: 'redirects[1].host'}]
        validations:
          - {id: corp, expression: '"corp" in source.networks', message: not from there, field: /client_name,
             enforceAfter: 2026-12-01T00:00:00Z}
          - {id: errs, expression: 'variables.host == "localhost" && variables.second == "b"', message: m, mode: audit}
        """
    ),
    "guardrails/elsewhere.yaml": guardrail(
        """
        matchConditions: [{name: never, expression: 'client.client_name == "x"'}]
        validations: [{id: v, expression: 'false', message: m}]
        """,
        "elsewhere",
    ),
    "guardrails/noted.yaml": guardrail(
        """
        validations:
          - id: two-lines
            expression: |
              redirects.all(r,
                r.port > 0)
            message: m
        auditAnnotations: [{key: name, valueExpression: client.client_name}]
        """,
        "noted",
    ),
}
CLI: Mapping[str, object] = {
    "redirect_uris": ["http://localhost/cb"],
    "logo_uri": "https://a.example/l.png",
    "logo_uri#fr": "https://a.example/fr.png",
    "scope": "a c",
}
REDIRECTS = facts(CLI).redirects
MOMENT = ["--now", "2026-10-01T12:00:00Z"]


@pytest.fixture
def tree(tmp_path: Path) -> str:
    """The tree above, on disk."""
    return str(write(tmp_path / "tree", TREE))


def run(*arguments: str, body: object = None, color: bool = False, env: Mapping[str, str] | None = None) -> Result:
    text = None if body is None else json.dumps(body)
    request = [] if body is None else ["--request", "-"]
    return CliRunner(env=env).invoke(main, ["policy", "explain", *arguments, *request], input=text, color=color)


def lines(*arguments: str, body: object = None) -> list[str]:
    result = run(*arguments, body=body)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def told(*arguments: str, body: object = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("\n".join(lines(*arguments, "--format", "json", body=body)))
    return found


def at(file: str, text: str) -> str:
    """The place where `text` first stands in a file of the tree."""
    before = TREE[file].partition(text)[0]
    return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def section(printed: list[str], title: str) -> list[str]:
    """The lines below the title that begins so, up to the next one."""
    start = next(number for number, line in enumerate(printed) if line.startswith(title))
    return printed[start : printed.index("", start) if "" in printed[start:] else len(printed)]


def test_people_read_the_whole_decision(tree: str) -> None:
    printed = lines(tree, *MOMENT, "--source", "192.0.2.7", body=CLI)
    assert printed[:5] == [
        f"policies  {tree} (t, {load(Path(tree), POLICY).revision})",
        "request   standard input",
        "source    192.0.2.7",
        "now       2026-10-01T12:00:00Z",
        "intake    well-formed, redirect URIs: 1",
    ]
    assert section(printed, "profiles") == [
        "profiles: the first that applies decides",
        "  first: does not apply",
        "    error  first/fails  " + at("profiles/first.yaml", "'submitted"),
        '        | submitted.nothing == "x"',
        '        error: no such key "nothing"',
        '          submitted.nothing == "x"',
        "                    ^",
        '          submitted.nothing = error: no such key "nothing"',
        f"            submitted = {one_line(CLI, limit=100)}",
        "    false  first/ask  " + at("profiles/first.yaml", "'client.client_name"),
        '        | client.client_name == "ask"',
        '          client.client_name = ""',
        "    not evaluated  first/unseen  " + at("profiles/first.yaml", "'operation"),
        "  native: applies",
        "    true  native/loopback  " + at("profiles/native.yaml", "'redirects.all"),
    ]
    assert section(printed, "client:") == [
        "client: what native makes of it",
        "    grant_types  default  of the RFC",
        '        absent -> ["authorization_code"]',
        "    response_types  default  of the RFC",
        '        absent -> ["code"]',
        "    token_endpoint_auth_method  set  " + at("profiles/native.yaml", "set: none"),
        '        absent -> "none"',
        "    client_name  default  " + at("profiles/native.yaml", "default: nameless"),
        '        absent -> "nameless"',
        "    logo_uri  remove  " + at("profiles/native.yaml", "remove: true"),
        '        "https://a.example/l.png" -> absent',
        '        logo_uri#fr: "https://a.example/fr.png" -> absent',
        "    scope  strip  " + at("profiles/native.yaml", "onExcess"),
        '        "a c" -> "a"',
        "    kept as sent: redirect_uris",
    ]
    assert section(printed, "rules of native") == [
        "rules of native",
        '    variable  host = "localhost"',
        "    variable  second = error: the index is outside the list",
        "        | redirects[1].host",
        "          redirects[1] = error: the index is outside the list",
        "            redirects = " + one_line(REDIRECTS, limit=100),
        "    false  native/corp  warn  " + at("profiles/native.yaml", '\'"corp"'),
        "        not from there",
        '        | "corp" in source.networks',
        "          source.networks = []",
        "    error  native/errs  audit  " + at("profiles/native.yaml", "'variables.host"),
        "        m",
        '        | variables.host == "localhost" && variables.second == "b"',
        "        error: variables.second: the index is outside the list",
        '          variables.host == "localhost" && variables.second == "b"',
        "                                           ^",
        '          variables.host == "localhost" = true',
        '            variables.host = "localhost"',
        '          variables.second == "b" = error: variables.second: the index is outside the list',
        "            variables.second = error: variables.second: the index is outside the list",
    ]
    assert section(printed, "guardrail elsewhere") == [
        "guardrail elsewhere: does not apply",
        "    false  elsewhere/never  " + at("guardrails/elsewhere.yaml", "'client.client_name"),
        '        | client.client_name == "x"',
        '          client.client_name = "nameless"',
        "    not evaluated  elsewhere/v  enforce  " + at("guardrails/elsewhere.yaml", "'false'"),
    ]
    assert section(printed, "guardrail noted") == [
        "guardrail noted: applies",
        "    true  noted/two-lines  enforce  " + at("guardrails/noted.yaml", "|"),
    ]
    assert section(printed, "decision") == [
        "decision: allow as native",
        "    warning  native/corp  " + at("profiles/native.yaml", '\'"corp"'),
        "    audited  native/errs  " + at("profiles/native.yaml", "'variables.host"),
        '    annotation  noted/name = "nameless"',
        "    lifetimes  client 90d, unused 90m, client_secret 61s",
    ]
    assert json.loads("".join(section(printed, "effective client")[1:])) == {
        "redirect_uris": ["http://localhost/cb"],
        "scope": "a",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "client_name": "nameless",
    }
    assert section(printed, "answer") == [
        "answer: 201",
        "    the effective client, with client_id",
        "    Registrar-Warning  native/corp: not from there",
    ]


def test_what_is_true_is_taken_apart_when_asked(tree: str) -> None:
    printed = lines(tree, *MOMENT, "--verbose", body=CLI)
    assert section(printed, "guardrail noted")[1:] == [
        "    true  noted/two-lines  enforce  " + at("guardrails/noted.yaml", "|"),
        "        | redirects.all(r,",
        "        |   r.port > 0)",
        "          redirects = " + one_line(REDIRECTS, limit=100),
        "          r.port > 0 = true",
        "            r.port = 80",
        "              r = " + one_line(REDIRECTS[0], limit=100),
    ]


def test_a_refusal_is_told_with_its_answer(tree: str) -> None:
    """The mode is that of the moment; member constraints and the program's own rules refuse beside the tree's."""
    body = {**CLI, "client_name": "much too long a name", "jwks_uri": "http://a.example/"}
    printed = lines(tree, "--now", "2026-12-01T00:00:00Z", body=body)
    assert "    false  native/corp  enforce  " + at("profiles/native.yaml", '\'"corp"') in printed
    assert section(printed, "rules of the program")[1:] == ["    false  registrar/jwks_uri  jwks_uri must be an https URL"]
    client = section(printed, "client:")
    refused = client.index("    client_name  refused")
    assert client[refused + 1] == "        enforce: client_name must have at most 12 characters  " + at(
        "profiles/native.yaml", "maxLength"
    )
    assert section(printed, "decision") == [
        "decision: deny as native",
        "    violation  native/client.client_name  " + at("profiles/native.yaml", "maxLength"),
        "    violation  registrar/jwks_uri",
        "    violation  native/corp  " + at("profiles/native.yaml", '\'"corp"'),
        "    audited  native/errs  " + at("profiles/native.yaml", "'variables.host"),
        '    annotation  noted/name = "much too long a name"',
    ]
    assert section(printed, "the client that was judged")[1] == "{"
    description = "client_name must have at most 12 characters; jwks_uri must be an https URL; client_name: not from there"
    assert section(printed, "answer") == [
        "answer: 400",
        "    error  invalid_client_metadata",
        f'    error_description  "{description}"',
    ]


def test_what_the_rfc_adds_at_the_end_and_a_profile_without_rules(tmp_path: Path) -> None:
    tree = write(tmp_path, {"profiles/native.yaml": profile("client: {grant_types: {set: [client_credentials]}}")})
    printed = lines(str(tree), body={"client_name": "machine"})
    client = section(printed, "client:")
    assert client[-4:] == [
        "    response_types  default of the RFC",
        "        absent -> []",
        "    redirect_uris  default of the RFC",
        "        absent -> []",
    ]
    assert section(printed, "rules of native") == ["rules of native", "    none"]
    assert section(printed, "answer")[1] == "    the effective client, with client_id and client_secret"
    assert "    lifetimes  client without end, unused without end, client_secret without end" in printed


def test_what_the_policy_says_about_ids(tmp_path: Path) -> None:
    tree = str(write(tmp_path, {"profiles/native.yaml": profile("clientId: {prefix: mcp-client-}\nclient: {}")}))
    assert "    client_id  begins with mcp-client-" in section(lines(tree, body=CLI), "decision")
    assert told(tree, body=CLI)["decision"]["client_id_prefix"] == "mcp-client-"


def test_members_that_the_policy_set_declares(tmp_path: Path) -> None:
    extensions = "extensions: {mcp_version: {type: string}}"
    members = "client: {redirect_uris: {allow: [{loopback: true}]}}\nextensions: {mcp_version: {default: 2024-11-05}}"
    files = {"policyset.yaml": head(f"profiles: [native]\n{extensions}"), "profiles/native.yaml": profile(members)}
    tree = str(write(tmp_path, files))
    client = section(lines(tree, body={"redirect_uris": ["http://localhost/cb"]}), "client:")
    assert client[client.index('        absent -> "2024-11-05"') - 1].startswith(
        "    mcp_version  default  profiles/native.yaml:6:"
    )
    assert told(tree, body={**CLI, "mcp_version": 7})["intake"]["faults"][0]["member"] == "mcp_version"


def test_a_client_of_which_nothing_stays_as_it_was_sent(tmp_path: Path) -> None:
    tree = write(tmp_path, {"profiles/native.yaml": profile("client: {grant_types: {set: [client_credentials]}}")})
    client = section(lines(str(tree), body={"grant_types": ["authorization_code"]}), "client:")
    assert not any(line.startswith("    kept") for line in client)


def test_a_rule_for_which_no_budget_was_left(tmp_path: Path) -> None:
    """It has a value now, alone; in the decision it had none."""
    costly = "'constants.many.all(a, constants.many.all(b, a + b >= 0))'"
    rules = f"validations: [{{id: v, expression: {costly}, message: m}}]"
    files = {
        "policyset.yaml": head(f"profiles: [native]\nconstants: {{many: {list(range(180))}}}"),
        "guardrails/one.yaml": guardrail(rules, "one"),
        "guardrails/two.yaml": guardrail(rules, "two"),
    }
    printed = lines(str(write(tmp_path, files)), body=CLI)
    two = section(printed, "guardrail two")
    assert two[1].startswith("    error  two/v  enforce")
    assert two[4] == "        error: the budget of this decision was exhausted by the rules before it"
    assert two[5].startswith("          constants.many = [0, 1, 2")


def test_a_client_of_no_profile(tree: str) -> None:
    printed = lines(tree, body={"redirect_uris": ["https://a.example/"]})
    assert section(printed, "decision") == ["decision: deny", "    violation  t/no-match  " + at("policyset.yaml", "profiles:")]
    assert not any(line.startswith(("client:", "rules of", "guardrail", "effective")) for line in printed)
    assert section(printed, "answer")[1] == "    error  invalid_client_metadata"


def test_a_condition_that_could_not_be_evaluated(tree: str) -> None:
    printed = lines(tree, body={**CLI, "client_name": "ask"})
    assert printed[printed.index("  first: failed") + 1] == "    error  first/fails  " + at("profiles/first.yaml", "'submitted")
    assert "  native: not reached" in printed
    assert section(printed, "decision")[0] == "decision: error"
    assert section(printed, "answer")[:2] == ["answer: 500", "    error  server_error"]


def test_a_document_that_no_policy_sees(tree: str) -> None:
    body = {"redirect_uris": ["http://a.example/", "javascript:alert(1)"], "scope": "a b"}
    printed = lines(tree, body=body)
    assert printed[4] == "intake    refused, no policy sees this document:"
    assert [line.split()[0] for line in printed[5:7]] == ["redirect_uris[0]", "redirect_uris[1]"]
    assert section(printed, "answer")[:2] == ["answer: 400", "    error  invalid_redirect_uri"]
    found = told(tree, body=body)
    assert [fault["member"] for fault in found["intake"]["faults"]] == ["redirect_uris", "redirect_uris"]
    assert (found["answer"]["status"], found["answer"]["error"]) == (400, "invalid_redirect_uri")
    assert "decision" not in found


def test_programs_read_the_whole_decision(tree: str) -> None:
    found = told(tree, *MOMENT, "--source", "10.1.2.3", body=CLI)
    assert found["policies"] == {"directory": tree, "name": "t", "revision": load(Path(tree), POLICY).revision}
    assert found["request"]["submitted"] == CLI
    assert (found["request"]["source"]["ip"], found["request"]["source"]["networks"]) == ("10.1.2.3", ["corp"])
    first, native = found["profiles"]
    assert (first["reach"], native["reach"]) == ("does not apply", "applies")
    assert first["conditions"][0] == {
        "rule": "first/fails",
        "place": at("profiles/first.yaml", "'submitted"),
        "expression": 'submitted.nothing == "x"',
        "outcome": "error",
        "error": {"reason": 'no such key "nothing"', "offset": 10},
        "steps": [
            {"offset": 0, "end": 9, "text": "submitted", "value": CLI},
            {"offset": 0, "end": 17, "text": "submitted.nothing", "error": 'no such key "nothing"'},
            {"offset": 0, "end": 24, "text": 'submitted.nothing == "x"', "error": 'no such key "nothing"'},
        ],
    }
    scope = next(work for work in found["members"] if work["member"] == "scope")
    assert scope == {
        "member": "scope",
        "rule": "native/client.scope",
        "place": at("profiles/native.yaml", "scope: {"),
        "before": {"scope": "a c"},
        "after": {"scope": "a"},
        "changes": [{"action": "strip", "place": at("profiles/native.yaml", "onExcess")}],
        "findings": [],
    }
    rules = {book["name"]: book for book in found["rules"]}
    assert [(book["kind"], book["reach"]) for book in found["rules"]] == [
        ("Profile", "applies"),
        ("Guardrail", "does not apply"),
        ("Guardrail", "applies"),
    ]
    corp, errs = rules["native"]["validations"]
    assert (corp["outcome"], corp["mode"], corp["message"], corp["steps"]) == ("true", "warn", "not from there", [])
    assert (errs["outcome"], errs["mode"]) == ("error", "audit")
    host, second = rules["native"]["variables"]
    assert (host["name"], host["expression"], host["value"]) == ("host", "redirects[0].host", "localhost")
    assert (second["name"], second["error"]) == ("second", "the index is outside the list")
    assert [step["text"] for step in second["steps"]] == ["redirects", "redirects[1]", "redirects[1].host"]
    assert found["decision"]["result"] == "allow"
    assert [finding["rule"] for finding in found["decision"]["audited"]] == ["native/errs"]
    assert found["decision"]["annotations"] == {"noted/name": "nameless"}
    assert found["decision"]["lifetimes"] == {"client": 7776000, "unused": 5400, "client_secret": 61}
    assert found["effective"]["scope"] == "a"
    assert found["answer"] == {"status": 201, "error": "", "description": "", "credentials": ["client_id"], "warnings": []}
    verbose = told(tree, *MOMENT, "--verbose", "--source", "10.1.2.3", body=CLI)
    assert verbose["rules"][0]["validations"][0]["steps"][0] == {
        "offset": 10,
        "end": 25,
        "text": "source.networks",
        "value": ["corp"],
    }


@pytest.mark.parametrize("name", FIXTURES)
def test_shipping_clients_can_be_explained(name: str) -> None:
    """In both formats, under the shipped tree, to the decision that it makes."""
    decision = load(bundled("policies"), POLICY).decide(facts(FIXTURES[name]))
    found = told("--fixture", name, "--verbose")
    assert found["decision"]["profile"] == decision.profile
    assert found["effective"] == json.loads(json.dumps(dict(decision.metadata)))
    assert section(lines("--fixture", name), "decision")[0].startswith(f"decision: {found['decision']['result']}")


STAFF = profile("matchConditions: [{name: staff, expression: '\"staff\" in token.scopes'}]")


@pytest.mark.parametrize(
    ("token", "status", "error"), [((), 401, "invalid_token"), (("--token-id", "t"), 403, "insufficient_scope")]
)
def test_whom_no_profile_takes_is_answered_by_his_token(tmp_path: Path, token: tuple[str, ...], status: int, error: str) -> None:
    """Where some profile looks at it: RFC 6750, as the server answers."""
    directory = str(write(tmp_path / "staff", {"profiles/native.yaml": STAFF}))
    found = told(directory, *token, body=CLI)
    assert (found["answer"]["status"], found["answer"]["error"]) == (status, error)
    assert f"answer: {status}" in lines(directory, *token, body=CLI)
    assert told(directory, "--token-id", "t", "--token-scope", "staff", body=CLI)["answer"]["status"] == 201


def answered(policies: PolicySet, store: Store, body: Mapping[str, object]) -> Answer:
    """What the server answers, with everything that `explain` can know of it."""
    service = Registrar(
        lambda: policies,
        store,
        Schema.load("registration-request"),
        clock=lambda: NOW,
        new_id=lambda: str(uuid4()),
        new_secret=new_secret,
    )
    try:
        registration = service.register(RegistrationRequest(body, Source(ip="192.0.2.7")))
    except Refusal as refusal:
        return Answer(refusal.status, str(refusal.code), refusal.description)
    credentials = tuple(name for name in ("client_id", "client_secret") if name in registration.client)
    return Answer(201, credentials=credentials, warnings=registration.warnings)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty database."""
    with closing(Store.open(f"sqlite:///{tmp_path}/registrar.db")) as opened:
        yield opened


@pytest.mark.parametrize(
    "body",
    [
        CLI,
        {**CLI, "client_name": "ask"},
        {**CLI, "client_name": "much too long a name", "jwks_uri": "http://a.example/"},
        {**CLI, "client_name": "é much too long a name", "client_uri": "nonsense"},
        {"redirect_uris": ["https://a.example/"]},
        {"redirect_uris": ["http://a.example/", "nonsense"]},
        {"redirect_uris": 7, "scope": 7},
        FIXTURES["claude-ai"],
        FIXTURES["vscode"],
        FIXTURES["swift-sdk-client-credentials"],
    ],
)
def test_the_answer_is_the_one_that_the_server_gives(tmp_path: Path, tree: str, store: Store, body: Mapping[str, object]) -> None:
    staff = write(tmp_path / "staff", {"profiles/native.yaml": STAFF})
    for directory in (Path(tree), bundled("policies"), staff):
        policies = load(directory, POLICY)
        try:
            found = answer(policies.decide(facts(body, source=Source(ip="192.0.2.7"))))
        except MalformedError as error:
            found = answer(error)
        assert found == answered(policies, store, body)


def test_nothing_that_a_client_sends_reaches_the_terminal_as_it_is(tree: str) -> None:
    body = {**CLI, "client_name": "a\u202e\u009b", "client_name#fr": "b\u200b"}
    result = run(tree, body=body)
    assert all(line.isprintable() for line in result.stdout.splitlines())


def test_colour_is_for_terminals_that_want_it(tree: str) -> None:
    assert "\x1b[" not in run(tree, body=CLI, env={"NO_COLOR": ""}).stdout
    assert "\x1b[32mapplies" in run(tree, body=CLI, color=True, env={"NO_COLOR": ""}).stdout
    assert "\x1b[" not in run(tree, body=CLI, color=True, env={"NO_COLOR": "1"}).stdout


def test_there_has_to_be_a_request(tree: str) -> None:
    result = run(tree)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "give --request FILE or --fixture NAME" in result.stderr


def test_a_request_that_cannot_be_read(tmp_path: Path, tree: str) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"scope": NaN}', encoding="utf-8")
    result = run(tree, "--request", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{file} must not have NaN or Infinity" in result.stderr


def test_a_tree_that_does_not_load(tmp_path: Path) -> None:
    result = run(str(tmp_path / "nowhere"), "--fixture", "vscode")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "is no directory" in result.stderr


def test_an_operator_runs_it_in_a_shell(tree: str) -> None:
    command = [sys.executable, "-m", "registrar", "policy", "explain", tree, "--request", "-", "--format", "json"]
    done = subprocess.run(command, input=json.dumps(CLI), capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)["decision"]["profile"] == "native"


LIMITS = """\
apiVersion: registrar/v1
kind: Limits
metadata: {name: room}
spec:
  limits:
    - {id: all, key: '"all"', rate: 20/hour, reserve: [{profiles: [first], slots: 3}]}
    - {id: source, key: source.ip, rate: 5/30m, burst: 2, maxActive: 9, maxTotal: 10}
    - {id: token, when: token.present, key: 'token.labels["team"]', maxTotal: 3}
    - {id: software, when: client.software_id != "", key: client.software_id, maxActive: 3}
"""


@pytest.fixture
def limited(tmp_path: Path) -> str:
    """One profile for everybody, and limits."""
    return str(write(tmp_path / "limited", {"limits/room.yaml": LIMITS.replace("[first]", "[native]")}))


def test_people_read_where_a_client_needed_room(limited: str) -> None:
    printed = lines(
        limited,
        "--source",
        "192.0.2.7",
        "--token-id",
        "t",
        "--token-label",
        "team=a",
        body={"redirect_uris": CLI["redirect_uris"]},
    )
    assert "token     t" in printed
    assert section(printed, "limits") == [
        "limits: a client needs room in each that is for it",
        "    room  room/all  limits/room.yaml:6:22",
        '        key  "all"',
        "        at most 20/hour",
        "    room  room/source  limits/room.yaml:7:25",
        '        key  "192.0.2.7"',
        "        at most 5/30m",
        "        at most 2 at once",
        "        at most 9 at a time",
        "        at most 10 ever",
        "    true  room/token  limits/room.yaml:8:25",
        "    room  room/token  limits/room.yaml:8:45",
        '        key  "a"',
        "        at most 3 ever",
        "    false  room/software  limits/room.yaml:9:28",
        '        | client.software_id != ""',
        '          client.software_id = ""',
    ]


def test_people_read_which_limit_failed(limited: str) -> None:
    """A token without the label that its limit counts by."""
    printed = lines(limited, "--token-id", "t", body={"redirect_uris": CLI["redirect_uris"]})
    told_of = section(printed, "limits")
    assert "    error  room/token  limits/room.yaml:8:45" in told_of
    assert any(line.startswith("        key  error: no such key") for line in told_of)
    assert any(line.startswith("decision: error") for line in printed)


def test_programs_read_the_same_of_limits(limited: str) -> None:
    record = told(
        limited,
        "--source",
        "192.0.2.7",
        "--token-id",
        "t",
        "--token-scope",
        "s",
        "--token-label",
        "team=a",
        body={"redirect_uris": CLI["redirect_uris"]},
    )
    assert record["request"]["token"] == {"present": True, "id": "t", "scopes": ["s"], "labels": {"team": "a"}}
    assert [room["limit"] for room in record["limits"]] == ["room/all", "room/source", "room/token", "room/software"]
    assert record["limits"][1]["use"] == {
        "limit": "room/source",
        "key": "192.0.2.7",
        "rate": 5,
        "period": 1800,
        "burst": 2,
        "max_active": 9,
        "max_total": 10,
        "reserve": 0,
    }
    assert record["limits"][3]["when"]["outcome"] == "false"
    assert record["limits"][3]["use"] is None
    assert record["decision"]["reuse_identical"] is False


def test_a_token_has_an_id_and_its_labels_a_name(limited: str) -> None:
    assert "give its --token-id" in run(limited, "--token-scope", "s", body=CLI).stderr
    assert '"team" is no NAME=TEXT' in run(limited, "--token-id", "t", "--token-label", "team", body=CLI).stderr


@pytest.fixture
def moved(tmp_path: Path) -> str:
    """A tree whose only profile takes the clients of none but itself and `old`, and believes one issuer."""
    rules = """
        acceptFrom: [old]
        matchConditions: [{name: issuer, expression: 'operation == "update" || software_statement.issuer == "https://i.example"'}]
        validations: [{id: same, expression: 'operation == "create" || existing.client_name == client.client_name', message: m}]
    """
    return str(write(tmp_path / "moved", {"profiles/native.yaml": profile(rules)}))


def saved(folder: Path, document: object) -> str:
    """A JSON file."""
    file = folder / "document.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)


def test_a_software_statement_comes_with_the_request(tmp_path: Path, moved: str) -> None:
    """Its claims go before what the document says, as if it had been verified."""
    claims = saved(tmp_path, {"client_name": "theirs"})
    found = told(moved, "--statement", claims, "--statement-issuer", "https://i.example", body=CLI)
    assert (found["answer"]["status"], found["effective"]["client_name"]) == (201, "theirs")
    assert found["request"]["software_statement"]["claims"] == {"client_name": "theirs"}
    assert "statement https://i.example" in lines(
        moved, "--statement", claims, "--statement-issuer", "https://i.example", body=CLI
    )
    assert told(moved, "--statement", claims, body=CLI)["decision"]["profile"] == ""
    assert "give its claims" in run(moved, "--statement-issuer", "https://i.example", body=CLI).stderr


def test_an_update_is_of_a_client_that_a_profile_admitted(tmp_path: Path, moved: str) -> None:
    """Answered as the server answers it: 403 where the profile takes no such clients."""
    body = {**CLI, "client_name": "mine"}
    existing = saved(tmp_path, {"client_name": "mine"})
    found = told(moved, "--existing", existing, "--existing-profile", "old", body=body)
    assert (found["decision"]["result"], found["answer"]["status"]) == ("allow", 200)
    assert found["request"]["existing"] == {"profile": "old", "client": {"client_name": "mine"}}
    assert told(moved, "--existing-profile", "old", body=body)["decision"]["violations"][0]["rule"] == "native/same"
    printed = lines(moved, "--existing", existing, "--existing-profile", "other", body=body)
    assert "existing  a client of other" in printed
    assert "answer: 403" in printed
    assert "name it with --existing-profile" in run(moved, "--existing", existing, body=body).stderr
    assert "Invalid value for '--existing'" in run(moved, "--existing", "/nowhere", "--existing-profile", "old", body=body).stderr
