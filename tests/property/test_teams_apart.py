"""Two teams do random things, on both stores: neither ever sees a byte, a name or a count of the
other, and what has ended is gone to the second.

Each answer is held against ``Oracle``, which knows nothing of the code under test: it hears which
requests succeeded, and says who may do what, and which tags there are, at this second.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.service import accounts
from roadstead.gateway.events import HttpRequest
from tests.conformance.bodies import OCI, descriptor, image
from tests.conformance.cases import of
from tests.property.twins import MovingClock, Told, Twin, told
from tests.support.stack import Stack
from tests.support.world import basic

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


@dataclass
class Oracle:
    """Roles, ends and tags, told from outside."""

    now_s: int = 0
    roles: dict[tuple[str, str], str] = field(default_factory=dict)
    team_ends: dict[str, int | None] = field(default_factory=dict)
    ends: dict[tuple[str, str], int | None] = field(default_factory=dict)
    tags: dict[tuple[str, str], dict[str, int | None]] = field(default_factory=dict)

    def lives(self, team: str) -> bool:
        return team in self.team_ends and not self._over(self.team_ends[team])

    def _over(self, end_s: int | None) -> bool:
        return end_s is not None and end_s <= self.now_s

    def may(self, actor: str, action: str, team: str) -> bool:
        return self.lives(team) and action in MAY[self.roles.get((team, actor), "")]

    def is_there(self, team: str, repository: str) -> bool:
        where = team, repository
        return self.lives(team) and where in self.tags and not self._over(self.ends.get(where))

    def tags_of(self, team: str, repository: str) -> list[str]:
        if not self.is_there(team, repository):
            return []
        known = self.tags[team, repository]
        return sorted(tag for tag, end_s in known.items() if not self._over(end_s))

    def pushed(self, team: str, repository: str, tag: str) -> None:
        where = team, repository
        if where in self.tags and self._over(self.ends.get(where)):
            del self.tags[where]
            self.ends.pop(where)
        known = self.tags.setdefault(where, {})
        kept = known.get(tag) if tag in self.tags_of(team, repository) else None
        # Of the two teams the red one lets tags end by their name.
        known[tag] = self.now_s + 7200 if (tag, team) == ("2h", RED) else kept


class Story:
    """One story, told to both registries."""

    def __init__(self, twins: tuple[Twin, Twin], number: int, prefix: str) -> None:
        self.twins, self.number = twins, number
        self.names = {who: f"{prefix}{number:04d}{who}" for who in (*PEOPLE, *TEAMS)}
        self.oracle = Oracle()
        self.secrets: dict[str, str] = {}
        self.seen: Counter[tuple[str, bool]] = Counter()
        self.past: list[object] = []
        for twin in twins:
            twin.begin()
            for who in PEOPLE:
                accounts.create(twin.world, self.names[who], PASSWORD)
        self.tick(0)
        self.begin()

    def tick(self, wait_s: int) -> None:
        for twin in self.twins:
            clock: Any = twin.world.clock
            clock.at_s += wait_s
            self.oracle.now_s = clock.at_s

    def begin(self) -> None:
        for team in TEAMS:
            owner = f"{team}-o"
            asked: dict[str, Any] = {"name": self.names[team], "expires_in_s": 50_000}
            if team == RED:
                asked |= {"quota": {"size_bytes": RED_BYTES}, "expires_tags_by_name": True}
            self.done(owner, "POST", "/v2/_roadstead/teams", asked)
            self.oracle.team_ends[team] = self.oracle.now_s + 50_000
            self.oracle.roles[team, owner] = "owner"
            for who, role in ((f"{team}-w", "writer"), (f"{team}-r", "reader")):
                self.admit(team, who, role)
            scopes = [f"repository:{self.names[team]}/*:pull,push"]
            asked = {"label": "m", "scopes": scopes}
            made = self.done(owner, "POST", self.team_url(team, "tokens"), asked)
            self.secrets[f"{team}-m"] = json.loads(made.body)["secret"]
            self.oracle.roles[team, f"{team}-m"] = "machine"
            for kind, repository, tag in (
                ("config", "app", ""),
                ("blob", "app", ""),
                ("image", "app", "latest"),
            ):
                self.tell(Act(kind, owner, team, repository, tag, 0, 0))

    def admit(self, team: str, who: str, role: str) -> Told:
        owner = f"{team}-o"
        invited = self.done(owner, "POST", self.team_url(team, "invitations"), {"role": role})
        code = {"code": json.loads(invited.body)["code"]}
        answer = self.ask(who, "POST", self.team_url(team, "members"), code)
        if answer.status == 201:
            self.oracle.roles[team, who] = role
        return answer

    def team_url(self, team: str, tail: str = "") -> str:
        return f"/v2/_roadstead/teams/{self.names[team]}/{tail}".rstrip("/")

    # --- one request ------------------------------------------------------------------------------

    def ask(self, actor: str, method: str, url: str, asked: object = b"", **headers: str) -> Told:
        """Send it to both. Fails unless both answer the same, and nothing that is not theirs."""
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        path, _, query = url.partition("?")
        pairs = [("host", "registry.test"), *((k.replace("_", "-"), v) for k, v in headers.items())]
        if actor in self.secrets:
            team = actor.partition("-")[0]
            pairs.append(("authorization", basic(self.names[team], self.secrets[actor])))
        elif actor != "anonymous":
            pairs.append(("authorization", basic(self.names[actor], PASSWORD)))
        request = HttpRequest(method, path, query, pairs, body, f"198.51.100.{self.number % 250}")
        first, second = (told(twin, method, twin.front.call(request)) for twin in self.twins)
        assert first == second, f"{actor} {method} {url}: {first} and {second}"
        assert first.status < 500, (actor, method, url, first)
        self.check_seen(actor, first.text, url + body.decode("latin-1"))
        return first

    def done(self, actor: str, method: str, url: str, asked: object) -> Told:
        answer = self.ask(actor, method, url, asked)
        assert answer.status < 300, (method, url, answer)
        return answer

    def check_seen(self, actor: str, text: str, sent: str) -> None:
        for team in TEAMS:
            if self.oracle.may(actor, "pull", team):
                continue
            for secret in (*SECRETS[team], f"{self.names[team]}/"):
                known = secret in sent or (secret in text and _knows_by_digest(secret, sent))
                assert secret not in text or known, f"{actor} sees {secret!r}: {text}"

    # --- acts -------------------------------------------------------------------------------------

    def tell(self, act: Act) -> None:
        self.past.append(act)
        self.tick(act.wait_s)
        try:
            answer = self.act(act)
        except AssertionError as error:
            error.add_note("\n".join(f"{n}. {past}" for n, past in enumerate(self.past, 1)))
            raise
        if answer is not None:
            self.seen[act.kind, answer.status < 400] += 1

    def act(self, act: Act) -> Told | None:
        name = f"{self.names[act.team]}/{act.repository}"
        maker = getattr(self, f"_{act.kind.replace('.', '_')}")
        answer: Told | None = maker(act, name)
        return answer

    def allowed(self, act: Act, action: str, answer: Told) -> bool:
        """Hold an answer about a repository against who may do this; whether it was let through."""
        may = self.oracle.may(act.actor, action, act.team)
        if may and answer.status == 403:
            assert QUOTA_SAYS in answer.text, (act, answer)
            assert act.team == RED
            return False
        assert (answer.status not in (401, 403)) == may, (act, answer)
        return may

    def _push_bytes(self, act: Act, name: str, data: bytes) -> Told:
        url = f"/v2/{name}/blobs/uploads/?digest={of(data)}"
        answer = self.ask(act.actor, "POST", url, data)
        if self.allowed(act, "push", answer):
            assert answer.status == 201, answer
            if self.oracle.tags.get((act.team, act.repository)) is not None and not (
                self.oracle.is_there(act.team, act.repository)
            ):
                # Something begins anew under the name.
                del self.oracle.tags[act.team, act.repository]
                self.oracle.ends.pop((act.team, act.repository))
        return answer

    def _blob(self, act: Act, name: str) -> Told:
        return self._push_bytes(act, name, BLOBS[act.team][act.number])

    def _config(self, act: Act, name: str) -> Told:
        return self._push_bytes(act, name, CONFIGS[act.team])

    def _image(self, act: Act, name: str) -> Told:
        url, raw = f"/v2/{name}/manifests/{act.tag}", IMAGES[act.team][act.number]
        answer = self.ask(act.actor, "PUT", url, raw, content_type=OCI)
        self.allowed(act, "push", answer)
        if answer.status == 201:
            self.oracle.pushed(act.team, act.repository, act.tag)
        elif answer.status == 404 and not self.oracle.is_there(act.team, act.repository):
            self.oracle.tags.pop((act.team, act.repository), None)
            self.oracle.ends.pop((act.team, act.repository), None)
        return answer

    def _get(self, act: Act, name: str) -> Told:
        answer = self.ask(act.actor, "GET", f"/v2/{name}/manifests/{act.tag}")
        if self.allowed(act, "pull", answer):
            there = act.tag in self.oracle.tags_of(act.team, act.repository)
            assert (answer.status == 200) is there, (act, answer)
        return answer

    def _read(self, act: Act, url: str, *, empty: tuple[int, ...] = (404,)) -> Told:
        """A read that finds nothing where the repository is not there."""
        answer = self.ask(act.actor, "GET", url)
        has_records = (act.team, act.repository) in self.oracle.tags
        gone = has_records and not self.oracle.is_there(act.team, act.repository)
        if self.allowed(act, "pull", answer) and gone:
            assert answer.status in empty, (act, answer)
        return answer

    def _digest(self, act: Act, name: str) -> Told:
        return self._read(act, f"/v2/{name}/manifests/{of(IMAGES[act.team][act.number])}")

    def _get_blob(self, act: Act, name: str) -> Told:
        return self._read(act, f"/v2/{name}/blobs/{of(BLOBS[act.team][act.number])}")

    def _guess(self, act: Act, name: str) -> Told:
        """A digest of the other team's: it is nowhere here."""
        other = BLUE if act.team == RED else RED
        answer = self._read(act, f"/v2/{name}/blobs/{of(BLOBS[other][act.number])}")
        assert answer.status in (401, 403, 404), answer
        return answer

    def _tags(self, act: Act, name: str) -> Told:
        answer = self._read(act, f"/v2/{name}/tags/list")
        if answer.status == 200:
            listed = json.loads(answer.body)["tags"]
            assert listed == self.oracle.tags_of(act.team, act.repository), (act, listed)
        return answer

    def _history(self, act: Act, name: str) -> Told:
        return self._read(act, f"/v2/{name}/_roadstead/tags/{act.tag}/history")

    def _referrers(self, act: Act, name: str) -> Told:
        subject = of(IMAGES[act.team][act.number])
        return self._read(act, f"/v2/{name}/referrers/{subject}", empty=(200,))

    def _v1_tags(self, act: Act, name: str) -> Told:
        return self._read(act, f"/v1/repositories/{name}/tags")

    def _v1_images(self, act: Act, name: str) -> Told:
        return self._read(act, f"/v1/repositories/{name}/images")

    def _mount(self, act: Act, name: str) -> Told:
        other = BLUE if act.team == RED else RED
        digest, source = of(BLOBS[other][act.number]), f"{self.names[other]}/{act.repository}"
        url = f"/v2/{name}/blobs/uploads/?mount={digest}"
        url += f"&from={source}" if act.tag != "latest" else ""
        answer = self.ask(act.actor, "POST", url)
        assert answer.status != 201, (act, answer)
        self.allowed(act, "push", answer)
        return answer

    def _catalog(self, act: Act, name: str) -> Told:
        answer = self.ask(act.actor, "GET", "/v2/_catalog")
        if answer.status == 200:
            assert sorted(json.loads(answer.body)["repositories"]) == self.visible(act.actor)
        return answer

    def _search(self, act: Act, name: str) -> Told:
        answer = self.ask(act.actor, "GET", f"/v1/search?q={act.repository}")
        if answer.status == 200:
            mine = [n for n in self.visible(act.actor) if n.endswith(f"/{act.repository}")]
            document = json.loads(answer.body)
            # Other stories are in the same table: none of theirs is public.
            assert sorted(each["name"] for each in document["results"]) == mine
            assert document["num_results"] == len(mine)
        return answer

    def visible(self, actor: str) -> list[str]:
        """The repositories that somebody may read and that are there."""
        return sorted(
            f"{self.names[team]}/{repository}"
            for team, repository in self.oracle.tags
            if self.oracle.may(actor, "pull", team) and self.oracle.is_there(team, repository)
        )

    # --- the team itself --------------------------------------------------------------------------

    def of_team(self, act: Act, answer: Told, *, owners: bool = False) -> bool:
        """Hold an answer about a team against who may see or change it."""
        if act.actor == "anonymous" or act.actor in self.secrets:
            assert answer.status in (401, 403), (act, answer)
            return False
        role = self.oracle.roles.get((act.team, act.actor), "")
        if not role or not self.oracle.lives(act.team):
            assert answer.status == 404, (act, answer)
            return False
        if owners and role != "owner":
            assert answer.status == 403, (act, answer)
            return False
        assert answer.status not in (401, 403), (act, answer)
        return True

    def _team(self, act: Act, name: str) -> Told:
        answer = self.ask(act.actor, "GET", self.team_url(act.team))
        if self.of_team(act, answer):
            here = [n for n in self.visible(act.actor) if n.startswith(f"{self.names[act.team]}/")]
            assert json.loads(answer.body)["usage"]["repositories"] == len(here)
        return answer

    def _usage(self, act: Act, name: str) -> Told:
        answer = self.ask(act.actor, "GET", "/v2/_roadstead/teams")
        if answer.status == 200:
            mine = sorted(
                self.names[team]
                for team in TEAMS
                if self.oracle.lives(team) and self.oracle.roles.get((team, act.actor))
            )
            assert [each["name"] for each in json.loads(answer.body)["teams"]] == mine
        return answer

    def _members(self, act: Act, name: str) -> Told:
        answer = self.ask(act.actor, "GET", self.team_url(act.team, "members"))
        if self.of_team(act, answer):
            listed = {m["username"]: m["role"] for m in json.loads(answer.body)["members"]}
            assert listed == {
                self.names[who]: role
                for (team, who), role in self.oracle.roles.items()
                if team == act.team and role not in ("", "machine")
            }
        return answer

    def _drift_in(self, act: Act, name: str) -> Told | None:
        if not self.oracle.lives(act.team) or self.oracle.roles.get((act.team, "drift")):
            return None
        return self.admit(act.team, "drift", ("owner", "writer", "reader", "reader")[act.number])

    def _drift_out(self, act: Act, name: str) -> Told:
        url = self.team_url(act.team, f"members/{self.names['drift']}")
        answer = self.ask(act.actor, "DELETE", url)
        self.of_team(act, answer, owners=act.actor != "drift")
        if answer.status == 204:
            self.oracle.roles[act.team, "drift"] = ""
        return answer

    def _drift_role(self, act: Act, name: str) -> Told:
        role = ("owner", "writer", "reader", "reader")[act.number]
        url = self.team_url(act.team, f"members/{self.names['drift']}")
        answer = self.ask(act.actor, "PUT", url, {"role": role})
        self.of_team(act, answer, owners=True)
        if answer.status == 200:
            self.oracle.roles[act.team, "drift"] = role
        return answer

    # --- ends -------------------------------------------------------------------------------------

    def _delete_tag(self, act: Act, name: str) -> Told:
        answer = self.ask(act.actor, "DELETE", f"/v2/{name}/manifests/{act.tag}")
        machine = act.actor in self.secrets
        may = self.oracle.may(act.actor, "push", act.team) and not machine
        assert (answer.status not in (401, 403)) == may, (act, answer)
        if may:
            there = act.tag in self.oracle.tags_of(act.team, act.repository)
            assert (answer.status == 202) is there, (act, answer)
        if answer.status == 202:
            del self.oracle.tags[act.team, act.repository][act.tag]
        return answer

    def _end_tag(self, act: Act, name: str) -> Told:
        return self._set_tag(act, name, ENDS_S[act.number])

    def _pin_tag(self, act: Act, name: str) -> Told:
        return self._set_tag(act, name, None)

    def _set_tag(self, act: Act, name: str, life_s: int | None) -> Told:
        asked = {"expires_at": None} if life_s is None else {"expires_in_s": life_s}
        answer = self.ask(act.actor, "PUT", f"/v2/{name}/_roadstead/tags/{act.tag}/expiry", asked)
        if self.allowed(act, "push", answer):
            there = act.tag in self.oracle.tags_of(act.team, act.repository)
            assert (answer.status == 200) is there, (act, answer)
        if answer.status == 200:
            end_s = None if life_s is None else self.oracle.now_s + life_s
            self.oracle.tags[act.team, act.repository][act.tag] = end_s
        return answer

    def _end_repository(self, act: Act, name: str) -> Told:
        life_s = ENDS_S[act.number]
        asked = {"expires_in_s": life_s}
        answer = self.ask(act.actor, "PUT", f"/v2/{name}/_roadstead/expiry", asked)
        self.allowed(act, "admin", answer)
        if answer.status == 200:
            self.oracle.ends[act.team, act.repository] = self.oracle.now_s + life_s
        return answer

    def _end_team(self, act: Act, name: str) -> Told:
        # Mostly far off: a team that has ended ends its part of the story.
        return self._set_team(act, {"expires_in_s": ENDS_S[3 if act.tag != "2h" else act.number]})

    def _pin_team(self, act: Act, name: str) -> Told:
        return self._set_team(act, {"expires_at": None})

    def _set_team(self, act: Act, asked: Mapping[str, int | None]) -> Told:
        answer = self.ask(act.actor, "PUT", self.team_url(act.team), asked)
        self.of_team(act, answer, owners=True)
        if answer.status == 200:
            life_s = asked.get("expires_in_s")
            end_s = None if life_s is None else self.oracle.now_s + life_s
            self.oracle.team_ends[act.team] = end_s
        return answer


def _knows_by_digest(secret: str, sent: str) -> bool:
    """Whether a secret is the digest of what was sent along: whoever sends bytes knows theirs."""
    marks = [team for team in TEAMS if f"mark-of-{team}" in sent]
    return any(secret in SECRETS[team] for team in marks)


# A failure is made smaller, which takes Hypothesis some minutes more.
@pytest.mark.timeout(600)
def test_two_teams_never_learn_of_each_other_and_what_has_ended_is_gone(stack: Stack) -> None:
    moving = MovingClock()
    numbers, prefix = count(), f"t{secrets.token_hex(3)}"
    # A table of its own: what other tests have made public would be found as well.
    twins = (Twin(None), Twin(stack.metadata(clock=moving, table=f"apart-{prefix}"), moving))
    seen: Counter[tuple[str, bool]] = Counter()

    @settings(
        max_examples=STORIES,
        derandomize=True,
        database=None,
        deadline=None,
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
