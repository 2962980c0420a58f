"""JSON Schemas, compiled once; what they refuse is told in words for people."""

from registrar.schema.compiled import Schema
from registrar.schema.problem import SchemaProblem

__all__ = ["Schema", "SchemaProblem"]
