"""A push of more than a request reads back, to a registry that has a verifier."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.domain.limits import MIB
from chalicelib.service import uploads
from chalicelib.service.world import World
from roadstead.client.blobs import send_large
from roadstead.client.door import Door
from roadstead.client.errors import TransferError
from roadstead.client.image import Descriptor
from roadstead.client.memory import Memory
from roadstead.client.names import parse_image
from roadstead.uploader import PartStorage
from roadstead.verifying import ThreadVerifier, with_verifier
from tests.clients.images import Shelf
from tests.embedded.watch import wait_until
from tests.support.stack import Stack
from tests.support.world import Asked
from tests.uploader.conftest import Remote, remote_of
from tests.uploader.driving import assert_served, client_of, is_tagged, push_here


class Choosing(ThreadVerifier):
    """Lets a test say that nobody reads."""

    def __init__(self) -> None:
        # Each piece is a run of its own: the time of a run is over before it begins.
        super().__init__(run_s=0.0)
        self.works = True
        self.asked = 0

    def ask(self, team: str, upload_id: str) -> None:
        self.asked += 1
        if self.works:
            super().ask(team, upload_id)


VERIFIER = Choosing()
Verify = Callable[[Remote, str, str, str], None]


def proving(world: World) -> World:
    return with_verifier(replace(world, inline_proof_bytes=MIB), VERIFIER)


@pytest.fixture(scope="module")
def _proved(stack: Stack) -> Iterator[Remote]:
    with remote_of(stack, finished=proving) as found:
        yield found


@pytest.fixture
def proved(_proved: Remote) -> Remote:
    _proved.mend()
    VERIFIER.works, VERIFIER.asked = True, 0
    return _proved


def closes(remote: Remote, digest: str) -> int:
    return sum(line.startswith("PUT") and digest in line for line in remote.api.seen)


def test_a_push_waits_for_the_proof_and_goes_on(
    proved: Remote, images: Shelf, repository: str, tmp_path: Path
) -> None:
    image = images["thirty-mb"]
    push_here(f"oci:{image.folder}", f"{proved.host}/{repository}:v1", tmp_path)
    assert_served(proved, repository, image, "v1")
    assert closes(proved, image.only.layers[0].blob.digest) >= 2
    # 30 MB are two pieces, and each was a run.
    assert VERIFIER.asked == 2
    assert not any("/whole" in line for line in proved.api.seen)


def asks_before(remote: Remote, session: str, repository: str, digest: str) -> None:
    """It is being read, or has been, when the push looks."""
    VERIFIER.ask("open", session)


def proves_between(remote: Remote, session: str, repository: str, digest: str) -> None:
    """It is proved between the push's first look and its next request."""

    def proves(line: str) -> None:
        if "/claim" in line:
            remote.api.on_request = None
            VERIFIER.ask("open", session)
            until_there(remote, repository, digest)

    remote.api.on_request = proves


def reads_meanwhile(remote: Remote, session: str, repository: str, digest: str) -> None:
    """A run of the verifier has it from before the push until it is closed again."""
    now_s, store = int(time.time()), remote.world.metadata
    held = store.claim_upload("open", session, "f" * 32, now_s=now_s, expires_at_s=now_s + 600)

    def ends(line: str) -> None:
        if line.startswith("PUT") and digest in line:
            remote.api.on_request = None
            uploads.release(remote.world, held)
            VERIFIER.ask("open", session)
            until_there(remote, repository, digest)

    remote.api.on_request = ends


@pytest.mark.parametrize("verify", [asks_before, proves_between, reads_meanwhile])
def test_a_push_that_broke_while_it_waited_sends_nothing_again(
    proved: Remote, images: Shelf, repository: str, tmp_path: Path, verify: Verify
) -> None:
    image = images["thirty-mb"]
    digest = image.only.layers[0].blob.digest
    VERIFIER.works = False

    def broken(line: str) -> None:
        if line.startswith("PUT") and digest in line:
            # This one is served, and nothing after it.
            proved.api.script.extend(["drop"] * 100)

    proved.api.on_request = broken
    with pytest.raises(TransferError):
        push_here(f"oci:{image.folder}", f"{proved.host}/{repository}:v1", tmp_path, tries=1)
    proved.mend()
    assert not is_tagged(proved, repository, "v1")
    VERIFIER.works = True
    (session,) = kept(tmp_path)
    verify(proved, session, repository, digest)
    push_here(f"oci:{image.folder}", f"{proved.host}/{repository}:v1", tmp_path)
    assert_served(proved, repository, image, "v1")
    assert proved.s3.count("PUT") == 0
    assert not any("DELETE" in line for line in proved.api.seen)
    assert kept(tmp_path) == []


def until_there(remote: Remote, repository: str, digest: str) -> None:
    name = parse_image(f"{remote.host}/{repository}:v1")
    client, path = client_of(name), f"/v2/{repository}/blobs/{digest}"
    wait_until(lambda: client.send("HEAD", path, wanted=(200, 307, 404)).status != 404, "its proof")


def kept(cache: Path) -> list[str]:
    """The uploads that a push has written down."""
    return [json.loads(path.read_text())["upload_id"] for path in cache.glob("uploads/*.json")]


@pytest.mark.parametrize("has_verifier", [True, False])
def test_what_the_registry_cannot_prove_is_refused_before_it_is_sent(
    stack: Stack, images: Shelf, repository: str, tmp_path: Path, has_verifier: bool
) -> None:
    """A blob of six gigabytes of which only the size is there: none of it is read."""
    huge = Huge(6 * 1024 * MIB)

    def finished(world: World) -> World:
        return replace(world, verifier=Asked()) if has_verifier else world

    with remote_of(stack, finished=finished) as remote:
        with pytest.raises(TransferError if not has_verifier else Read) as raised:
            send_blob(remote, repository, huge, tmp_path)
        assert remote.s3.count("PUT") == 0
    if not has_verifier:
        assert "nothing of it was sent" in str(raised.value)


class Read(Exception):
    """Somebody wanted to send it."""


class Huge:
    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        raise Read

    def opened(self) -> object:
        raise Read


def send_blob(remote: Remote, repository: str, source: Huge, cache: Path) -> None:
    name = parse_image(f"{remote.host}/{repository}:v1")
    client = client_of(name)
    with ThreadPoolExecutor(2) as pool:
        door = Door(client, PartStorage(), Memory(cache), pool, name)
        blob = Descriptor("application/octet-stream", "sha256:" + "0" * 64, source.size_bytes)
        send_large(door, blob, source, lambda _: None)  # type: ignore[arg-type]
