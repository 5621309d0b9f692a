"""Ctrl-C while the registry keeps us waiting: the command ends, and says how to go on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.migrate.filling import digest_of
from tests.migrate.peer import Asked, Says, one_image, peer
from tests.uploader.conftest import Command
from tests.uploader.driving import interrupted

# Far longer than the test waits for the command to end.
HELD_S = 60.0


def layout(folder: Path) -> Path:
    """An OCI layout of one small image."""
    blobs, image = folder / "blobs" / "sha256", one_image("stopped")
    blobs.mkdir(parents=True)
    found = image(Asked("GET", "/v2/a/manifests/1", {}))
    document = json.loads(found.body)
    for digest in (document["config"]["digest"], *(each["digest"] for each in document["layers"])):
        name = digest.partition(":")[2]
        (blobs / name).write_bytes(image(Asked("GET", f"/v2/a/blobs/{digest}", {})).body)
    kind, digest = found.headers["Content-Type"], digest_of(found.body)
    top = {"mediaType": kind, "digest": digest, "size": len(found.body)}
    (blobs / digest.partition(":")[2]).write_bytes(found.body)
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


WORDS: dict[str, Callable[[str, Path], list[str]]] = {
    "push": lambda host, folder: ["push", f"oci:{layout(folder)}", f"{host}/a:1"],
    "pull": lambda host, folder: ["pull", f"{host}/a:1", str(folder)],
}


@pytest.mark.parametrize("command", WORDS)
def test_stopped_by_the_keyboard_it_ends_at_once(
    command: str, roadstead: Command, tmp_path: Path
) -> None:
    asked_for, ended = threading.Event(), threading.Event()
    image = one_image("stopped")

    def answer(asked: Asked) -> Says:
        if "/blobs/" in urlsplit(asked.path).path:
            asked_for.set()
            ended.wait(HELD_S)
        return image(asked)

    with peer(lambda _: answer) as there:
        process = roadstead.start(*WORDS[command](there.host, tmp_path / "image"))
        try:
            _, err = interrupted(process, asked_for, within_s=20)
        finally:
            ended.set()
    assert process.returncode == 130
    assert "stopped; repeat the command to go on from here" in err
    assert "Traceback" not in err
