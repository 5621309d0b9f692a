"""Sources that are sound, and do what few registries do."""

from __future__ import annotations

from tests.clients.registry import Registry
from tests.migrate.filling import Filled
from tests.migrate.peer import Asked, Peer, Says, Script, one_image, peer
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
