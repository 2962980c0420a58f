"""The use cases: what the registrar does, step by step. It mints ids and secrets; clock and randomness are handed in."""

from registrar.service.clients import Clients, GoneError, NoSecretError, UnknownClientError
from registrar.service.ids import TimeOrderedIds, new_secret
from registrar.service.management import Management
from registrar.service.outcomes import DecisionFailedError, Refusal, Registration, malformed, refusal, warnings
from registrar.service.policies import Checkout, InForce, Outcome, Policies, PolicyTree, TestsFailedError
from registrar.service.registrar import Registrar, RegistrationRequest
from registrar.service.sweeper import Sweeper

__all__ = [
    "Checkout",
    "Clients",
    "DecisionFailedError",
    "GoneError",
    "InForce",
    "Management",
    "NoSecretError",
    "Outcome",
    "Policies",
    "PolicyTree",
    "Refusal",
    "Registrar",
    "Registration",
    "RegistrationRequest",
    "Sweeper",
    "TestsFailedError",
    "TimeOrderedIds",
    "UnknownClientError",
    "malformed",
    "new_secret",
    "refusal",
    "warnings",
]
