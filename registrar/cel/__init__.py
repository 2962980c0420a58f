"""Typed CEL, the Common Expression Language (https://github.com/google/cel-spec).

cel-python's grammar parses an expression; it is checked against the types of what it may name, and compiled to Python closures,
once, when a policy loads. A name, a member, a function or a type that does not exist is an error then, not at a request.

Limitations. What cel-python's grammar cannot parse: trailing commas, optional members (`.?`), names in backquotes, raw strings
that end in a backslash. There are no messages to make and no macros with two variables. Timestamps and durations are kept to
the microsecond; a finer text is an error. A map cannot have both a number and a bool that Python holds equal among its keys.
`has(record.member)` is whether the member is not empty, as in a protobuf message, for records are total.
"""

from registrar.cel.compiler import compile_expression
from registrar.cel.errors import CompileError, EvaluationError, PatternError
from registrar.cel.evaluation import BUDGET, Activation, Expression, Loop, Scope, Step
from registrar.cel.functions import FAMILIES, FUNCTIONS
from registrar.cel.functions.function import Function
from registrar.cel.functions.operators import OPERATORS
from registrar.cel.patterns import Pattern, compile_pattern
from registrar.cel.types import (
    BOOL,
    BYTES,
    CIDR,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    IP,
    STRING,
    TIMESTAMP,
    UINT,
    URL,
    ListType,
    MapType,
    Names,
    RecordType,
    StringType,
    Type,
    type_of_constant,
)
from registrar.cel.values import Uint

__all__ = [
    "BOOL",
    "BUDGET",
    "BYTES",
    "CIDR",
    "DOUBLE",
    "DURATION",
    "DYN",
    "FAMILIES",
    "FUNCTIONS",
    "INT",
    "IP",
    "OPERATORS",
    "STRING",
    "TIMESTAMP",
    "UINT",
    "URL",
    "Activation",
    "CompileError",
    "EvaluationError",
    "Expression",
    "Function",
    "ListType",
    "Loop",
    "MapType",
    "Names",
    "Pattern",
    "PatternError",
    "RecordType",
    "Scope",
    "Step",
    "StringType",
    "Type",
    "Uint",
    "compile_expression",
    "compile_pattern",
    "type_of_constant",
]
