"""The use cases: what the registrar does, step by step. It mints ids and secrets; clock and randomness are handed in."""

from registrar.service.ids import TimeOrderedIds, new_secret
from registrar.service.outcomes import DecisionFailedError, Refusal, Registration, malformed, refusal, warnings
from registrar.service.policies import Checkout, InForce, Outcome, Policies, PolicyTree, Rejection
from registrar.service.registrar import Registrar, RegistrationRequest

__all__ = [
    "Checkout",
    "DecisionFailedError",
    "InForce",
    "Outcome",
    "Policies",
    "PolicyTree",
    "Refusal",
    "Registrar",
    "Registration",
    "RegistrationRequest",
    "Rejection",
    "TimeOrderedIds",
    "malformed",
    "new_secret",
    "refusal",
    "warnings",
]
