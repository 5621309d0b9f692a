"""Sources that are sound, and do what few registries do."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.clients.registry import Registry
from tests.migrate.filling import Filled, digest_of, small_image
from tests.migrate.peer import OCI, Asked, Peer, Says, Script, one_image, peer
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


def test_what_is_attached_to_what_is_attached_comes_too(
    ours: Registry, team: str, roadstead: Command
) -> None:
    images = [small_image(f"{team}-{number}") for number in range(3)]
    digests = [digest_of(manifest) for _, manifest in images]
    names = ["v1", *(f"sha256-{digest.partition(':')[2]}" for digest in digests[:2])]
    tags = dict(zip(["v1", f"{names[1]}.sbom", f"{names[2]}.sig"], images, strict=True))
    blobs = {digest_of(blob): blob for image, _ in images for blob in image}

    def says(asked: Asked) -> Says:
        name = asked.path.rpartition("/")[2]
        if "/tags/list" in asked.path:
            return Says(200, json.dumps({"tags": sorted(tags)}).encode())
        for tag, (_, manifest) in tags.items():
            if "/manifests/" in asked.path and name in (tag, digest_of(manifest)):
                headers = {"Content-Type": OCI, "Docker-Content-Digest": digest_of(manifest)}
                return Says(200, manifest, headers)
        if name in blobs:
            return Says(200, blobs[name])
        return Says(200 if asked.path == "/v2/" else 404)

    with peer(lambda _: says) as there:
        words = ("migrate", f"docker://{there.host}", f"{ours.host}/{team}", "a/app")
        roadstead.run(*words, "--only", ":v1")
    assert Filled(ours.host).tags(f"{team}/a/app") == sorted(tags)
