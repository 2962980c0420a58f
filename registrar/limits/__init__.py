"""Limits on registration: what is asked of them, and the arithmetic of what they count. Pure: times in, state out."""

from registrar.limits.counter import Counter
from registrar.limits.shards import SHARDS, admitted_alone, divisible, estimated, shared_out, whole
from registrar.limits.text import read, written
from registrar.limits.usage import MEASURES, LimitReachedError, LimitUse, Measure, Usage, worst

__all__ = [
    "MEASURES",
    "SHARDS",
    "Counter",
    "LimitReachedError",
    "LimitUse",
    "Measure",
    "Usage",
    "admitted_alone",
    "divisible",
    "estimated",
    "read",
    "shared_out",
    "whole",
    "worst",
    "written",
]
