"""A decision, told in the order in which it was made, for a person at a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Final

from registrar.cel import EvaluationError
from registrar.cli.policy.traces import evaluated, inner_lines
from registrar.cli.policy.values import indented, one_line, paint, pointed, printable
from registrar.errors import Place
from registrar.policy import Change, Decision, Finding
from registrar.review.explain import Book, Explanation, Judgement, MemberWork, Reach
from registrar.review.rooms import Room
from registrar.review.views import Check, Outcome, Variable, origin
from registrar.review.words import ceilings_words

_COLOURS: Final[Mapping[str, str]] = {
    Outcome.TRUE: "green",
    Outcome.FALSE: "red",
    Outcome.ERROR: "magenta",
    Reach.APPLIES: "green",
    Reach.FAILED: "magenta",
    "allow": "green",
    "deny": "red",
    "error": "magenta",
    "room": "green",
}
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def story(explanation: Explanation, *, verbose: bool) -> Iterator[str]:
    """The lines of it: profiles, members, rules, decision. `verbose` shows the parts of expressions that are true as well."""
    yield _title("profiles: the first that applies decides")
    for book in explanation.profiles:
        yield from _profile(book, verbose=verbose)
    if explanation.decision.profile:
        yield from _client(explanation)
    for book in explanation.books:
        yield from _rules(book, verbose=verbose)
    yield from _program(explanation.program_findings)
    yield from _rooms(explanation.rooms, verbose=verbose)
    yield from _outcome(explanation.decision)


def result(decision: Decision) -> str:
    """The decision in one word; `error` when an enforced rule could not be evaluated."""
    return "allow" if decision.allowed else "error" if decision.errored else "deny"


def coloured(word: str) -> str:
    """A word that says how something came out, in the colour for it."""
    return paint(word, _COLOURS[word]) if word in _COLOURS else word


def _title(text: str) -> str:
    return "\n" + paint(text, "cyan", bold=True)


def _profile(book: Book, *, verbose: bool) -> Iterator[str]:
    yield f"  {book.name}: {coloured(book.reach)}"
    if book.reach is not Reach.UNSEEN:
        for check in book.conditions:
            yield from _check(check, "", "", verbose=verbose)


def _rules(book: Book, *, verbose: bool) -> Iterator[str]:
    if book.kind == "Profile":
        yield _title(f"rules of {book.name}")
    else:
        yield _title(f"guardrail {book.name}") + f": {coloured(book.reach)}"
        for check in book.conditions:
            yield from _check(check, "", "", verbose=verbose)
    for variable in book.variables:
        yield from _variable(variable, verbose=verbose)
    for judgement in book.judgements:
        yield from _judgement(judgement, verbose=verbose)
    if not book.judgements:
        yield "    none"


def _variable(variable: Variable, *, verbose: bool) -> Iterator[str]:
    yield f"    variable  {paint(variable.name, 'white', bold=True)} = {evaluated(variable.value)}"
    if verbose or isinstance(variable.value, EvaluationError):
        yield from _text(variable.text)
        yield from (f"          {line}" for line in inner_lines(variable.steps))


def _text(text: str) -> Iterator[str]:
    return (f"        | {printable(line)}" for line in text.strip().splitlines())


def _judgement(judgement: Judgement, *, verbose: bool) -> Iterator[str]:
    return _check(judgement.check, f"  {judgement.mode}", judgement.message, verbose=verbose)


def _check(check: Check, mode: str, message: str, *, verbose: bool) -> Iterator[str]:
    """One expression; where it was not true, with what the client is told and what every part of it was."""
    yield f"    {coloured(check.outcome)}  {paint(check.rule, 'white', bold=True)}{mode}  {check.place}"
    if check.outcome is Outcome.UNSEEN or (check.outcome is Outcome.TRUE and not verbose):
        return
    if message and check.outcome is not Outcome.TRUE:
        yield f"        {printable(message)}"
    yield from _text(check.text)
    yield from _failure(check)
    yield from (f"          {line}" for line in inner_lines(check.steps))


def _failure(check: Check) -> Iterator[str]:
    if check.error is None:
        return
    yield f"        {paint(f'error: {check.error.reason}', 'magenta')}"
    if check.error.expression is not None:
        yield from (f"          {printable(line)}" for line in pointed(check.text, origin(check.error, check.steps)))


def _client(explanation: Explanation) -> Iterator[str]:
    yield _title(f"client: what {explanation.decision.profile} makes of it")
    for work in explanation.members:
        if work.changes or work.findings:
            yield from _member(work)
    told = {name for work in explanation.members if work.changes or work.findings for name in work.after}
    kept = [name for name in explanation.decision.metadata if name not in told | set(explanation.completed)]
    if kept:
        yield f"    kept as sent: {', '.join(map(printable, kept))}"
    for name, value in explanation.completed.items():
        yield f"    {paint(name, 'white', bold=True)}  default of the RFC"
        yield f"        {_change(None, value)}"


def _member(work: MemberWork) -> Iterator[str]:
    done = ", ".join(map(_done, work.changes)) or "refused"
    yield f"    {paint(work.member, 'white', bold=True)}  {done}"
    for name in dict.fromkeys((*work.before, *work.after)):
        before, after = work.before.get(name), work.after.get(name)
        if before != after:
            shown = "" if name == work.member else f"{printable(name)}: "
            yield f"        {shown}{_change(before, after)}"
    yield from (_finding(finding) for finding in work.findings)


def _done(change: Change) -> str:
    return f"{change.action}  {change.place or 'of the RFC'}"


def _change(before: object, after: object) -> str:
    return f"{_shown(before)} -> {_shown(after)}"


def _shown(value: object) -> str:
    return "absent" if value is None else one_line(value)


def _finding(finding: Finding) -> str:
    return f"        {paint(f'{finding.mode}: {printable(finding.message)}', 'red')}  {_where(finding.place)}"


def _where(place: Place | None) -> str:
    return str(place or "")


def _program(findings: Iterable[Finding]) -> Iterator[str]:
    findings = tuple(findings)
    if findings:
        yield _title("rules of the program")
        yield from (f"    {coloured('false')}  {finding.rule}  {printable(finding.message)}" for finding in findings)


def _rooms(rooms: Iterable[Room], *, verbose: bool) -> Iterator[str]:
    rooms = tuple(rooms)
    if rooms:
        yield _title("limits: a client needs room in each that is for it")
    for room in rooms:
        if room.when is not None:
            yield from _check(room.when, "", "", verbose=verbose)
        if room.key is not None:
            yield from _key(room, room.key, verbose=verbose)


def _key(room: Room, key: Variable, *, verbose: bool) -> Iterator[str]:
    """What a limit counts a client under, and how much room there is for it."""
    failed = isinstance(key.value, EvaluationError)
    yield f"    {coloured('error' if failed else 'room')}  {paint(room.rule, 'white', bold=True)}  {room.place}"
    yield f"        key  {evaluated(key.value)}"
    if verbose or failed:
        yield from _text(key.text)
        yield from (f"          {line}" for line in inner_lines(key.steps))
    if room.use is not None:
        if room.use.key != key.value:
            yield f"        counted under  {room.use.key}"
        yield from (f"        {words}" for words in ceilings_words(room.use))
        if room.use.reserve:
            yield f"        {room.use.reserve} of them are kept for other profiles"


def _outcome(decision: Decision) -> Iterator[str]:
    profile = f" as {decision.profile}" if decision.profile else ""
    yield _title("decision") + f": {coloured(result(decision))}{profile}"
    for kind, findings in (("violation", decision.violations), ("warning", decision.warnings), ("audited", decision.audited)):
        for finding in findings:
            yield f"    {kind}  {finding.rule}  {_where(finding.place)}".rstrip()
    for key, value in decision.annotations.items():
        yield f"    annotation  {key} = {one_line(value)}"
    if decision.client_id_prefix:
        yield f"    client_id  begins with {decision.client_id_prefix}"
    if decision.allowed and decision.reuse_identical:
        yield "    reuse  a client without a secret gets the id of an active one with the same metadata, if there is one"
    if decision.allowed:
        yield f"    lifetimes  {', '.join(_lifetimes(decision))}"
    if decision.profile:
        yield _title("effective client" if decision.allowed else "the client that was judged")
        yield indented(decision.metadata)


def _lifetimes(decision: Decision) -> Iterator[str]:
    for field in fields(decision.lifetimes):
        seconds = getattr(decision.lifetimes, field.name)
        yield f"{field.name} {_duration(seconds) if seconds else 'without end'}"


def _duration(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"
