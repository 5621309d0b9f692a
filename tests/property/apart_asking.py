"""Requests of a story, sent to both registries, and each answer held against the oracle."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from chalicelib.service import accounts
from roadstead.gateway.events import HttpRequest
from tests.property.apart_acts import (
    PASSWORD,
    PEOPLE,
    QUOTA_SAYS,
    RED,
    RED_BYTES,
    SECRETS,
    TEAMS,
    Act,
)
from tests.property.apart_oracle import Oracle
from tests.property.twins import Told, Twin, told
from tests.support.world import basic


class Asking:
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


def _knows_by_digest(secret: str, sent: str) -> bool:
    """Whether a secret is the digest of what was sent along: whoever sends bytes knows theirs."""
    marks = [team for team in TEAMS if f"mark-of-{team}" in sent]
    return any(secret in SECRETS[team] for team in marks)
