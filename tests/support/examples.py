"""How many cases the property tests draw, and whether they are the same ones in every run.

The gate judges the change, so it draws the same cases each time: a run that fails fails again, here
and elsewhere. ``make properties TIMES=20`` searches: other cases in every run, and that many times
as many. What it finds becomes an ``@example`` beside its test.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("ROADSTEAD_TEST_TIMES", "0"))
DEFAULT = 100


def times(count: int) -> int:
    """For a test whose cases are dearer or cheaper than most: ``max_examples=times(12)``."""
    return count * max(TIMES, 1)


def load_profile() -> None:
    """For every test of the run, before the first test module is imported.

    Without Hypothesis' clock: a slow machine must not fail a test. Without its database: what an
    earlier run found on this machine is not what the change is judged by.
    """
    settings.register_profile(
        "roadstead",
        max_examples=times(DEFAULT),
        derandomize=TIMES == 0,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("roadstead")
