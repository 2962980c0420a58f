"""Reads a request body: bounded, and JSON only."""

import re
from collections.abc import Mapping
from typing import Final

import falcon

from registrar.documents import JSONError, read_json
from registrar.http.lengths import announced_length, read_at_most
from registrar.service import Refusal
from registrar.wire import ErrorCode

_PARAMETER: Final = re.compile(r"""\s*([^\s=;"]+)=("[^"\\]*"|[^\s=;"]*)\s*""", re.ASCII)
_UTF_8: Final = ("utf-8", "utf8")


def read_object(req: falcon.Request, *, max_body: int, max_depth: int) -> Mapping[str, object]:
    """The JSON object that `req` carries.

    MUST (RFC 7591 §3.1): `application/json` in UTF-8, without a content coding; at most `max_body` bytes, whatever Content-Length
    claims, and not one byte is read when it claims more; strict JSON, nested at most `max_depth` deep; an object.
    Raises Refusal: 415, 413 or 400.
    """
    _check_content_type(req)
    body = _read_bytes(req, max_body)
    try:
        document = read_json(body, max_depth=max_depth)
    except JSONError as error:
        raise Refusal(400, ErrorCode.INVALID_CLIENT_METADATA, f"the body is not acceptable JSON: {error}") from None
    if not isinstance(document, Mapping):
        raise Refusal(400, ErrorCode.INVALID_CLIENT_METADATA, "the body must be a JSON object")
    return document


def _check_content_type(req: falcon.Request) -> None:
    media_type, *parameters = (req.content_type or "").split(";")
    if media_type.strip().lower() != "application/json":
        raise _unsupported("the content type must be application/json")
    for parameter in parameters:
        found = _PARAMETER.fullmatch(parameter)
        if found is None and parameter.strip():
            raise _unsupported("the content type has a malformed parameter")
        if found and found[1].lower() == "charset" and found[2].strip('"').lower() not in _UTF_8:
            raise _unsupported("the charset must be utf-8")
    if req.get_header("Content-Encoding", default="identity").lower() != "identity":
        raise _unsupported("content codings are not supported")


def _unsupported(description: str) -> Refusal:
    return Refusal(415, ErrorCode.INVALID_REQUEST, description)


def _read_bytes(req: falcon.Request, max_body: int) -> bytes:
    """The body, of which at most `max_body` + 1 bytes are ever read."""
    length = _content_length(req)
    if length is None:
        body = read_at_most(req.stream, max_body + 1) if _ends_by_itself(req) else b""
    elif length > max_body:
        raise _too_large(max_body)
    else:
        body = read_at_most(req.stream, length)
    if len(body) > max_body:
        raise _too_large(max_body)
    if length is not None and len(body) < length:
        raise Refusal(400, ErrorCode.INVALID_REQUEST, "the body is shorter than its Content-Length")
    return body


def _content_length(req: falcon.Request) -> int | None:
    try:
        return announced_length(req.env)
    except ValueError as error:
        raise Refusal(400, ErrorCode.INVALID_REQUEST, str(error)) from None


def _ends_by_itself(req: falcon.Request) -> bool:
    """Whether the server marks the end of a body that came without Content-Length (chunked); reading it would block otherwise."""
    return bool(req.env.get("wsgi.input_terminated"))


def _too_large(max_body: int) -> Refusal:
    return Refusal(413, ErrorCode.INVALID_REQUEST, f"the body is larger than {max_body} bytes")
