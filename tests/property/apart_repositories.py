"""What a story does in repositories."""

from __future__ import annotations

import json

from tests.conformance.bodies import OCI
from tests.conformance.cases import of
from tests.property.apart_acts import (
    BLOBS,
    BLUE,
    CONFIGS,
    IMAGES,
    RED,
    Act,
)
from tests.property.apart_asking import Asking
from tests.property.twins import Told


class OfRepositories(Asking):
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
