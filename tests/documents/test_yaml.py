"""Strict YAML: what a file means, what is refused, and where every mistake is. Held by both of PyYAML's parsers."""

from itertools import chain
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.documents import Document, format_path, read_yaml
from registrar.documents.positions import character_positions
from registrar.errors import LoadError, Place

LOADERS = [pytest.param(yaml.SafeLoader, id="python"), pytest.param(getattr(yaml, "CSafeLoader", yaml.SafeLoader), id="c")]
both = pytest.mark.parametrize("loader", LOADERS)
NO_TAG = "tags are not supported: a value that begins with ! has to be quoted"


def value_of(document: Document) -> Any:
    return document.value


def mistakes(text: str, loader: type) -> list[str]:
    """Every problem of `text`, as a person reads it."""
    with pytest.raises(LoadError) as refusal:
        read_yaml(text, "f.yaml", loader=loader)
    return [str(problem) for problem in refusal.value.problems]


@both
@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *(
            (word, word)
            for word in ("no", "No", "on", "off", "yes", "y", "NULLS", "tRUE", "1:30", "12:30:45", "1_000", "0b1", "0X1F", "0o8")
        ),
        *(
            (word, word)
            for word in ("2026-01-01", "2026-10-01T12:00:00Z", "1.2.3", "1e", "e5", "+", "-x", ".", "10.0.0.0/8", "nan", "inf")
        ),
        *((word, None) for word in ("null", "Null", "NULL", "~", "")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *(
            (word, number)
            for word, number in (("0", 0), ("12", 12), ("+5", 5), ("-7", -7), ("0o17", 15), ("0x1F", 31), ("-0", 0))
        ),
        *(
            (word, number)
            for word, number in (("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-2.5E-1", -0.25), ("00.5", 0.5))
        ),
        ("9223372036854775807", (1 << 63) - 1),
        ("-9223372036854775808", -(1 << 63)),
        ("'010'", "010"),
        ('"true"', "true"),
        ("'<<'", "<<"),
        ("|\n  1\n", "1\n"),
    ],
)
def test_plain_scalars_are_those_of_the_core_schema(scalar: str, value: object, loader: type) -> None:
    """YAML 1.2.2 §10.3.2: no `no` that is false, no sexagesimal numbers, no timestamps."""
    result = value_of(read_yaml(f"a: {scalar}\n", "f.yaml", loader=loader))
    assert result == {"a": value}
    assert type(result["a"]) is type(value)


@both
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 010", ["f.yaml:1:4: a: a number with a leading zero: drop the zero, or quote it to make it a string"]),
        ("a: [-007]", ["f.yaml:1:5: a[0]: a number with a leading zero: drop the zero, or quote it to make it a string"]),
        (
            "a: .inf\nb: .NaN\nc: 1e999",
            [f"f.yaml:{n}:4: {k}: not a finite number: quote it to make it a string" for n, k in ((1, "a"), (2, "b"), (3, "c"))],
        ),
        ("a: 9223372036854775808", ["f.yaml:1:4: a: an integer of more than 64 bits"]),
        ("a: 0xFFFFFFFFFFFFFFFF", ["f.yaml:1:4: a: an integer of more than 64 bits"]),
        ("a: " + "9" * 5000, ["f.yaml:1:4: a: an integer of more than 64 bits"]),
        ("a: 1\nb: 2\na: 3\n", ['f.yaml:3:1: the key "a" stands here twice, first on line 1']),
        ("x: {a: 1, 'a': 2}", ['f.yaml:1:11: x: the key "a" stands here twice, first on line 1']),
        ("1: x", ["f.yaml:1:1: a key must be a string: quote it"]),
        ("true: x\nnull: y\n1.5: z", [f"f.yaml:{n}:1: a key must be a string: quote it" for n in (1, 2, 3)]),
        ("[a]: x", ["f.yaml:1:1: a key must be a string"]),
        ("a: {<<: {b: 1}}", ["f.yaml:1:5: a: merge keys are not supported: write the keys out"]),
        ("a: !!str x", ["f.yaml:1:4: a: tags are not supported: a value that begins with ! has to be quoted"]),
        (
            "a: ! x\nb: !x []\nc: !<tag:yaml.org,2002:int> '1'",
            [f"f.yaml:{n}:4: {k}: {NO_TAG}" for n, k in ((1, "a"), (2, "b"), (3, "c"))],
        ),
        ("a: *b", ["f.yaml:1:4: a: no anchor of this name stands before it"]),
        ("a: &a [1, *a]", ["f.yaml:1:11: a[1]: an alias inside the value that it repeats"]),
        ("a: &x 1\nb: &x 2", ["f.yaml:2:4: b: an anchor of this name stands before it already"]),
        ("a: 1\n---\nb: 2\n", ["f.yaml:2:1: a file holds one document: this is a second one"]),
        ("%YAML 1.1\n--- a", ["f.yaml:1:1: directives are not supported"]),
        ("%TAG ! tag:x,2026:\n--- a", ["f.yaml:1:1: directives are not supported"]),
        (
            "a: \x07\nb: \u2028\n",
            [
                "f.yaml:1:4: the character U+0007 is not allowed: write it as an escape in quotes",
                "f.yaml:2:4: the character U+2028 is not allowed: write it as an escape in quotes",
            ],
        ),
        ("\ufeffa: 1", ["f.yaml:1:1: save the file without a byte order mark"]),
        ("a: \ufeff1", ["f.yaml:1:4: the character U+FEFF is not allowed: write it as an escape in quotes"]),
        ("a: !b.c", ["f.yaml:1:4: a: tags are not supported: a value that begins with ! has to be quoted"]),
        ("a:\n- b: !c && d", ["f.yaml:2:10: a value that begins with ! has to be quoted"]),
        ('- "x" in y\n- b', ["f.yaml:1:7: a value that begins with a quotation mark has to be quoted as a whole"]),
        ("a: [{b: 'x' == y, c: d}]", ["f.yaml:1:13: a value that begins with a quotation mark has to be quoted as a whole"]),
        ("a: x\rb: y", ["f.yaml:1:5: the character U+000D is not allowed: write it as an escape in quotes"]),
        ("a:\n\tb: 1", ["f.yaml:2:1: a tab cannot stand here: indent with spaces"]),
        ("a: @x", ["f.yaml:1:4: @ cannot begin a value: quote the value"]),
        ("a: `x`", ["f.yaml:1:4: ` cannot begin a value: quote the value"]),
        (
            "é: 010\nb: 1\nb: 2\nc: !x y\n",
            [
                "f.yaml:1:4: é: a number with a leading zero: drop the zero, or quote it to make it a string",
                'f.yaml:3:1: the key "b" stands here twice, first on line 2',
                "f.yaml:4:4: c: tags are not supported: a value that begins with ! has to be quoted",
            ],
        ),
    ],
)
def test_every_mistake_is_told_with_its_place(text: str, expected: list[str], loader: type) -> None:
    """What a person would read otherwise than a program is a mistake, and all mistakes of a file come at once."""
    assert mistakes(text, loader) == expected


@both
@pytest.mark.parametrize("value", ['!("x" in y)', '!c.exists(d, e == "f")', "!c['d']"])
def test_an_expression_that_begins_with_a_mark_is_told_to_be_quoted(value: str, loader: type) -> None:
    """The parsers disagree where they stop."""
    for text in (f"a: {value}", f"- {{b: {value}}}"):
        [line] = mistakes(text, loader)
        assert line.endswith("a value that begins with ! has to be quoted")


@both
@pytest.mark.parametrize(
    "text",
    [
        "a: b: c",
        "a: [1, 2",
        'a: "x',
        "a: 'x",
        "- a\nb: 1",
        "a: |1x\n y",
        "%FOO x\n---\na: 1",
        "a: }",
        "&a &b c",
        'a: "\\ud800"',
        "a:\n  - b\n c: 1",
    ],
)
def test_broken_syntax_is_one_line_with_a_place(text: str, loader: type) -> None:
    """A file that is no YAML gives one line, with the place where the parser stopped."""
    (mistake,) = mistakes(text, loader)
    assert mistake.startswith("f.yaml:")
    assert "\n" not in mistake


@both
def test_mistakes_before_broken_syntax_are_told_as_well(loader: type) -> None:
    """The end of what can be read is not the end of what is known."""
    known, broken = mistakes("a: 010\nb: [", loader)
    assert known.startswith("f.yaml:1:4: a: a number with a leading zero")
    assert broken.startswith("f.yaml:2:")


@both
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("--- a\n...\n", "a"),
        ("%YAML 1.2\n---\na: 1\n", {"a": 1}),
        ("%YAML 1.2 # as everything here\r\n---\r\na: 1\r\n", {"a": 1}),
        ("a: &x [1, {b: 2}]\nc: *x\n", {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}),
        ("a: # comment\n  b\n", {"a": "b"}),
        ("a: >-\n  one\n  two\n\n  three\n", {"a": "one two\nthree"}),
        ("a: |+\r\n  x\r\n\r\nb: y", {"a": "x\n\n", "b": "y"}),
        ("'a b': {}\n\"c\": []\n", {"a b": {}, "c": []}),
        ("? a\n: b\n", {"a": "b"}),
    ],
)
def test_the_rest_of_yaml_means_what_it_means(text: str, value: object, loader: type) -> None:
    """Comments, block scalars, anchors, one explicit document and CRLF are fine."""
    assert read_yaml(text, "f.yaml", loader=loader).value == value


@both
def test_bounds_are_exact(loader: type) -> None:
    """64 levels, 20,000 values with aliases expanded, 1 MiB; one more of each is refused."""
    assert read_yaml("[" * 64 + "]" * 64, "f.yaml", loader=loader).value
    assert mistakes("[" * 65 + "]" * 65, loader)[0].endswith("nested deeper than 64 levels")
    assert read_yaml("[" + "1," * 19_999 + "]", "f.yaml", loader=loader).value == [1] * 19_999
    assert mistakes("[" + "1," * 20_000 + "]", loader)[0].endswith("more than 20000 values, aliases expanded")
    comment = "# " + "é" * ((1 << 19) - 1)
    assert read_yaml(comment, "f.yaml", loader=loader).value is None
    assert mistakes(comment + "x", loader) == ["f.yaml:1:1: the file is larger than 1048576 bytes"]


@both
def test_aliases_do_not_hide_size_or_depth(loader: type) -> None:
    """A few lines that mean a billion values, or a deep one, are counted as what they mean."""
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert mistakes(laughs, loader)[0].endswith("more than 20000 values, aliases expanded")
    keys = {count: ", ".join(f"k{number}: 1" for number in range(count)) for count in (4998, 4999)}
    assert read_yaml(f"a: &a {{{keys[4998]}}}\nb: *a", "f.yaml", loader=loader).value
    assert mistakes(f"a: &a {{{keys[4999]}}}\nb: *a", loader)[0].endswith("more than 20000 values, aliases expanded")
    deep = "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 40 + "*a" + "]" * 40
    assert mistakes(deep, loader)[0].endswith("nested deeper than 64 levels")


TEXT = """\
kind: Profile
spec:
  'two words': &shared
    - one
    - {deep: "value"}
  again: *shared
"""


@both
@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        ((), False, 1, 1),
        (("kind",), False, 1, 7),
        (("kind",), True, 1, 1),
        (("spec",), False, 3, 3),
        (("spec",), True, 2, 1),
        (("spec", "two words"), True, 3, 3),
        (("spec", "two words"), False, 3, 16),
        (("spec", "two words", 0), False, 4, 7),
        (("spec", "two words", 0), True, 4, 7),
        (("spec", "two words", 1, "deep"), False, 5, 14),
        (("spec", "two words", 1, "deep"), True, 5, 8),
        (("spec", "again"), False, 6, 10),
        (("spec", "again", 1, "deep"), False, 5, 14),
        (("spec", "missing", "deeper"), False, 3, 3),
        (("spec", "two words", 7), True, 3, 3),
    ],
)
def test_every_key_and_value_has_its_place(path: tuple[str | int, ...], key: bool, line: int, column: int, loader: type) -> None:
    """Lines and columns count from 1; a path that is not there gives its nearest parent; an alias stands where it is used."""
    document = read_yaml(TEXT, "f.yaml", loader=loader)
    assert document.place(path, key=key) == Place("f.yaml", line, column)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", "b-c", 0, 1, "d"), "a.b-c[0][1].d"),
        (("client_name#fr",), '["client_name#fr"]'),
        ((0, "a b"), '[0]["a b"]'),
    ],
)
def test_paths_are_written_for_people(path: tuple[str | int, ...], text: str) -> None:
    """As in most languages; a key that is no name is quoted."""
    assert format_path(path) == text


PLAIN = st.text(st.sampled_from("abé=(\U0001f600)"), min_size=1, max_size=6)
WORDS = st.lists(PLAIN, min_size=1, max_size=4)
FOLDS = st.sampled_from([" ", "  ", "\n    ", "  \n    ", "\n\n    ", "\n \n\n    ", "\r\n    ", "\r\n\r\n    "])


def characters(document: Document, text: str) -> list[tuple[str, str]]:
    """Each character of the string at `a`, with what stands at its place in the file."""
    value = value_of(document)["a"]
    lines = [line + "\n" for line in text.split("\n")]
    found = []
    for offset, char in enumerate(value):
        place = document.text_place(["a"], offset)
        found.append((char, lines[place.line - 1][place.column - 1]))
    return found


def ends(document: Document) -> Place:
    return document.text_place(["a"], len(value_of(document)["a"]))


@both
@settings(deadline=None)
@given(data=st.data())
def test_each_character_of_a_flow_scalar_has_its_place(data: st.DataObject, loader: type) -> None:
    """Plain and quoted, on one line and folded over several: a character is where it stands, a folded space at its line break."""
    words = data.draw(WORDS)
    folds = [data.draw(FOLDS) for _ in words[1:]]
    quote = data.draw(st.sampled_from(["", "'", '"']))
    anchor = data.draw(st.sampled_from(["", "&x ", "&x # why\n    ", "&x\n\n  "]))
    body = "".join(chain.from_iterable(zip(words, [*folds, ""], strict=True)))
    text = f"b: [1]\na: {anchor}{quote}{body}{quote}\nc: d\n"
    document = read_yaml(text, "f.yaml", loader=loader)
    for char, source in characters(document, text):
        assert source == char or (char == " " and source == "\n")
    place = ends(document)
    assert (text.split("\n")[place.line - 1][place.column - 1 :] or quote)[:1] == quote[:1]


ESCAPES = [
    ("\\n", "\n"),
    ("\\t", "\t"),
    ('\\"', '"'),
    ("\\\\", "\\"),
    ("\\/", "/"),
    ("\\x41", "A"),
    ("\\u00e9", "é"),
    ("\\U0001F600", "\U0001f600"),
    ("\\0", "\0"),
    ("\\e", "\x1b"),
    ("\\N", "\x85"),
    ("\\_", "\xa0"),
    ("\\L", "\u2028"),
    ("\\ ", " "),
    ("\\\n    ", ""),
    ("\\\n\n    ", "\n"),
]


@both
@settings(deadline=None)
@given(pieces=st.lists(st.sampled_from(ESCAPES) | PLAIN.map(lambda word: (word, word)), min_size=1, max_size=6))
def test_each_escape_of_a_double_quoted_scalar_has_its_place(pieces: list[tuple[str, str]], loader: type) -> None:
    """An escape is one character, at its backslash; an escaped line break is none."""
    body = "".join(source for source, _ in pieces)
    text = f'a: "{body}"\n'
    document = read_yaml(text, "f.yaml", loader=loader)
    assert document.value == {"a": "".join(value for _, value in pieces)}
    expected: list[int] = []
    index = len('a: "')
    for source, value in pieces:
        # A blank line after an escaped break is a character; a word is as many as it has.
        first = index + (2 if value == "\n" and len(source) > 2 else 0)
        expected += range(first, first + len(value))
        index += len(source)
    places = [document.text_place(["a"], offset) for offset in range(len(expected) + 1)]
    starts = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]
    found = [starts[place.line - 1] + place.column - 1 for place in places]
    assert found[:-1] == expected
    assert not expected or found[-1] > expected[-1]


@both
@settings(deadline=None)
@given(words=st.lists(PLAIN | st.just("'"), min_size=1, max_size=6))
def test_doubled_quotes_of_a_single_quoted_scalar_are_one_character(words: list[str], loader: type) -> None:
    """The columns after a doubled quote are two further on."""
    value = "".join(words)
    text = "a: '" + value.replace("'", "''") + "'\n"
    document = read_yaml(text, "f.yaml", loader=loader)
    assert [document.text_place(["a"], offset).column for offset in range(len(value) + 1)] == [
        5 + len(value[:offset].replace("'", "''")) for offset in range(len(value) + 1)
    ]


LINE = st.lists(PLAIN, max_size=3).map(" ".join)
BLOCK = st.lists(st.tuples(st.sampled_from(["", "", " ", "   ", "\t"]), LINE), min_size=1, max_size=6)


@both
@settings(deadline=None)
@given(
    lines=BLOCK,
    header=st.tuples(st.sampled_from("|>"), st.booleans(), st.sampled_from(["", "-", "+"])),
    indent=st.integers(1, 4),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_each_character_of_a_block_scalar_has_its_place(
    lines: list[tuple[str, str]], header: tuple[str, bool, str], indent: int, end: str, loader: type
) -> None:
    """Literal and folded, with every chomping, with and without an indentation indicator, with either line ending."""
    style, told, chomp = header
    if not any(line for _, line in lines) or (not told and lines[0][0] != "") or (not told and not lines[0][1]):
        lines = [("", "first"), *lines]
    rows = [" " * indent + lead + line if lead + line else "" for lead, line in lines]
    text = end.join([f"a: {style}{indent if told else ''}{chomp} # why", *rows, "c: d", ""])
    document = read_yaml(text, "f.yaml", loader=loader)
    value = value_of(document)["a"]
    found = characters(document, text)
    assert len({document.text_place(["a"], offset) for offset in range(len(value))}) == len(value)
    for char, source in found:
        assert source == char or (char, source) in ((" ", "\n"), ("\n", "\r"), (" ", "\r"))


@both
def test_an_expression_in_a_block_scalar_points_at_its_token(loader: type) -> None:
    """What this is for: the place of a mistake inside CEL that spans lines."""
    text = "validations:\n  - id: x\n    expression: >-\n      redirects.all(r,\n        r.hots == 'é' &&\n      true)\n"
    document = read_yaml(text, "f.yaml", loader=loader)
    expression = value_of(document)["validations"][0]["expression"]
    path: list[str | int] = ["validations", 0, "expression"]
    assert document.text_place(path, expression.index("hots")) == Place("f.yaml", 5, 11)
    assert document.text_place(path, expression.index("true")) == Place("f.yaml", 6, 7)


@both
def test_an_offset_outside_the_string_gives_its_start(loader: type) -> None:
    """Nothing is claimed that is not known: other types, other offsets and empty strings."""
    document = read_yaml("a: 'xy'\nb: 12\nc: ''\nd: |\n\ne: \"\"\n", "f.yaml", loader=loader)
    assert document.text_place(["a"], -1) == document.text_place(["a"], 9) == Place("f.yaml", 1, 4)
    assert document.text_place(["b"], 1) == Place("f.yaml", 2, 4)
    assert document.text_place(["c"], 0) == Place("f.yaml", 3, 5)
    assert document.text_place(["d"], 0) == Place("f.yaml", 4, 4)
    assert document.text_place(["e"], 0) == Place("f.yaml", 6, 5)


@pytest.mark.parametrize("style", ["", "'", '"', "|", ">"])
def test_a_string_that_the_file_does_not_have_has_no_places(style: str) -> None:
    """Where the second reading and the parser disagree, nothing is claimed."""
    assert character_positions(f"{style}\n  ab\n", 0, style, "xy") == []
    assert character_positions("", 0, style, "x") == []


YAML_LIKE = st.lists(
    st.sampled_from(
        [
            "a",
            "1",
            ": ",
            ":",
            "- ",
            "\n",
            "\n  ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "'",
            '"',
            "\\",
            "|",
            ">",
            "&x",
            "*x",
            "!",
            "?",
            "#",
            "%",
            "\t",
            "é",
            "<<",
            "~",
            "010",
        ]
    ),
    max_size=12,
).map("".join)


@both
@settings(deadline=None)
@given(text=YAML_LIKE | st.text(max_size=20))
def test_any_text_is_a_document_or_a_load_error(text: str, loader: type) -> None:
    """Nothing but LoadError is raised, and every place lies inside the file."""
    try:
        document = read_yaml(text, "f.yaml", loader=loader)
    except LoadError as error:
        places = [problem.place for problem in error.problems]
    else:
        places = [document.place(())]
    rows = text.split("\n")
    assert places
    assert all(1 <= place.line <= len(rows) and 1 <= place.column <= len(rows[place.line - 1]) + 1 for place in places)


@settings(deadline=None)
@given(YAML_LIKE)
def test_both_parsers_mean_the_same(text: str) -> None:
    """Whatever both of them take has one value."""
    values = []
    for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        try:
            values.append(read_yaml(text, "f.yaml", loader=loader).value)
        except LoadError:
            continue
    assert values[:1] == values[1:] or len(values) < 2
