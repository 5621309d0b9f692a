"""What a rule refuses, as a value that a table can name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.domain.errors import RegistryError


def refusal_of(rule: Callable[..., Any], *args: Any, **kwargs: Any) -> RegistryError:
    """The refusal of this call; a call that is not refused fails the test."""
    with pytest.raises(RegistryError) as caught:
        rule(*args, **kwargs)
    return caught.value


def outcome_of(rule: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What this call returns, or its refusal as a value; any other exception fails the test."""
    try:
        return rule(*args, **kwargs)
    except RegistryError as error:
        return error
