"""An explained decision as JSON, for programs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from registrar.cel import EvaluationError, Step
from registrar.cli.policy.answer import answer
from registrar.cli.policy.story import result
from registrar.cli.policy.values import plain
from registrar.errors import Place
from registrar.policy import Finding, MalformedError
from registrar.review.explain import Book, Explanation, Judgement, MemberWork
from registrar.review.rooms import Room
from registrar.review.views import Check, Outcome, Variable, origin


def of_faults(error: MalformedError) -> Mapping[str, Any]:
    """A document that was refused before any policy saw it."""
    return {"intake": {"faults": [asdict(fault) for fault in error.faults]}, "answer": asdict(answer(error))}


def of_explanation(explanation: Explanation, *, verbose: bool) -> Mapping[str, Any]:
    """A decision and all that led to it. `verbose` has the parts of expressions that are true as well."""
    decision = explanation.decision
    return {
        "intake": {"faults": []},
        "profiles": [_book(book, verbose=verbose) for book in explanation.profiles],
        "members": [_member(work) for work in explanation.members],
        "completed": plain(explanation.completed),
        "rules": [_rules(book, verbose=verbose) for book in explanation.books],
        "limits": [_room(room, verbose=verbose) for room in explanation.rooms],
        "decision": {
            "result": result(decision),
            "profile": decision.profile,
            "violations": _findings(decision.violations),
            "warnings": _findings(decision.warnings),
            "audited": _findings(decision.audited),
            "annotations": dict(decision.annotations),
            "lifetimes": asdict(decision.lifetimes),
            "client_id_prefix": decision.client_id_prefix,
            "reuse_identical": decision.reuse_identical,
        },
        "effective": plain(decision.metadata),
        "answer": asdict(answer(decision, explanation.facts.operation)),
    }


def _book(book: Book, *, verbose: bool) -> dict[str, Any]:
    checks = [_check(check, verbose=verbose) for check in book.conditions]
    return {"name": book.name, "kind": book.kind, "reach": str(book.reach), "conditions": checks}


def _rules(book: Book, *, verbose: bool) -> dict[str, Any]:
    return {
        **_book(book, verbose=verbose),
        "variables": [_variable(variable) for variable in book.variables],
        "validations": [_judgement(judgement, verbose=verbose) for judgement in book.judgements],
    }


def _room(room: Room, *, verbose: bool) -> dict[str, Any]:
    return {
        "limit": room.rule,
        "place": str(room.place),
        "when": room.when and _check(room.when, verbose=verbose),
        "key": room.key and _variable(room.key),
        "use": room.use and asdict(room.use),
    }


def _variable(variable: Variable) -> dict[str, Any]:
    steps = [_step(step) for step in variable.steps]
    return {"name": variable.name, "expression": variable.text, **_value(variable.value), "steps": steps}


def _judgement(judgement: Judgement, *, verbose: bool) -> dict[str, Any]:
    return {**_check(judgement.check, verbose=verbose), "mode": str(judgement.mode), "message": judgement.message}


def _check(check: Check, *, verbose: bool) -> dict[str, Any]:
    told = {"rule": check.rule, "place": str(check.place), "expression": check.text, "outcome": str(check.outcome)}
    error = {} if check.error is None else {"error": _error(check.error, check.steps)}
    shown = verbose or check.outcome is not Outcome.TRUE
    return {**told, **error, "steps": [_step(step) for step in check.steps] if shown else []}


def _error(error: EvaluationError, steps: Sequence[Step]) -> dict[str, Any]:
    return {"reason": error.reason, "offset": origin(error, steps)}


def _step(step: Step) -> dict[str, Any]:
    return {"offset": step.offset, "end": step.end, "text": step.text, **_value(step.value)}


def _value(value: object) -> dict[str, Any]:
    return {"error": value.reason} if isinstance(value, EvaluationError) else {"value": plain(value)}


def _member(work: MemberWork) -> dict[str, Any]:
    return {
        "member": work.member,
        "rule": work.rule,
        "place": _place(work.place),
        "before": plain(work.before),
        "after": plain(work.after),
        "changes": [{"action": change.action, "place": _place(change.place)} for change in work.changes],
        "findings": _findings(work.findings),
    }


def _findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [{**asdict(finding), "place": _place(finding.place)} for finding in findings]


def _place(place: Place | None) -> str:
    return str(place or "")
