"""For code scanning: SARIF 2.1.0 (OASIS, with errata 01)."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import registrar
from registrar.cli.reports.places import uri
from registrar.cli.reports.report import Notice, Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(report: Report, root: Path) -> str:
    """One run with a result for each notice and each failed test. URIs are relative to the directory `root` for what is in it."""
    notices = list(report.everything())
    ids = sorted({*report.rules, *(notice.rule for notice in notices)})
    rules = [{"id": rule, "shortDescription": {"text": report.rules.get(rule, rule)}} for rule in ids]
    run = {
        "tool": {"driver": {"name": "registrar", "semanticVersion": registrar.__version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": _results(notices, ids, root),
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _results(notices: list[Notice], ids: list[str], root: Path) -> list[dict[str, object]]:
    seen: Counter[tuple[str, ...]] = Counter()
    results = []
    for notice in notices:
        file = uri(notice.place.file, root)
        identity = (notice.rule, file, notice.path or notice.message)
        seen[identity] += 1
        results.append(_result(notice, file, ids.index(notice.rule), _fingerprint(*identity, str(seen[identity]))))
    return results


def _result(notice: Notice, file: str, index: int, fingerprint: str) -> dict[str, object]:
    region = {"startLine": notice.place.line, "startColumn": notice.place.column}
    return {
        "ruleId": notice.rule,
        "ruleIndex": index,
        "level": notice.level,
        "message": {"text": notice.message},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": file}, "region": region}}],
        "partialFingerprints": {"registrarFinding/v1": fingerprint},
    }


def _fingerprint(*identity: str) -> str:
    """The same for as long as the rule, the document, the key path, and the number among equals are: lines may move."""
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()
