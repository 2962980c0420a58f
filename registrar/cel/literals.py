"""Literals as the language definition reads them (langdef, "String and Bytes Values", "Numeric Values").

cel-python's own evaluator decodes some of them differently, and its grammar lets a raw string run past its first quote: so
the tokens are decoded, and where need be refused, here.
"""

import re

from registrar.cel.errors import CompileError, CompileProblem
from registrar.cel.types import BOOL, BYTES, DOUBLE, INT, NULL, STRING, UINT, StringType, Type
from registrar.cel.values import MAX_INT, MAX_UINT, MIN_INT, Uint

_LONG_QUOTES = ('"""', "'''")
_ESCAPE = re.compile(
    r"""\\(?:(?P<simple>[abfnrtv"'`?\\])|[xX](?P<hex>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})"""
    r"""|U(?P<long>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})|(?P<wrong>.?))""",
    re.DOTALL,
)
_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_DOUBLE = re.compile(r"-?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|-?[0-9]+[eE][+-]?[0-9]+")
_SURROGATES = range(0xD800, 0xE000)
_MAX_DIGITS = 25


def decode(kind: str, written: str, offset: int) -> tuple[object, Type]:
    """The value and type of a literal. `kind` is the name of the grammar's terminal; raises CompileError at its place."""
    match kind:
        case "INT_LIT":
            return _integer(written, MIN_INT, MAX_INT, offset), INT
        case "UINT_LIT":
            return Uint(_integer(written[:-1], 0, MAX_UINT, offset)), UINT
        case "FLOAT_LIT":
            return _double(written, offset), DOUBLE
        case "BOOL_LIT":
            return written == "true", BOOL
        case "NULL_LIT":
            return None, NULL
    return _quoted(written, offset)


def _wrong(message: str, offset: int) -> CompileError:
    return CompileError(CompileProblem(offset, message))


def _integer(digits: str, least: int, greatest: int, offset: int) -> int:
    # Python refuses to read more than 4,300 digits with another error, and leading zeros do not count.
    significant = digits.removeprefix("-").removeprefix("0x").lstrip("0")
    value = int(digits, 16 if "x" in digits else 10) if len(significant) <= _MAX_DIGITS else greatest + 1
    if least <= value <= greatest and not (least == 0 and digits.startswith("-")):
        return value
    raise _wrong(f"this number is not between {least} and {greatest}", offset)


def _double(written: str, offset: int) -> float:
    if not _DOUBLE.fullmatch(written):
        raise _wrong("a digit must follow the point", offset)
    value = float(written)
    if value in (float("inf"), float("-inf")):
        raise _wrong("this number is too large for a double", offset)
    return value


def _quoted(written: str, offset: int) -> tuple[object, Type]:
    quoted = written.lstrip("bBrR")
    quote = quoted[:3] if quoted.startswith(_LONG_QUOTES) else quoted[0]
    prefix, body = written[: -len(quoted)].lower(), quoted[len(quote) : -len(quote)]
    start = offset + len(prefix) + len(quote)
    raw, as_bytes = "r" in prefix, "b" in prefix
    _check_body(body, quote, start, raw=raw)
    if as_bytes:
        return body.encode() if raw else _bytes(body, start), BYTES
    text = body if raw else _text(body, start)
    return text, StringType(len(text)) if text else STRING


def _check_body(body: str, quote: str, start: int, *, raw: bool) -> None:
    single = len(quote) == 1
    if single and "\r" in body:
        raise _wrong("a line break needs triple quotes", start + body.index("\r"))
    if raw and quote in body:
        raise _wrong("a raw string ends at its first quote: use the other quote, or triple ones", start + body.index(quote))


def _text(body: str, start: int) -> str:
    if "\\" not in body:
        return body
    return _ESCAPE.sub(lambda found: chr(_code_point(found, start)), body)


def _bytes(body: str, start: int) -> bytes:
    out, position = bytearray(), 0
    for found in _ESCAPE.finditer(body):
        out += body[position : found.start()].encode()
        if found["short"] or found["long"]:
            raise _wrong("bytes have no \\u escapes", start + found.start())
        out.append(_code_point(found, start))
        position = found.end()
    return bytes(out + body[position:].encode())


def _code_point(found: re.Match[str], start: int) -> int:
    """What an escape stands for; each digit sequence of the grammar gives one code point."""
    if found["simple"]:
        return _SIMPLE.get(found["simple"], ord(found["simple"]))
    digits = found["hex"] or found["short"] or found["long"]
    if digits:
        code = int(digits, 16)
    elif found["octal"]:
        code = int(found["octal"], 8)
    else:
        raise _wrong("unknown escape", start + found.start())
    if code in _SURROGATES or code > 0x10FFFF:  # noqa: PLR2004  the end of Unicode
        raise _wrong("this escape is no Unicode character", start + found.start())
    return code
