"""Software statements (RFC 7591 §2.3): who is trusted to make them, and whether one is theirs. Keys and time are handed in."""

from registrar.statements.trust import ALGORITHMS, Trust, TrustError
from registrar.statements.verification import LEEWAY, StatementError, verify

__all__ = ["ALGORITHMS", "LEEWAY", "StatementError", "Trust", "TrustError", "verify"]
