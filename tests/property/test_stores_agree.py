"""Stories of several people in two teams: the memory store and DynamoDB Local answer the same.

Each answer is held as well against what whoever asked may see (``onlooker.py``): no name and no
byte of a repository that they may not read, and a refusal exactly where one is due.
"""

from __future__ import annotations

import secrets
from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.property.oci_acts import ACTS, NOTHING, Act
from tests.property.twins import MovingClock, Story, Twin
from tests.support.examples import times
from tests.support.stack import Stack

STORIES, LENGTH = 40, 30

# Hypothesis likes to repeat a part of one example in others, so that of thirty six would be new; it
# leaves alone what has to be unique, and every act is an object of its own.
STORY = st.lists(ACTS, min_size=LENGTH, max_size=LENGTH, unique_by=id)

# Each of these has to happen and to be refused, or the stories show nothing.
BOTH = (
    "blob.put",
    "blob.chunks",
    "blob.delete",
    "blob.get",
    "manifest.by_tag",
    "manifest.by_digest",
    "manifest.index",
    "manifest.referrer",
    "manifest.get",
    "manifest.get_digest",
    "manifest.delete",
    "tag.delete",
    "v1.tag.put",
    "v1.tag.delete",
    "repository.delete",
    "rules.put",
    "access.put",
    "grant.put",
    "tags",
    "history",
    "referrers",
    "v1.read",
    "catalog",
    "pages",
)


# A failure is made smaller, which takes Hypothesis up to five minutes more.
@pytest.mark.hypothesis
@pytest.mark.timeout(600 * times(1))
def test_both_stores_tell_everybody_the_same_and_nobody_too_much(stack: Stack) -> None:
    moving = MovingClock()
    twins = (Twin(None), Twin(stack.metadata(clock=moving), moving))
    seen: Counter[tuple[str, bool]] = Counter()
    numbers, prefix = count(), f"u{secrets.token_hex(3)}"

    @settings(
        max_examples=times(STORIES),
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(STORY)
    def tell(acts: list[Act]) -> None:
        story = Story(twins, next(numbers), prefix, seen)
        story.begin()
        for act in (act for act in acts if act.kind != NOTHING):
            story.tell(act)
        story.audit()

    tell()

    missing = [(kind, well) for kind in BOTH for well in (True, False) if not seen[kind, well]]
    assert not missing, f"the stories no longer get that far: {missing}"
