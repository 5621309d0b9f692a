"""The v1 client itself, against a small v1 registry: its requests are those of Docker 1.12."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import v1push
from .images import Shelf
from .registry import Registry
from .v1images import from_image
from .v1peer import TOKEN, State, running_peer
from .v1pull import pull
from .v1wire import USER_AGENT

pytestmark = pytest.mark.clients
NAME = "clients/app"


@pytest.fixture
def peer() -> Iterator[tuple[Registry, State]]:
    with running_peer() as found:
        yield found


def test_v1_client_pulls_what_it_pushed(
    peer: tuple[Registry, State], images: Shelf, folder: Path
) -> None:
    registry, state = peer
    image = from_image(images["five"])

    sent = v1push.push(registry, NAME, image)
    again = v1push.push(registry, NAME, image)
    pulled = pull(registry, NAME, "latest", folder / "pulled")

    assert [one.id for one in pulled] == [layer.id for layer in image.chain]
    for one in pulled:
        assert (one.json, one.sha256, one.size) == (
            sent[one.id].json,
            sent[one.id].sha256,
            sent[one.id].size,
        )
        assert one.claimed_sums == [one.payload_sum] == [sent[one.id].payload_sum]
    assert again == {}
    assert state.headers("GET", "/storage/.*") != []


def test_v1_client_sends_the_headers_of_docker_in_their_order(
    peer: tuple[Registry, State], images: Shelf, folder: Path
) -> None:
    registry, state = peer
    sent = v1push.push(registry, NAME, from_image(images["empty-layer"]))
    pull(registry, NAME, "latest", folder / "pulled")
    basic, first = "Basic Y2xpZW50czpjbGllbnRzLXBhc3N3b3Jk", next(iter(sent.values()))
    start = [("Host", registry.host), ("User-Agent", USER_AGENT)]
    end = [("Accept-Encoding", "gzip")]

    layers = state.headers("PUT", "/v1/images/.*/layer")
    checksum = state.headers("PUT", "/v1/images/.*/checksum")[0]
    (index,) = state.headers("PUT", f"/v1/repositories/{NAME}/")
    (finish,) = state.headers("PUT", f"/v1/repositories/{NAME}/images")
    stored = state.headers("GET", "/storage/.*")

    assert layers[0] == [
        *start,
        ("Transfer-Encoding", "chunked"),
        ("Authorization", f"Token {TOKEN}"),
        ("Content-Type", "application/octet-stream"),
        *end,
    ]
    assert checksum == [
        *start,
        ("Content-Length", "0"),
        ("Authorization", f"Token {TOKEN}"),
        ("X-Docker-Checksum", first.tarsum),
        ("X-Docker-Checksum-Payload", first.payload_sum),
        *end,
    ]
    assert [name for name, _ in index] == [
        "Host", "User-Agent", "Content-Length", "Authorization", "Content-type",
        "X-Docker-Token", "Accept-Encoding",
    ]  # fmt: skip
    assert dict(index)["Authorization"] == dict(finish)["Authorization"] == basic
    assert dict(finish)["X-Docker-Endpoints"] == f"http://{registry.host}/v1/"
    assert [[name for name, _ in sent] for sent in stored] == [
        ["Host", "User-Agent", "Referer", "Accept-Encoding"]
    ] * 2


@pytest.mark.parametrize("cut_every", [300_000, 1_048_576])
def test_v1_client_resumes(
    peer: tuple[Registry, State], images: Shelf, folder: Path, cut_every: int
) -> None:
    registry, state = peer
    image = from_image(images["five"])
    sent = v1push.push(registry, NAME, image)

    pulled = pull(registry, NAME, "latest", folder / "pulled", cut_every)

    assert all(one.resumed for one in pulled)
    assert {one.id: one.sha256 for one in pulled} == {
        image_id: one.sha256 for image_id, one in sent.items()
    }
    asked = [dict(sent) for sent in state.headers("GET", "/storage/.*") if "Range" in dict(sent)]
    assert all("Accept-Encoding" not in sent and "Referer" in sent for sent in asked)


def test_v1_client_takes_an_empty_416_for_the_end(
    peer: tuple[Registry, State], images: Shelf, folder: Path
) -> None:
    registry, _ = peer
    image = from_image(images["foreign-names"])
    (sent,) = v1push.push(registry, NAME, image).values()

    (pulled,) = pull(registry, NAME, "latest", folder / "pulled", cut_every=sent.size)

    assert (pulled.sha256, pulled.resumed) == (sent.sha256, 1)
