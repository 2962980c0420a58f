"""A policy tree as one readable table, for a review: Markdown, or one HTML page that needs nothing but itself."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from registrar.review.outline import (
    DocumentOutline,
    ExpressionOutline,
    LimitOutline,
    LimitsOutline,
    MemberOutline,
    Outline,
    ProfileOutline,
    ValidationOutline,
)

# The members with a row of their own, and what no limit of theirs means.
_ROWS = (
    ("redirect_uris", "Redirect URIs", "any valid redirect URI"),
    ("token_endpoint_auth_method", "Authentication", "any method"),
    ("grant_types", "Grants", "any grant"),
    ("response_types", "Response types", "any response type"),
    ("scope", "Scopes", "any scope"),
)
_IN_ROWS = frozenset(member for member, _, _ in _ROWS)
_RULE_HEADS = ("Rule", "Expression", "If it is not true, the client is told", "Mode", "Stands at")
_LIMIT_HEADS = ("Limit", "Counted by", "For whom", "Room", "Except", "Stands at")
_LIFETIMES = {"client": "client", "unused": "unused client", "client_secret": "secret"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a cell: words, and then what is written in code. `anchor` is the rule id that the line can be found by."""

    words: str = ""
    code: str = ""
    anchor: str = ""


Cell = Sequence[Line]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title; the first cell of each row is its head."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def markdown(outline: Outline, checkout: str = "") -> str:
    """`outline` as GitHub's Markdown. `checkout` is where git says that the tree stands, "" where it says nothing."""
    parts = [f"# Policy {_plain(outline.name)}", *(_plain(line) for line in _preface(outline, checkout))]
    for table in _tables(outline):
        parts += [f"## {_plain(table.title)}", *([_plain(table.note)] if table.note else []), _markdown_table(table)]
    return "\n\n".join(parts) + "\n"


def html_page(outline: Outline, checkout: str = "") -> str:
    """`outline` as an HTML page: no script, nothing loaded from anywhere, an anchor for each rule id."""
    title = escape(f"Policy {outline.name}")
    body = [f"<h1>{title}</h1>", *(f"<p>{escape(line)}</p>" for line in _preface(outline, checkout))]
    body += [_html_table(table) for table in _tables(outline)]
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(body))


# What is in it


def _preface(outline: Outline, checkout: str) -> Iterator[str]:
    if outline.description:
        yield outline.description
    yield from _people(outline.annotations)
    yield f"Revision {outline.revision}{f', {checkout}' if checkout else ''}."
    yield "The first profile whose conditions are all true decides; every guardrail must hold as well."
    yield f"Whom no profile takes is refused with {outline.no_match_code}: {outline.no_match}"


def _people(annotations: Iterable[tuple[str, str]]) -> Iterator[str]:
    words = ", ".join(f"{key}: {value}" for key, value in annotations)
    if words:
        yield words


def _tables(outline: Outline) -> Iterator[Table]:
    yield _overview(outline.profiles)
    yield from _rules_of("Profile", outline.profiles)
    yield from _rules_of("Guardrail", outline.guardrails)
    yield from map(_limits, outline.limits)
    for title, values in (("Constants", outline.constants), ("Networks", outline.networks), ("Extensions", outline.extensions)):
        if values:
            rows = tuple(((Line(code=name),), (Line(code=value),)) for name, value in values)
            yield Table(title, ("Name", "Value"), rows)


def _overview(profiles: Sequence[ProfileOutline]) -> Table:
    heads = ("", *(f"{number}. {profile.name}" for number, profile in enumerate(profiles, start=1)))
    rows: list[tuple[Cell, ...]] = [_row("Who", map(_who, profiles))]
    for member, title, anything in _ROWS:
        rows.append(_row(title, (_member_cell(profile.member(member), anything) for profile in profiles)))
    rows.append(_row("Other members", map(_other_members, profiles)))
    rows.append(_row("Lifetimes and ids", map(_lifetimes, profiles)))
    rows.append(_row("Rules", map(_rule_names, profiles)))
    return Table("Profiles, in order", heads, tuple(rows))


def _row(head: str, cells: Iterable[Cell]) -> tuple[Cell, ...]:
    return ((Line(head),), *cells)


def _who(profile: ProfileOutline) -> Cell:
    about = [Line(words) for words in (profile.description, *_people(profile.annotations)) if words]
    return [*about, *map(_expression, profile.conditions)] if profile.conditions else [*about, Line("everybody")]


def _expression(expression: ExpressionOutline) -> Line:
    return Line(expression.rule.rpartition("/")[2], expression.text, expression.rule)


def _member_cell(member: MemberOutline | None, anything: str) -> Cell:
    if member is None:
        return [Line(anything)]
    decided = any(clause.startswith(("always", "removed")) for clause in member.clauses)
    values = [Line(code=words) for words in member.allowed] or ([] if decided else [Line(anything)])
    return [Line(anchor=member.rule), *values, *map(Line, _clauses(member))]


def _clauses(member: MemberOutline) -> list[str]:
    return [*member.clauses, *([f"mode {member.mode}"] if member.mode else [])]


def _other_members(profile: ProfileOutline) -> Cell:
    return [_other_member(member) for member in profile.members if member.member not in _IN_ROWS] or [Line("as they come")]


def _other_member(member: MemberOutline) -> Line:
    only = [f"only {', '.join(member.allowed)}"] if member.allowed else []
    return Line(f"{member.member}: {'; '.join((*only, *_clauses(member)))}", "", member.rule)


def _lifetimes(profile: ProfileOutline) -> Cell:
    lifetimes = [Line(f"{_LIFETIMES[name]}: {words}") for name, words in profile.lifetimes]
    prefix = [Line(f"ids begin with {profile.client_id_prefix}")] if profile.client_id_prefix else []
    reuse = [Line("identical clients share one id")] if profile.reuse_identical else []
    accepted = [Line(f"updates may come from {', '.join(profile.accept_from)}")] if profile.accept_from else []
    return [*lifetimes, *prefix, *reuse, *accepted]


def _rule_names(profile: ProfileOutline) -> Cell:
    return [Line(f"{rule.rule.rpartition('/')[2]} ({rule.mode})") for rule in profile.validations] or [Line("none of its own")]


def _rules_of(kind: str, documents: Iterable[DocumentOutline]) -> Iterator[Table]:
    for document in documents:
        # A profile's description and conditions are in the overview.
        about = [] if kind == "Profile" else [document.description, *_people(document.annotations)]
        conditions = () if kind == "Profile" else document.conditions
        rows = (
            *(_expression_row(condition, "condition: the rules hold only where it is true") for condition in conditions),
            *(_expression_row(variable, "variable") for variable in document.variables),
            *map(_rule_row, document.validations),
            *(_expression_row(record, "recorded") for record in document.recorded),
        )
        if rows:
            yield Table(f"{kind} {document.name}", _RULE_HEADS, rows, ". ".join(words for words in about if words))


def _limits(document: LimitsOutline) -> Table:
    about = ". ".join(words for words in (document.description, *_people(document.annotations)) if words)
    return Table(f"Limits {document.name}", _LIMIT_HEADS, tuple(map(_limit_row, document.limits)), about)


def _limit_row(limit: LimitOutline) -> tuple[Cell, ...]:
    return (
        (Line(limit.rule, "", limit.rule), Line(limit.description)),
        (Line(code=limit.key),),
        (Line(code=limit.when) if limit.when else Line("everybody"),),
        tuple(map(Line, limit.ceilings)),
        tuple(map(Line, limit.exceptions)),
        (Line(str(limit.place)),),
    )


def _rule_row(rule: ValidationOutline) -> tuple[Cell, ...]:
    words = f"{rule.code}{f' at {rule.field}' if rule.field else ''}: {rule.message}"
    return _rule_cells(rule, words, rule.mode)


def _expression_row(expression: ExpressionOutline, what: str) -> tuple[Cell, ...]:
    return _rule_cells(expression, "", what)


def _rule_cells(rule: ValidationOutline | ExpressionOutline, words: str, mode: str) -> tuple[Cell, ...]:
    return ((Line(rule.rule, "", rule.rule),), (Line(code=rule.text),), (Line(words),), (Line(mode),), (Line(str(rule.place)),))


# Markdown

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]()#+!|~<>&"})


def _plain(text: str) -> str:
    """`text` as words that mean nothing to Markdown, in one line."""
    return " ".join(text.split()).translate(_SPECIAL)


def _code(text: str) -> str:
    """`text` as code, each of its lines by itself: a comment in it must not seem to go on."""
    return "<br>".join(_span(line) for line in text.splitlines() if line.strip())


def _span(line: str) -> str:
    fence = "`"
    while fence in line:
        fence += "`"
    space = " " if line.startswith("`") or line.endswith("`") else ""
    if "\\|" in line:
        # A backslash before the bar would undo the one that keeps it from ending the cell.
        return f"<code>{''.join(f'&#{ord(character)};' for character in line.strip())}</code>"
    # GFM, "Tables (extension)": a bar ends the cell inside code as well.
    return f"{fence}{space}{line.strip()}{space}{fence}".replace("|", "\\|")


def _markdown_table(table: Table) -> str:
    lines = [table.heads, ["---"] * len(table.heads)]
    rows = [[_markdown_cell(cell) for cell in row] for row in table.rows]
    heads = [[_plain(head) for head in lines[0]], lines[1]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (*heads, *rows))


def _markdown_cell(cell: Cell) -> str:
    return "<br>".join(filter(None, map(_markdown_line, cell)))


def _markdown_line(line: Line) -> str:
    return ": ".join(filter(None, (_plain(line.words), _code(line.code))))


# HTML

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
_STYLE = """\
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid color-mix(in srgb, currentColor 30%, transparent); padding: .4rem .6rem; }
th, td { text-align: left; vertical-align: top; }
th { background: color-mix(in srgb, currentColor 8%, transparent); }
td { min-width: 9rem; }
p { max-width: 60rem; }
.line { margin-bottom: .2rem; }
code { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
:target { outline: 2px solid Highlight; }
@media print {
  @page { size: landscape; }
  body { font-size: 9px; margin: 0; }
  code { font-size: 8px; }
  .scroll { overflow: visible; }
  td { min-width: 0; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
}
"""


def _html_table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads)
    rows = "\n".join(f"<tr>{_html_row(row)}</tr>" for row in table.rows)
    note = f"<p>{escape(table.note)}</p>\n" if table.note else ""
    return (
        f"<h2>{escape(table.title)}</h2>\n{note}"
        f'<div class="scroll"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>'
    )


def _html_row(row: Sequence[Cell]) -> str:
    head, *cells = ("".join(map(_html_line, cell)) for cell in row)
    return f'<th scope="row">{head}</th>' + "".join(f"<td>{cell}</td>" for cell in cells)


def _html_line(line: Line) -> str:
    anchor = f' id="{escape(line.anchor)}"' if line.anchor else ""
    code = f"<code>{escape(line.code)}</code>" if line.code else ""
    return f'<div class="line"{anchor}>{": ".join(filter(None, (escape(line.words), code)))}</div>'
