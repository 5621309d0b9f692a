"""Push and pull in this process, without pauses, and look at what came of it."""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from roadstead.client.commands import parse_destination
from roadstead.client.http import Patience, RegistryClient
from roadstead.client.layouts import LayoutFolder
from roadstead.client.login import Login
from roadstead.client.memory import Memory
from roadstead.client.names import ImageName, parse_image
from roadstead.client.progress import Quiet
from roadstead.client.pull import pull
from roadstead.client.push import push
from roadstead.client.sources import open_source
from roadstead.client.sources.registry import RegistryImage
from roadstead.uploader import PartStorage
from tests.clients.images import Image
from tests.uploader.conftest import Remote


@dataclass
class Notes(Quiet):
    """Remembers what a person would have seen."""

    begun: dict[str, int] = field(default_factory=dict)
    moved_bytes: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def begin(self, key: str, label: str, size_bytes: int) -> None:
        self.begun[key] = size_bytes

    def moved(self, key: str, size_bytes: int) -> None:
        self.moved_bytes[key] = self.moved_bytes.get(key, 0) + size_bytes

    def end(self, key: str, note: str) -> None:
        self.notes[key] = note


def client_of(name: ImageName, login: Login | None = None, tries: int = 4) -> RegistryClient:
    return RegistryClient(name.host, login, Patience([0.0] * (tries - 1), lambda _: None))


def push_here(
    source: str,
    target: str,
    cache: Path | None = None,
    *,
    login: Login | None = None,
    tries: int = 4,
) -> Notes:
    """`roadstead push SOURCE TARGET`. Raises: TransferError."""
    name, notes = parse_image(target), Notes()
    client = client_of(name, login, tries)
    storage = PartStorage(pauses_s=[0.0] * (tries - 1))

    def reader(other: ImageName) -> RegistryImage:
        return RegistryImage(client_of(other, login if other.host == name.host else None), other)

    try:
        with open_source(source, reader, insecure=False) as opened:
            push(opened, client, storage, Memory(cache), name, notes)
    finally:
        client.close()
        storage.close()
    return notes


def pull_here(source: str, target: str, *, login: Login | None = None) -> Notes:
    """`roadstead pull SOURCE oci:DIR`. Raises: TransferError."""
    name, notes = parse_image(source), Notes()
    client = client_of(name, login)
    _, path, reference = parse_destination(target)
    folder = LayoutFolder(path)
    try:
        image = RegistryImage(client, name)
        pull(image, folder, notes)
        folder.close(image.image.top, name, reference)
    finally:
        client.close()
    return notes


def fetch(url: str) -> tuple[int, bytes, str]:
    """One GET: status, body, Location."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        query = f"?{parts.query}" if parts.query else ""
        accept = {"Accept": "*/*"}
        connection.request("GET", parts.path + query, headers=accept)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("Location") or ""
    finally:
        connection.close()


def digest_at(remote: Remote, repository: str, digest: str) -> str | None:
    """The SHA-256 of a blob as it is served; None when it is not there."""
    status, _, location = fetch(f"{remote.api.url}/v2/{repository}/blobs/{digest}")
    if status == 404:
        return None
    assert status == 307, status
    status, body, _ = fetch(location)
    assert status == 200, body[:300]
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def assert_served(remote: Remote, repository: str, image: Image, tag: str = "latest") -> None:
    """The whole image is there, byte for byte."""
    for digest in image.blobs:
        assert digest_at(remote, repository, digest) == digest
    for manifest in (*(each.blob for each in image.manifests), image.top):
        at = f"{remote.api.url}/v2/{repository}/manifests"
        assert fetch(f"{at}/{manifest.digest}")[1] == image.read(manifest.digest)
    assert fetch(f"{at}/{tag}")[1] == image.read(image.top.digest)


def is_tagged(remote: Remote, repository: str, tag: str = "latest") -> bool:
    return fetch(f"{remote.api.url}/v2/{repository}/manifests/{tag}")[0] == 200


def assert_same_layout(folder: Path, image: Image) -> None:
    """A pulled layout holds exactly the image's blobs."""
    found = {
        f"{path.parent.name}:{path.name}"
        for path in (folder / "blobs").rglob("*")
        if path.is_file()
    }
    assert found == set(image.everything)
    for digest in found:
        data = (folder / "blobs" / digest.replace(":", "/")).read_bytes()
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
    (entry,) = json.loads((folder / "index.json").read_text())["manifests"]
    assert entry["digest"] == image.top.digest
    assert not (folder / ".roadstead").exists()


def interrupted(
    process: subprocess.Popen[str], begun: threading.Event, *, within_s: int
) -> tuple[str, str]:
    """Ctrl-C once a command has come so far; what it has said by its end."""
    try:
        assert begun.wait(30)
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=within_s)
    finally:
        process.kill()
        process.communicate()
