"""Layers that two repositories have, when neither push gets them there."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from roadstead.client.door import Door
from roadstead.client.errors import TransferError
from roadstead.client.http import Patience, RegistryClient
from roadstead.client.image import OCI_CONFIG, OCI_MANIFEST, Descriptor, Image, described
from roadstead.client.names import Host, ImageName
from roadstead.client.push import push_image
from roadstead.migrate.sharing import SharedMemory, Sharing
from roadstead.migrate.tally import ImageWatch, Screen, Tally
from roadstead.uploader import PartStorage
from roadstead.uploader.planned import Readable
from tests.migrate.filling import digest_of
from tests.migrate.peer import Asked, Peer, Says, peer

LONG_S = 20.0


@dataclass
class Meeting:
    """Each push holds its first layer before it asks for the other's."""

    holds: dict[str, threading.Event] = field(default_factory=dict)
    asks: dict[str, threading.Event] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Says:
        repository = asked.path.removeprefix("/v2/").partition("/")[0]
        if asked.method == "PUT":
            return Says(201)
        if repository in self.holds and not self.holds[repository].is_set():
            self.holds[repository].set()
            self.asks[repository].wait(LONG_S)
        return Says(404)


@dataclass
class Lacking:
    """A source without its layers; it asks for the second when the other push holds that."""

    image: Image
    meeting: Meeting
    own: str
    other: str
    name: ImageName | None = None

    def blob(self, descriptor: Descriptor) -> Readable | None:
        if descriptor is self.image.blobs[1]:
            self.meeting.asks[self.own].set()
            self.meeting.holds[self.other].wait(LONG_S)
        return None


@pytest.mark.parametrize("urls", [("https://192.0.2.1/layer",), ()], ids=["foreign", "missing"])
def test_two_pushes_that_wait_for_one_anothers_layers_come_to_an_end(
    urls: tuple[str, ...], tmp_path: Path
) -> None:
    layers = [Descriptor("a/b", digest_of(each), 10, urls) for each in (b"one", b"two")]
    top = described(json.dumps({"config": OCI_CONFIG}).encode(), OCI_MANIFEST)
    meeting, sharing = Meeting(), Sharing()
    for repository in ("a", "b"):
        meeting.holds[repository], meeting.asks[repository] = threading.Event(), threading.Event()

    def push(there: Peer, own: str, other: str, blobs: tuple[Descriptor, ...]) -> None:
        host = Host(there.host, "http")
        client = RegistryClient(host, patience=Patience(()))
        memory = SharedMemory(tmp_path, sharing)
        storage = PartStorage(send_timeout_s=1.0, pauses_s=())
        door = Door(client, storage, memory, pool, ImageName(host, own, "1"))
        watch = ImageWatch(Tally(), Screen(quiet=True), lambda blob: memory.arrived(blob, own))
        try:
            push_image(door, Lacking(Image((top,), blobs), meeting, own, other), watch)
        finally:
            memory.close()

    def run(there: Peer, own: str, other: str, blobs: tuple[Descriptor, ...]) -> None:
        try:
            push(there, own, other, blobs)
        except TransferError as error:
            said[own] = str(error)

    said: dict[str, str] = {}
    with peer(lambda _: meeting.answer) as there, ThreadPoolExecutor(1) as pool:
        orders = (("a", "b", tuple(layers)), ("b", "a", tuple(reversed(layers))))
        pushes = [threading.Thread(target=run, args=(there, *order)) for order in orders]
        for each in pushes:
            each.start()
        for each in pushes:
            each.join(LONG_S)
        stuck = [each.name for each in pushes if each.is_alive()]
        if stuck:  # so that the test ends
            for layer in layers:
                sharing.arrived(layer.digest, "a")
            for each in pushes:
                each.join(LONG_S)
    assert stuck == []
    assert set(said) == (set() if urls else {"a", "b"})
