"""How counts of differences are shown: to people, and to programs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registrar.cli.policy.recorded import Selection, Tree
from registrar.cli.policy.values import one_line, paint, plain, printable
from registrar.review.replay import Count, Group, Kind, Tally
from registrar.service.review import Review

_TITLES: Final[Mapping[Kind, str]] = {
    Kind.REFUSED: "allow -> deny, by the rule that refuses",
    Kind.ADMITTED: "deny -> allow, by the rule that refused",
    Kind.REASONS: "refused by other rules",
    Kind.PROFILE: "another profile",
    Kind.VALUES: "other values, by member",
    Kind.LIFETIMES: "other lifetimes",
    Kind.LIMITS: "other limits",
    Kind.NOTES: "other warnings",
    Kind.RECORD: "not as recorded, by part of the record",
}
_COLOURS: Final[Mapping[Kind, str]] = {Kind.REFUSED: "red", Kind.ADMITTED: "yellow", Kind.RECORD: "red"}
_LISTED: Final = 20  # lines for each kind
_WIDTH: Final = 60  # characters of a value


def header(selection: Selection, tree: Tree | None) -> Iterator[str]:
    """What is looked at: under which tree (None: each record's own), in which database, from when on."""
    yield f"policies  {printable(str(tree or 'the revision that each record names'))}"
    yield f"database  {printable(selection.database)}"
    if selection.since:
        yield f"since     {plain(selection.since)}"


def about(selection: Selection, tree: Tree | None) -> dict[str, Any]:
    """The same for programs."""
    since = None if selection.since is None else plain(selection.since)
    return {"policies": tree and tree.record, "database": selection.database, "since": since}


def totals(review: Review, noun: str, *, listed: bool = True) -> Iterator[str]:
    """The counts of `noun`; with `listed` each difference with examples, else only what is common to all of them."""
    tally = review.tally
    changed = tally.subjects - tally.unchanged
    yield f"{noun:<9} {tally.subjects}: {tally.unchanged} unchanged, {changed} changed"
    for reason, count in sorted(review.skipped.items()):
        yield f"skipped   {count.number}: {reason} ({_examples(count)})"
    if review.redacted:
        names = ", ".join(f"{one_line(name, limit=_WIDTH)} {count}" for name, count in review.redacted.most_common())
        yield f"redacted  {names}: records do not have these values, and rules that read them may have said otherwise"
    for kind in Kind:
        if tally.kinds[kind]:
            yield from _kind(tally, kind, listed=listed)


def _kind(tally: Tally, kind: Kind, *, listed: bool) -> Iterator[str]:
    colour = _COLOURS.get(kind, "cyan")
    yield f"\n{paint(f'{_TITLES[kind]}: {tally.kinds[kind]}', colour, bold=True)}"
    groups = tally.most(kind)
    for group, count in groups[:_LISTED]:
        examples = f"  {_examples(count)}" if listed else ""
        yield f"  {count.number:>7}  {_told(group, count)}{examples}"
    if len(groups) > _LISTED:
        yield f"           and {len(groups) - _LISTED} more"


def _told(group: Group, count: Count) -> str:
    kind, name, old, new = group
    _, values = count.examples[0]
    if values is not None:
        return f"{printable(name)}  such as {change(values)}"
    if kind is Kind.PROFILE:
        return printable(f"{old} -> {new}")
    if kind in (Kind.REASONS, Kind.LIFETIMES, Kind.LIMITS, Kind.NOTES):
        return printable(f"{name}  {old} -> {new}")
    return printable(name) + (f"  {new}" if "error" in (old, new) else "")


def change(values: tuple[object, object]) -> str:
    """From what to what, each as JSON on one line."""
    return " -> ".join("absent" if value is None else one_line(value, limit=_WIDTH) for value in values)


def _examples(count: Count) -> str:
    more = ", ..." if count.number > len(count.examples) else ""
    return ", ".join(printable(subject) for subject, _ in count.examples) + more


def record(review: Review, subject: str) -> dict[str, Any]:
    """The same for programs; `subject` is what an example is the id of, for instance `decision_id`."""
    tally = review.tally
    return {
        "total": tally.subjects,
        "unchanged": tally.unchanged,
        "changed": tally.subjects - tally.unchanged,
        "skipped": [
            {"reason": reason, "count": count.number, "examples": [{subject: name} for name, _ in count.examples]}
            for reason, count in sorted(review.skipped.items())
        ],
        "redacted": dict(review.redacted.most_common()),
        "changes": {str(kind): _changes(tally, kind, subject) for kind in Kind if tally.kinds[kind]},
    }


def _changes(tally: Tally, kind: Kind, subject: str) -> dict[str, Any]:
    return {"count": tally.kinds[kind], "by": [_group(group, count, subject) for group, count in tally.most(kind)]}


def _group(group: Group, count: Count, subject: str) -> dict[str, Any]:
    _, name, old, new = group
    examples = [{subject: found, **({} if values is None else value_pair(values))} for found, values in count.examples]
    return {"name": name, "old": old, "new": new, "count": count.number, "examples": examples}


def value_pair(values: tuple[object, object]) -> dict[str, Any]:
    """The values of a member before and after; None where it was absent."""
    return {"old_value": plain(values[0]), "new_value": plain(values[1])}
