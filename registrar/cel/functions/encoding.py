"""Base64 (RFC 4648 §4), as cel-go's encoders extension has it."""

import base64
import binascii

from registrar.cel.errors import Failure
from registrar.cel.functions.function import Function
from registrar.cel.types import BYTES, STRING
from registrar.cel.values import bounded


def _encode(value: bytes) -> str:
    return bounded(base64.b64encode(value).decode())


def _decode(text: str) -> bytes:
    # cel-go reads a text with or without its padding.
    padded = text if "=" in text else text + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise Failure("the text is no base64") from None


ENCODING = (
    Function("base64.encode", None, (BYTES,), STRING, "The bytes in base64, padded.", _encode, linear=True),
    Function(
        "base64.decode",
        None,
        (STRING,),
        BYTES,
        "The bytes that the text encodes; its padding may be missing.",
        _decode,
        linear=True,
    ),
)
