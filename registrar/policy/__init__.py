"""Policies: a tree of YAML files, compiled into a `PolicySet` that decides who may register as what.

Pure but for `load`, which reads the tree's files. See `schemas/policy.schema.json` for the documents.
"""

from registrar.policy.compiler import compile_tree
from registrar.policy.decision import Change, Decision, Finding, Lifetimes, Mode
from registrar.policy.facts import Facts, Operation, SoftwareStatement, Source, Token
from registrar.policy.intake import Fault, Intake, MalformedError, overlaid, take_in
from registrar.policy.loader import load, load_fixtures, load_with_tests
from registrar.policy.networks import subscriber
from registrar.policy.policyset import ACCEPT_FROM, Offers, PolicySet
from registrar.policy.suites import Report, Result, Test
from registrar.policy.suites import run as run_tests
from registrar.policy.tokens import TokenUse
from registrar.policy.tree import read_files

__all__ = [
    "ACCEPT_FROM",
    "Change",
    "Decision",
    "Facts",
    "Fault",
    "Finding",
    "Intake",
    "Lifetimes",
    "MalformedError",
    "Mode",
    "Offers",
    "Operation",
    "PolicySet",
    "Report",
    "Result",
    "SoftwareStatement",
    "Source",
    "Test",
    "Token",
    "TokenUse",
    "compile_tree",
    "load",
    "load_fixtures",
    "load_with_tests",
    "overlaid",
    "read_files",
    "run_tests",
    "subscriber",
    "take_in",
]
