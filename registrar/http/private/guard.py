"""Who may ask the private app: whoever holds a role token."""

import falcon

from registrar.http.bearer import bearer_token
from registrar.service import Refusal
from registrar.service.tokens import Tokens
from registrar.store import TOKEN_KINDS, TokenKind, TokenRecord
from registrar.wire import ErrorCode


class Guard:
    """Lets in the requests that carry a valid token of one of these `kinds`.

    MUST (RFC 6750 §3.1): no token, and one that is not valid, is 401; a valid one of another kind is 403; one in the URL is 400,
    whatever it may do.
    """

    def __init__(self, tokens: Tokens, *kinds: TokenKind) -> None:
        self._tokens = tokens
        self._kinds = kinds

    def admit(self, req: falcon.Request) -> TokenRecord:
        """The token of `req`. Raises Refusal, and StoreUnavailable."""
        text = bearer_token(req)
        if text is None:
            raise _no_token()
        token = self._tokens.authenticate(text, TOKEN_KINDS)
        if token.kind not in self._kinds:
            raise _other_kind()
        return token


# Made anew each time: an exception that is raised twice keeps the frames of the first time, and the request in them.
def _no_token() -> Refusal:
    """RFC 6750 §3.1: a request without any token is told how to come back, and no error."""
    headers = {"WWW-Authenticate": 'Bearer realm="registrar"'}
    return Refusal(401, ErrorCode.INVALID_REQUEST, "a bearer token is needed", headers=headers)


def _other_kind() -> Refusal:
    headers = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
    return Refusal(403, ErrorCode.INSUFFICIENT_SCOPE, "the token is for another role", headers=headers)
