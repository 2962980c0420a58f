"""For test dashboards: JUnit XML, in the form that Jenkins, GitLab and GitHub's reporters read."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from registrar.cli.reports.places import relative
from registrar.cli.reports.report import TEST_FAILED, Case, Notice, Report, Suite


def render(report: Report, root: Path) -> str:
    """One testsuite for each file of tests, and one for the notices with a testcase for each file that was looked at.

    Files are relative to `root`.
    """
    report = report.printable()
    suites = [_suite(suite, root) for suite in report.suites]
    if report.notices or not suites:
        suites.append(_element(report.command, "", list(_files(report, root))))
    document = ET.Element("testsuites", {"name": f"registrar {report.command}"})
    for count in ("tests", "failures", "errors"):
        document.set(count, str(sum(int(suite.attrib[count]) for suite in suites)))
    document.extend(suites)
    ET.indent(document)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(document, encoding="unicode")


def _element(name: str, file: str, cases: list[ET.Element]) -> ET.Element:
    failed = sum(case.find("failure") is not None for case in cases)
    where = {"file": file} if file else {}
    element = ET.Element("testsuite", {"name": name, **where, "tests": str(len(cases)), "failures": str(failed), "errors": "0"})
    element.extend(cases)
    return element


def _suite(suite: Suite, root: Path) -> ET.Element:
    return _element(suite.name, relative(suite.file, root), [_case(suite, case, root) for case in suite.cases])


def _case(suite: Suite, case: Case, root: Path) -> ET.Element:
    where = {"file": relative(case.place.file, root), "line": str(case.place.line)}
    element = ET.Element("testcase", {"classname": suite.name, "name": case.name, **where})
    if case.failures:
        failure = ET.SubElement(element, "failure", {"message": case.failures[0], "type": TEST_FAILED})
        failure.text = "\n".join((*case.failures, str(case.place)))
    return element


def _files(report: Report, root: Path) -> Iterator[ET.Element]:
    by_file: dict[str, list[Notice]] = defaultdict(list, {file: [] for file in report.files})
    for notice in report.notices:
        by_file[notice.place.file].append(notice)
    for file, notices in sorted(by_file.items()):
        yield _file(report, relative(file, root), notices)


def _file(report: Report, file: str, notices: list[Notice]) -> ET.Element:
    element = ET.Element("testcase", {"classname": report.command, "name": file, "file": file})
    failing = [notice for notice in notices if notice.level in report.failing]
    if failing:
        failure = ET.SubElement(element, "failure", {"message": failing[0].message, "type": failing[0].rule})
        failure.text = "\n".join(map(_line, failing))
    others = [notice for notice in notices if notice.level not in report.failing]
    if others:
        ET.SubElement(element, "system-out").text = "\n".join(map(_line, others))
    return element


def _line(notice: Notice) -> str:
    return f"{notice.place}: {notice.level}: {notice.message} [{notice.rule}]"
