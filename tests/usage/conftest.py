"""Hypothesis without its clock, as beside it."""

from tests.web import conftest as _profile

__all__ = ["_profile"]
