"""Sources that are sound, and do what few registries do."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.clients.registry import Registry
from tests.migrate.filling import Filled
from tests.migrate.peer import Asked, Peer, Says, Script, one_image, peer
from tests.migrate.test_hostile import catalog_of, scripted
from tests.uploader.conftest import Command


def test_a_tag_that_is_redirected_comes(ours: Registry, team: str, roadstead: Command) -> None:
    image = one_image(team)

    def answer(there: Peer, other: Peer) -> Script:
        def says(asked: Asked) -> Says:
            if "/tags/list" in asked.path:
                return Says(200, b'{"tags": ["1"]}')
            if asked.path == "/v2/":
                return Says(200)
            return Says(307, b"", {"Location": f"{other.url}{asked.path}"})

        return says

    with peer(lambda _: image) as other, peer(lambda there: answer(there, other)) as there:
        words = ("migrate", f"docker://{there.host}", f"{ours.host}/{team}", "a/app")
        status, out, err = roadstead.outcome(*words)
    assert status == 0, err + out
    assert Filled(ours.host).tags(f"{team}/a/app") == ["1"]


def test_a_listed_repository_with_nothing_in_it_is_no_failure(
    ours: Registry, team: str, roadstead: Command
) -> None:
    refusal = {"errors": [{"code": "NAME_UNKNOWN", "message": "not known to registry"}]}
    paths: dict[str, Says | Callable[[Asked], Says]] = {
        "/v2/_catalog": catalog_of("empty/app", "good/app"),
        "/v2/empty/app/tags/list": Says(404, json.dumps(refusal).encode()),
    }
    with peer(lambda _: scripted(paths, team)) as there:
        source, target = f"docker://{there.host}", f"{ours.host}/{team}"
        status, out, err = roadstead.outcome("migrate", source, target)
        assert status == 0, out + err
        assert "repositories  1, and 1 that is listed and holds nothing" in out
        status, out, _ = roadstead.outcome("migrate", source, target, "empty/app")
        assert (status, "not known to registry" in out) == (1, True)
    assert Filled(ours.host).tags(f"{team}/good/app") == ["1"]
