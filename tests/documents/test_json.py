"""Strict JSON: contract 1 and the traps of the platform."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registrar.documents import JSONError, read_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b'{"redirect_uris": ["https://good.example/"], "redirect_uris": ["https://evil.example/"]}',
            "has the same key twice in one object",
        ),
        (b'{"a": {"b": 1, "b": 1}}', "has the same key twice in one object"),
        (b'{"a": 1, "\\u0061": 2}', "has the same key twice in one object"),
        (b'{"a": NaN}', "must not have NaN or Infinity"),
        (b"[-Infinity]", "must not have NaN or Infinity"),
        (b"[1e999]", "has a number that is too large"),
        (b"[-1e999]", "has a number that is too large"),
        (b"9223372036854775808", "has an integer of more than 64 bits"),
        (b"-9223372036854775809", "has an integer of more than 64 bits"),
        (b"[" + b"9" * 5000 + b"]", "has an integer of more than 64 bits"),
        (b'["\\ud800"]', "has a lone surrogate"),
        (b'{"\\uDFFF": 1}', "has a lone surrogate"),
        (b'["\\udc00\\ud800"]', "has a lone surrogate"),
        (b"\xef\xbb\xbf{}", "must not begin with a byte order mark"),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8"),
        (b'"\xed\xa0\x80"', "is not UTF-8"),
        (b'"\xc0\xaf"', "is not UTF-8"),
        (b"", "is not JSON: line 1, column 1"),
        (b"{", "is not JSON: line 1, column 2"),
        (b"{} {}", "is not JSON: line 1, column 4"),
        (b'{"a": 1,}', "is not JSON: line 1, column"),
        (b"{'a': 1}", "is not JSON: line 1, column 2"),
        (b'{\n"a": secret}', "is not JSON: line 2, column 6"),
        (b'"a\nb"', "is not JSON: line 1, column 3"),
        (b'"\\q"', "is not JSON: line 1, column"),
        (b"// x\n{}", "is not JSON: line 1, column 1"),
        (b"01", "is not JSON: line 1, column 2"),
    ],
)
def test_1_what_is_no_strict_json_is_refused(data: bytes, reason: str) -> None:
    """Contract 1 and the traps of json.loads; the reason shows a position at most."""
    with pytest.raises(JSONError) as refusal:
        read_json(data, max_depth=8)
    assert refusal.value.reason.startswith(reason)
    assert str(refusal.value) == refusal.value.reason


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b' {"a": [1, -0, 1.5, true, null]} \n', {"a": [1, 0, 1.5, True, None]}),
        (b'"\\ud83d\\ude00 \xf0\x9f\x98\x80 \\u0000"', "\U0001f600 \U0001f600 \0"),
        (b"9223372036854775807", (1 << 63) - 1),
        (b"-9223372036854775808", -(1 << 63)),
        (b"1e-999", 0.0),
        (b'{"": {"": 1}}', {"": {"": 1}}),
        (b'"\xef\xbb\xbf"', "\ufeff"),
    ],
)
def test_1_strict_json_is_read(data: bytes, value: object) -> None:
    """Contract 1, the permitted side: pairs of surrogates, NUL, 64-bit integers, a byte order mark that is content."""
    assert read_json(data, max_depth=8) == value


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_1_depth_is_bounded_exactly(opening: bytes, closing: bytes) -> None:
    """Contract 1: `max_depth` levels are read, one more is not; a bomb is refused before the parser meets it."""
    read_json(opening * 16 + b"1" + closing * 16, max_depth=16)
    for depth in (17, 100_000):
        with pytest.raises(JSONError, match="is nested deeper than 16"):
            read_json(opening * depth + b"1" + closing * depth, max_depth=16)


def test_1_depth_counts_nesting_and_not_brackets() -> None:
    """Contract 1: brackets beside each other, and brackets in strings, nest nothing."""
    assert read_json(b"[" + b"[]," * 500 + b"[]]", max_depth=2) == [[]] * 501
    assert read_json(rb'["[[[[[[", "\"[[[", "\\", {"}{[": "{{{{"}]', max_depth=2) == ["[[[[[[", '"[[[', "\\", {"}{[": "{{{{"}]


@pytest.mark.parametrize("data", [b'"' + b'\\"' * 200_000, b'"' * 200_001, b'["' + b"\\" * 400_001, b'[[[[["' + b"[" * 400_000])
def test_1_broken_strings_take_no_long(data: bytes) -> None:
    """A body that is all quotes or backslashes is scanned in one pass: a scan of each again would take hours here."""
    with pytest.raises(JSONError):
        read_json(data, max_depth=2)


@settings(deadline=None)
@given(VALUES)
@example("\x7f\u2028")
def test_1_everything_json_can_say_is_read_back(value: object) -> None:
    """Contract 1: nothing legal is lost."""
    assert read_json(json.dumps(value).encode(), max_depth=64) == value
    assert read_json(json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass"), max_depth=64) == value


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(st.sampled_from('{}[]",:\\u0d8e1.-tfn '), max_size=40).map(str.encode))
def test_1_any_bytes_are_json_or_a_json_error(data: bytes) -> None:
    """Contract 1: nothing else is ever raised, and what is read can be sent back."""
    try:
        value = read_json(data, max_depth=4)
    except JSONError as error:
        reason = error.reason
    else:
        reason = json.dumps(value, ensure_ascii=False, allow_nan=False).encode().decode()[:0]
    assert reason.isascii()
