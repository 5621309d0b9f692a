"""What a story does to teams, and what it lets end."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.property.apart_acts import (
    ENDS_S,
    TEAMS,
    Act,
)
from tests.property.apart_repositories import OfRepositories
from tests.property.twins import Told


class Story(OfRepositories):
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
