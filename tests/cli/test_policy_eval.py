"""`registrar policy eval`: one expression, over one request, with the names and types of a tree."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from registrar.cel import Uint
from registrar.cli import main
from registrar.cli.policy.values import one_line, plain, pointed, position, printable
from registrar.policy import load_fixtures
from tests.policy.test_tree import write
from tests.policy.trees import guardrail, head, profile

TREE = {
    "policyset.yaml": head("profiles: [native]\nconstants: {limit: 3}\nnetworks: {corp: [10.0.0.0/8, 2001:db8::/32]}"),
    "profiles/native.yaml": profile("client: {client_name: {set: fixed}}"),
    "guardrails/rules.yaml": guardrail(
        """
        variables: [{name: boom, expression: 'redirects[9].host'}, {name: name, expression: client.client_name}]
        validations: [{id: v, expression: 'variables.name != variables.boom', message: m}]
        """
    ),
}
CLI = {"client_name": "cli", "redirect_uris": ["http://localhost/cb"]}


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["policy", "eval", *arguments], input=text)


def value(*arguments: str, text: str | None = None) -> tuple[object, str]:
    """What was printed: the value, and its type."""
    result = run(*arguments, text=text)
    assert (result.exit_code, result.stderr) == (0, "")
    shown, kind = result.stdout.splitlines()
    return json.loads(shown), kind


@pytest.mark.parametrize(
    ("text", "shown", "kind"),
    [
        ("1 + 1", 2, "int"),
        ("7u", 7, "uint"),
        ("1.5", 1.5, "double"),
        ("0.0 / 0.0", "NaN", "double"),
        ("[1.0 / 0.0, -1.0 / 0.0]", ["Infinity", "-Infinity"], "list(double)"),
        ("true", True, "bool"),
        ("null", None, "null_type"),
        ("b'\\x00\\xff'", "AP8=", "bytes"),
        ('duration("-90061.25s")', "-90061.25s", "google.protobuf.Duration"),
        ('duration("1h")', "3600s", "google.protobuf.Duration"),
        ('timestamp("2026-10-01T12:00:00.5+02:00")', "2026-10-01T10:00:00.500000Z", "google.protobuf.Timestamp"),
        ('{"a": [1, 2]}', {"a": [1, 2]}, "map(string, list(int))"),
        ("{1: true, false: 2}", {"1": True, "false": 2}, "map(dyn, dyn)"),
        ("type(1)", "int", "type"),
        ('ip("192.0.2.7")', "192.0.2.7", "net.IP"),
        ('cidr("10.0.0.0/8")', "10.0.0.0/8", "net.CIDR"),
        ("client.redirect_uris", [], "list(string)"),
        ("submitted", {}, "map(string, dyn)"),
    ],
)
def test_a_value_is_json_and_has_a_type(text: str, shown: object, kind: str) -> None:
    """Without a request the document is empty."""
    assert value(text) == (shown, kind)


def test_records_show_their_members() -> None:
    shown, kind = value("redirects[0]", "--fixture", "claude-ai")
    assert isinstance(shown, dict)
    assert (shown["host"], shown["port"], shown["loopback"], kind) == ("claude.ai", 443, False, "redirect")
    client, kind = value("client", "--fixture", "claude-ai")
    assert isinstance(client, dict)
    assert (client["client_name"], client["logo_uri"], client["localized"], kind) == ("claudeai", "", {}, "client")


def test_the_request_comes_from_a_file_or_standard_input_or_a_shipping_client(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(CLI), encoding="utf-8")
    assert value("client.client_name", "--request", str(file)) == ("cli", "string")
    assert value("client.client_name", "--request", "-", text=json.dumps(CLI)) == ("cli", "string")
    assert value("submitted", "--fixture", "vscode")[0] == load_fixtures()["vscode"]


def test_source_and_moment_are_facts(tmp_path: Path) -> None:
    tree = str(write(tmp_path, TREE))
    told = ["--source", "2001:DB8:0::1", "--user-agent", "curl/8", "--origin", "https://a.example", "--policies", tree]
    assert value("source", *told)[0] == {
        "ip": "2001:db8::1",
        "prefix": "2001:db8::/64",
        "networks": ["corp"],
        "user_agent": "curl/8",
        "origin": "https://a.example",
    }
    mapped, _ = value("[source.ip, source.prefix] + source.networks", "--source", "::ffff:10.1.2.3", "--policies", tree)
    assert mapped == ["10.1.2.3", "10.1.2.3", "corp"]
    assert value("now", "--now", "2026-10-01T12:00:00.25+02:00")[0] == "2026-10-01T10:00:00.250000Z"
    present = datetime.fromisoformat(str(value("now")[0]))
    assert abs(present - datetime.now(UTC)) < timedelta(minutes=1)


def test_constants_are_those_of_the_tree(tmp_path: Path) -> None:
    tree = str(write(tmp_path, TREE))
    assert value("constants.limit", "--policies", tree) == (3, "int")
    assert run("constants.limit").exit_code == 3
    assert value('"mcp:read" in constants.all_scopes') == (True, "bool")


def test_variables_belong_to_a_document(tmp_path: Path) -> None:
    tree = ["--policies", str(write(tmp_path, TREE)), "--request", "-"]
    assert value("variables.name", "--in", "rules", *tree, text=json.dumps(CLI)) == ("fixed", "string")
    assert value("client.client_name", "--in", "native", *tree, text=json.dumps(CLI)) == ("fixed", "string")
    outside = run("variables.name", *tree, text=json.dumps(CLI))
    assert (outside.exit_code, outside.stdout) == (3, "")
    assert 'undeclared name "variables"' in outside.stderr


def test_a_mistake_is_shown_under_its_token() -> None:
    result = run('clent.scope == "a" &&\n\tredirects.all(r, r.hst == 1)')
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.splitlines() == [
        "registrar: the expression does not compile:",
        '  1:1: undeclared name "clent" (did you mean "client"?)',
        '    clent.scope == "a" &&',
        "    ^",
        '  2:21: redirect has no member "hst" (did you mean "host"?)',
        "     redirects.all(r, r.hst == 1)",
        "                        ^",
    ]


def test_an_expression_that_ends_too_early_is_shown_at_its_end() -> None:
    result = run("1 +")
    assert result.exit_code == 3
    assert result.stderr.splitlines()[1:] == ["  1:4: the expression ends too early", "    1 +", "       ^"]


def test_a_failure_has_a_reason_and_a_place_and_no_value() -> None:
    result = run("size(redirects) == 1 &&\n  redirects[7].loopback", "--fixture", "claude-ai")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "registrar: the expression has no value: the index is outside the list",
        "  at 2:12",
        "      redirects[7].loopback",
        "               ^",
    ]


def test_a_failure_inside_a_variable_is_shown_where_it_is_read(tmp_path: Path) -> None:
    tree = ["--policies", str(write(tmp_path, TREE)), "--in", "rules", "--request", "-"]
    result = run('"x" == variables.boom', *tree, text=json.dumps(CLI))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "registrar: the expression has no value: variables.boom: the index is outside the list",
        "  at 1:8",
        '    "x" == variables.boom',
        "           ^",
    ]
    # The record of all variables has no value when one of them has none.
    assert run("variables", *tree, text=json.dumps(CLI)).exit_code == 1


def test_a_trace_shows_every_part_under_its_whole() -> None:
    result = run('redirects.all(r, r.scheme == "https" && r.loopback)', "--fixture", "cursor-2026", "--trace")
    lines = [line.partition("[{")[0] for line in result.stdout.splitlines()]
    assert lines[:4] == [
        'redirects.all(r, r.scheme == "https" && r.loopback) = false',
        "  redirects = ",
        '  r.scheme == "https" && r.loopback = false',
        '    r.scheme == "https" = false',
    ]
    assert lines[-2:] == ["false", "bool"]


def test_a_trace_is_shown_of_what_fails_too() -> None:
    result = run("size(client.scope) + redirects[7].port", "--trace")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "size(client.scope) + redirects[7].port = error: the index is outside the list",
        "  size(client.scope) = 0",
        '    client.scope = ""',
        "  redirects[7].port = error: the index is outside the list",
        "    redirects[7] = error: the index is outside the list",
        "      redirects = []",
    ]


def test_a_trace_shows_a_fact_once_and_a_macro_variable_in_every_round() -> None:
    text = json.dumps({**CLI, "redirect_uris": ["http://localhost/a", "http://localhost/b"]})
    result = run(
        "redirects.all(r, r.host == r.host && client.client_name == client.client_name)", "--request", "-", "--trace", text=text
    )
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines.count('client.client_name = "cli"') == 1
    assert lines.count('r.host = "localhost"') == 2
    assert len([line for line in lines if line.startswith("r = ")]) == 2


@pytest.mark.parametrize(
    ("arguments", "text", "message"),
    [
        (["--request", "-"], "{", "standard input is not JSON: line 1, column 2"),
        (["--request", "-"], '{"a": 1, "a": 2}', "standard input has the same key twice in one object"),
        (["--request", "-"], "[]", "standard input must be a JSON object"),
        (["--request", "/nowhere/f.json"], None, "/nowhere/f.json cannot be read: No such file or directory"),
        (["--request", "-", "--fixture", "vscode"], "{}", "give one of them"),
        (["--fixture", "claude-cod"], None, 'there is no fixture "claude-cod" (did you mean "claude-code"?)'),
        (["--fixture", "zzz"], None, "there are chatgpt, claude-ai,"),
        (["--source", "10.1"], None, '"10.1" is no IP address'),
        (["--source", "fe80::1%eth0"], None, '"fe80::1%eth0" is no IP address'),
        (["--now", "2026-10-01"], None, "must be a date and time as in 2026-10-01T12:00:00Z"),
        (["--now", "2026-02-30T12:00:00Z"], None, "2026-02-30T12:00:00Z is no date and time that exists"),
        (["--now", "0001-01-01T00:00:00+14:00"], None, "is no date and time that exists"),
        (
            ["--in", "other-wep"],
            None,
            'there is no profile, guardrail or limits document "other-wep" (did you mean "other-web"?)',
        ),
        (["--in", "zzz"], None, "there are hosted-clients, native-public,"),
        (["--request", "-"], '{"scope": 7}', "standard input is no registration document:\n  scope must be a string"),
    ],
)
def test_what_cannot_be_used_is_said(arguments: list[str], text: str | None, message: str) -> None:
    result = run("1", *arguments, text=text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_tree_that_does_not_load_is_said(tmp_path: Path) -> None:
    tree = write(tmp_path, {"guardrails/rules.yaml": guardrail("validations: [{id: v, expression: 'nme', message: m}]")})
    result = run("1", "--policies", str(tree))
    assert (result.exit_code, result.stdout) == (3, "")
    assert f'{tree}/guardrails/rules.yaml:5:38: spec.validations[0].expression: undeclared name "nme"' in result.stderr


def test_suites_of_the_tree_need_not_be_whole(tmp_path: Path) -> None:
    """Expressions are tried while the tests of a tree are still being written."""
    tree = write(tmp_path, {"tests/t_test.yaml": "half"})
    assert value("1", "--policies", str(tree)) == (1, "int")


@given(st.text())
def test_nothing_that_a_client_sends_moves_the_cursor(text: str) -> None:
    """Control and format characters are escaped, and the JSON still says what was sent."""
    shown = one_line(text)
    assert shown.isprintable()
    assert json.loads(shown) == text
    assert printable(text).isprintable()


@given(st.text("ab\n\t", max_size=20), st.data())
def test_a_caret_stands_under_the_character(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line, caret = pointed(text, offset)
    row, column = map(int, position(text, offset).split(":"))
    assert line == text.split("\n")[row - 1].replace("\t", " ")
    assert caret == " " * (column - 1) + "^"


def test_a_caret_behind_the_end_stands_at_the_end() -> None:
    assert list(pointed("ab", 9)) == ["ab", "  ^"]


def test_long_values_are_cut_where_a_line_has_to_hold_them() -> None:
    assert one_line("a" * 50, limit=20) == '"aaaaaaaaaaaaaaaa...'
    assert one_line("a" * 18, limit=20) == '"' + "a" * 18 + '"'


def test_unsigned_numbers_are_plain_numbers() -> None:
    assert type(plain(Uint(7))) is int
