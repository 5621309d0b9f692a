"""Two teams do random things, on both stores: neither ever sees a byte, a name or a count of the
other, and what has ended is gone to the second.

Each answer is held against ``Oracle``, which knows nothing of the code under test: it hears which
requests succeeded, and says who may do what, and which tags there are, at this second.
"""

from __future__ import annotations

import secrets
from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.property.apart_acts import (
    BOTH,
    STORIES,
    STORY,
    Act,
)
from tests.property.apart_teams import Story
from tests.property.twins import MovingClock, Twin
from tests.support.examples import times
from tests.support.stack import Stack


# A failure is made smaller, which takes Hypothesis some minutes more.
@pytest.mark.hypothesis
@pytest.mark.timeout(600 * times(1))
def test_two_teams_never_learn_of_each_other_and_what_has_ended_is_gone(stack: Stack) -> None:
    moving = MovingClock()
    numbers, prefix = count(), f"t{secrets.token_hex(3)}"
    # A table of its own: what other tests have made public would be found as well.
    twins = (Twin(None), Twin(stack.metadata(clock=moving, table=f"apart-{prefix}"), moving))
    seen: Counter[tuple[str, bool]] = Counter()

    @settings(
        max_examples=times(STORIES),
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(STORY)
    def tell(acts: list[Act]) -> None:
        story = Story(twins, next(numbers), prefix)
        for act in acts:
            story.tell(act)
        seen.update(story.seen)

    tell()

    missing = [(kind, well) for kind in BOTH for well in (True, False) if not seen[kind, well]]
    assert not missing, f"the stories no longer get that far: {missing}"
