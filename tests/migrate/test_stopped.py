"""Ctrl-C while a source keeps us waiting for what is compared."""

from __future__ import annotations

import json
import threading

from tests.clients.registry import Registry
from tests.migrate.peer import Asked, Says, one_image, peer
from tests.uploader.conftest import Command
from tests.uploader.driving import interrupted

# Far longer than the test waits for the command to end.
HELD_S = 60.0


def test_stopped_while_it_verifies_it_ends_at_once(
    ours: Registry, team: str, roadstead: Command
) -> None:
    image, heads = one_image(team), list[str]()
    verifies, ended = threading.Event(), threading.Event()

    def answer(asked: Asked) -> Says:
        if "/tags/list" in asked.path:
            return Says(200, json.dumps({"tags": ["1"]}).encode())
        if asked.method == "HEAD" and asked.path.endswith("/manifests/1"):
            heads.append(asked.path)
            if len(heads) > 1:
                verifies.set()
                ended.wait(HELD_S)
        return image(asked)

    with peer(lambda _: answer) as there:
        words = (f"docker://{there.host}", f"{ours.host}/{team}", "a/app")
        process = roadstead.start("migrate", "--verify", *words)
        try:
            out, err = interrupted(process, verifies, within_s=20)
        finally:
            ended.set()
    assert process.returncode == 130
    assert "tags          1 brought" in out
    assert "stopped; repeat the command to go on from here" in err
