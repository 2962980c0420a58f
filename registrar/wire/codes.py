"""The error codes that an answer may carry."""

from enum import StrEnum

# %x20-21 / %x23-5B / %x5D-7E: neither of these two, for which there are others.
_FORBIDDEN = {ord('"'): "'", ord("\\"): "/"}


class ErrorCode(StrEnum):
    """The `error` of an error answer (RFC 7591 §3.2.2, RFC 6750 §3.1, RFC 6749 §4.1.2.1).

    `too_many_requests` is our own, and so are the two about clients, which only the private app uses.
    """

    INVALID_REDIRECT_URI = "invalid_redirect_uri"
    INVALID_CLIENT_METADATA = "invalid_client_metadata"
    INVALID_SOFTWARE_STATEMENT = "invalid_software_statement"
    UNAPPROVED_SOFTWARE_STATEMENT = "unapproved_software_statement"
    INVALID_REQUEST = "invalid_request"
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - the name of an error, no credential
    INSUFFICIENT_SCOPE = "insufficient_scope"
    ACCESS_DENIED = "access_denied"
    TOO_MANY_REQUESTS = "too_many_requests"
    UNKNOWN_CLIENT = "unknown_client"
    CLIENT_GONE = "client_gone"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"


def printable(text: str, limit: int) -> str:
    """`text` in the characters that an `error_description` may have (RFC 6749 §5.2), at most `limit` of them."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in text.translate(_FORBIDDEN))
    return plain if len(plain) <= limit else plain[: limit - 4] + " ..."


def error_code(member: str) -> ErrorCode:
    """The code that RFC 7591 §3.2.2 gives to a mistake in `member`, a top-level name of the document ("" for the whole)."""
    if member == "redirect_uris":
        return ErrorCode.INVALID_REDIRECT_URI
    if member == "software_statement":
        return ErrorCode.INVALID_SOFTWARE_STATEMENT
    return ErrorCode.INVALID_CLIENT_METADATA
