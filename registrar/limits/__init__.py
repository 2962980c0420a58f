"""Limits on registration: what is asked of them, and the arithmetic of their windows. Pure: times in, state out."""

from registrar.limits.usage import LimitReachedError, LimitUse, Measure, Usage

__all__ = ["LimitReachedError", "LimitUse", "Measure", "Usage"]
