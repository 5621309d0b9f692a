"""Everything of a v1 registry: ids, jsons, layers and checksums stay."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.awslimits.places import aws_place
from tests.clients import v1pull, v1push
from tests.clients.images import MEGABYTE, Shelf
from tests.clients.registry import Registry
from tests.clients.v1images import V1Image, from_image
from tests.migrate.peer import Asked, Says, peer
from tests.support.stack import Stack
from tests.uploader.conftest import Command, one_layer


def is_same(
    registry: Registry,
    name: str,
    tag: str,
    image: V1Image,
    sent: dict[str, v1push.Sent],
    folder: Path,
) -> bool:
    """Whether a v1 client gets the very chain that was pushed elsewhere."""
    pulled = v1pull.pull(registry, name, tag, folder)
    wanted = [sent[layer.id] for layer in image.chain]
    return [(p.id, p.json, p.sha256, p.payload_sum) for p in pulled] == [
        (layer.id, each.json, each.sha256, each.payload_sum)
        for layer, each in zip(image.chain, wanted, strict=True)
    ]


@pytest.fixture
def chain(images: Shelf, team: str) -> V1Image:
    return from_image(images["empty-layer"], salt=team)


def test_ids_jsons_and_checksums_stay(
    chain: V1Image,
    ours: Registry,
    ours_with_accounts: Registry,
    team: str,
    tmp_path: Path,
    roadstead: Command,
) -> None:
    sent = v1push.push(ours, f"{team}/app", chain, ["1.0", "latest"])
    user, password = ours_with_accounts.username or "", ours_with_accounts.password or ""
    words = ("migrate", "--verify", "--only", f"{team}/*", "--user", user, "--password-stdin")
    source, target = f"v1://{ours.host}", f"{ours_with_accounts.host}/{user}"
    status, out, err = roadstead.outcome(*words, source, target, stdin=password)
    assert status == 0, err
    assert "tags          2 brought, 0 were there already" in out
    assert "verified      2 tags are the same on both sides" in out
    assert is_same(ours_with_accounts, f"{user}/app", "1.0", chain, sent, tmp_path / "pulled")
    assert password not in out + err
    _, again, _ = roadstead.outcome(*words, source, target, stdin=password)
    assert "tags          0 brought, 2 were there already" in again


def test_a_registry_with_logins_is_read_with_the_sources(
    chain: V1Image,
    ours: Registry,
    ours_with_accounts: Registry,
    team: str,
    tmp_path: Path,
    roadstead: Command,
) -> None:
    name = f"{ours_with_accounts.username}/{team}"
    sent = v1push.push(ours_with_accounts, name, chain, ["1.0"])
    source, target = f"v1://{ours_with_accounts.host}", f"{ours.host}/{team}"
    words = ("migrate", "--source-user", ours_with_accounts.username or "")
    more = ("--source-password-stdin", source, target, name)
    status, out, err = roadstead.outcome(*words, *more, stdin=ours_with_accounts.password or "")
    assert status == 0, out + err
    assert is_same(ours, f"{team}/{team}", "1.0", chain, sent, tmp_path / "pulled")
    status, out, err = roadstead.outcome("migrate", source, target, name)
    assert status == 1
    assert "asks for a login" in out


def test_a_large_layer_comes_through_aws_limits(
    ours: Registry, stack: Stack, team: str, tmp_path: Path, roadstead: Command
) -> None:
    shelf = Shelf(tmp_path / "images", {"ten": one_layer("ten", 10 * MEGABYTE)})
    chain = from_image(shelf["ten"], salt=team)
    sent = v1push.push(ours, f"{team}/large", chain, ["1.0"])
    with aws_place(stack) as place:
        there = Registry(place.host, f"http://{place.host}")
        words = ("migrate", f"v1://{ours.host}", f"http://{place.host}", f"{team}/large")
        roadstead.run(*words)
        assert is_same(there, f"{team}/large", "1.0", chain, sent, tmp_path / "pulled")


def old_registry(chain: V1Image, sent: dict[str, v1push.Sent], ours: Registry, **wrong: str):  # type: ignore[no-untyped-def]
    """A registry of 2014: a search that answers all at once, no token, no redirect."""

    def answer(asked: Asked) -> Says:
        path = urlsplit(asked.path).path
        if path == "/v1/search":
            body = {"results": [{"name": "crew/app"}, {"name": "crew/app"}], "query": ""}
            return Says(200, json.dumps(body).encode())
        if path == "/v1/repositories/crew/app/images":
            return Says(404, b'{"error": "images not found"}', dict(wrong))
        if path == "/v1/repositories/crew/app/tags":
            return Says(200, json.dumps({"1.0": chain.top.id}).encode())
        image_id, _, what = path.removeprefix("/v1/images/").partition("/")
        if what == "ancestry":
            return Says(200, json.dumps([layer.id for layer in reversed(chain.chain)]).encode())
        layer = next((each for each in chain.chain if each.id == image_id), None)
        if layer is None:
            return Says(404, b"{}")
        claimed = {"X-Docker-Checksum-Payload": sent[image_id].payload_sum}
        if what == "json":
            return Says(200, layer.json, claimed)
        spoiled = b"?" if "spoiled" in wrong else b""
        return Says(200, b"".join(layer.stream()) + spoiled)

    return lambda _: answer


def test_an_old_registry_without_tokens_is_read(
    chain: V1Image,
    ours: Registry,
    ours_with_accounts: Registry,
    team: str,
    tmp_path: Path,
    roadstead: Command,
) -> None:
    user = ours_with_accounts.username or ""
    # What is pushed here says what the layers' bytes are on the wire.
    sent = v1push.push(ours_with_accounts, f"{user}/{team}", chain, ["1.0"])
    with peer(old_registry(chain, sent, ours)) as there:
        lines = roadstead.run("migrate", f"v1://{there.host}", f"{ours.host}/{team}")
    assert "tags          1 brought, 0 were there already" in lines
    assert is_same(ours, f"{team}/app", "1.0", chain, sent, tmp_path / "pulled")


WRONG = [
    ({"spoiled": "yes"}, "came with other bytes than its checksum says"),
    ({"X-Docker-Endpoints": "192.0.2.1"}, "sends to '192.0.2.1' for its images: not followed"),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=["layer", "endpoint"])
def test_a_v1_registry_that_means_us_ill_is_refused(
    wrong: dict[str, str],
    sentence: str,
    chain: V1Image,
    ours: Registry,
    ours_with_accounts: Registry,
    team: str,
    roadstead: Command,
) -> None:
    name = f"{ours_with_accounts.username}/{team}"
    sent = v1push.push(ours_with_accounts, name, chain, ["1.0"])
    with peer(old_registry(chain, sent, ours, **wrong)) as there:
        status, out, _ = roadstead.outcome("migrate", f"v1://{there.host}", f"{ours.host}/{team}")
    assert status == 1
    assert sentence in out
    assert "crew/app" in out
