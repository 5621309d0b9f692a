"""What two teams may do to one another, at random: who, what, where, and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.conformance.bodies import OCI, descriptor, image
from tests.conformance.cases import of

STORIES, LENGTH = 25, 40
PASSWORD = "a-long-password"
RED, BLUE = "red", "blue"
TEAMS = (RED, BLUE)
PEOPLE = ("red-o", "red-w", "red-r", "blue-o", "blue-w", "blue-r", "drift")
ACTORS = (*PEOPLE, "red-m", "blue-m", "anonymous")
REPOSITORIES, TAGS = ("app", "lib"), ("latest", "v1", "2h")
MAY = {
    "owner": {"pull", "push", "admin"},
    "writer": {"pull", "push"},
    "reader": {"pull"},
    "machine": {"pull", "push"},
    "": set[str](),
}
BLOBS = {team: [f"{n} mark-of-{team}".encode() * (n + 1) for n in range(4)] for team in TEAMS}
CONFIGS = {team: json.dumps({"mark": f"mark-of-{team}"}).encode() for team in TEAMS}
# Room for the config and two of the blobs, and not for all four.
RED_BYTES = len(CONFIGS[RED]) + len(BLOBS[RED][0]) + len(BLOBS[RED][3])
QUOTA_SAYS = "this team may have"


def image_of(team: str, number: int, **more: Any) -> bytes:
    """A manifest with the team's mark in it, of the config and one of its blobs."""
    layer = descriptor(BLOBS[team][number], "application/vnd.oci.image.layer.v1.tar")
    config = descriptor(CONFIGS[team], "application/vnd.oci.image.config.v1+json")
    document = {**json.loads(image(OCI)), "config": config, "layers": [layer], **more}
    document["annotations"] = {"mark": f"mark-of-{team}", "n": str(number)}
    return json.dumps(document).encode()


IMAGES = {team: [image_of(team, n) for n in range(4)] for team in TEAMS}
SECRETS = {
    team: {f"mark-of-{team}", *(of(d)[7:] for d in (*BLOBS[team], CONFIGS[team], *IMAGES[team]))}
    for team in TEAMS
}


@dataclass(frozen=True)
class Act:
    kind: str
    actor: str
    team: str
    repository: str
    tag: str
    number: int
    wait_s: int

    def __repr__(self) -> str:
        where = f"{self.team}/{self.repository}:{self.tag}"
        return f"{self.actor}: {self.kind} {where} #{self.number} after {self.wait_s} s"


KINDS = (
    *("blob", "config", "image", "get") * 4,
    *("digest", "get_blob", "tags", "history", "referrers", "mount", "team", "catalog", "search"),
    *("v1.tags", "v1.images", "members", "usage", "guess", "delete_tag", "pin_tag") * 1,
    *("end_tag", "end_repository", "end_team", "pin_team", "drift.in", "drift.out", "drift.role"),
)
# Each has to succeed somewhere and to be refused somewhere, or the stories show nothing.
BOTH = ("blob", "image", "get", "get_blob", "tags", "team", "end_tag", "end_team", "drift.out")
ENDS_S = (1, 60, 3000, 90_000)

_own = st.sampled_from(TEAMS).flatmap(
    lambda team: st.tuples(
        st.sampled_from((*(f"{team}-{role}" for role in "oooowwrm"), "drift")), st.just(team)
    )
)
_any = st.tuples(st.sampled_from(ACTORS), st.sampled_from(TEAMS))
ACTS = st.builds(
    lambda kind, pair, repository, tag, number, wait_s: Act(
        kind, *pair, repository, tag, number, wait_s
    ),
    st.sampled_from(KINDS),
    st.one_of(_own, _own, _any),
    st.sampled_from((*(REPOSITORIES[:1] * 3), *REPOSITORIES)),
    st.sampled_from(TAGS),
    st.integers(0, 3),
    st.sampled_from((*(0,) * 12, 1, 59, 60, 3000, 7200)),
)
STORY = st.lists(ACTS, min_size=LENGTH, max_size=LENGTH, unique_by=id)
