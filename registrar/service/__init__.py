"""The use cases: what the registrar does, step by step. It mints ids and secrets; clock and randomness are handed in."""

from registrar.service.ids import TimeOrderedIds, new_secret
from registrar.service.outcomes import DecisionFailedError, Refusal, Registration, malformed, refusal, warnings
from registrar.service.registrar import Registrar, RegistrationRequest

__all__ = [
    "DecisionFailedError",
    "Refusal",
    "Registrar",
    "Registration",
    "RegistrationRequest",
    "TimeOrderedIds",
    "malformed",
    "new_secret",
    "refusal",
    "warnings",
]
