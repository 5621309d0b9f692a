"""v1 images that nothing needs: a chain goes in one pass, from its last image to its first.

An image goes only when none is built on it any more. So whoever has an image has all its ancestors,
and reading one image takes the suspicion from that one alone:

    what a pass saw built on it    when it goes
    nothing                        as soon as it has been suspected for the grace period
    one image                      right after that one, if it has been suspected so long itself
    more                           in a pass that sees fewer

An image that is built on another meanwhile has taken its parent's suspicion first.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from chalicelib.domain.facts import Fact
from chalicelib.domain.marking import Going, Kind
from chalicelib.domain.marks import Marks
from chalicelib.ports import Missing
from chalicelib.service.ended import WHY as OF_ENDED
from chalicelib.service.sweep import Run, images_of

UNNEEDED = "no list, no tag and no other image has needed it for the grace period"


def see_child(marks: Marks, image: Fact) -> None:
    """Note what an image is built on, and whether it is the only one."""
    for parent in image.ancestry[1:2]:
        has_another = marks.has("child", image.team, parent)
        marks.see("children" if has_another else "child", image.team, parent)


def end_image(run: Run, marks: Marks, fact: Fact, started_at_s: int, *, has_ended: bool) -> None:
    """Suspect an image that nothing needs, spare one that is needed, or let it go with its chain.

    ``has_ended``: of a team that has ended nobody adds to an image or reads it, so that what needs
    it goes as well, and in no order.
    Costs: 0; 1 conditional write where it is suspected or spared; for each that goes 1 query and 1
    transaction, and 1 batch read for each hundred ancestors.
    """
    team, image_id, since_s = fact.team, fact.image_id, fact.suspected_at_s
    if marks.has("image", team, image_id) and not has_ended:
        if since_s is not None:
            _spare(run, team, image_id)
        return
    if since_s is None:
        if not run.is_dry:
            run.store.suspect_image(team, image_id, run.clock.now_s())
        return
    if has_ended:
        _gone(run, team, image_id, since_s, started_at_s - run.graces.settled_s, OF_ENDED)
        return
    until_s = started_at_s - run.graces.unneeded_s
    if marks.has("child", team, image_id) or not _gone(run, team, image_id, since_s, until_s):
        return
    for ancestor, suspected_at_s in _alone(run, marks, fact):
        if run.is_over() or not _gone(run, team, ancestor, suspected_at_s, until_s):
            return


def _alone(run: Run, marks: Marks, fact: Fact) -> Iterator[tuple[str, int | None]]:
    """The ancestors on which only the one before is built, and since when each is suspected."""
    team = fact.team
    ids = list(
        takewhile(
            lambda each: not (marks.has("children", team, each) or marks.has("image", team, each)),
            fact.ancestry[1:],
        )
    )
    found = images_of(run.store, team, ids)
    for each in ids:
        yield each, found[each].suspected_at_s if each in found else None


def _spare(run: Run, team: str, image_id: str) -> None:
    try:
        if not run.is_dry:
            run.store.spare_image(team, image_id)
    except Missing:
        return


def _gone(
    run: Run, team: str, image_id: str, since_s: int | None, until_s: int, why: str = UNNEEDED
) -> bool:
    """Delete an image that was suspected by then, and is still; whether it has gone."""
    if since_s is None or since_s > until_s:
        return False
    if not (run.is_dry or run.store.delete_image(team, image_id, since_s)):
        return False
    run.note(team, None, Going(Kind.IMAGE, image_id, why))
    return True
