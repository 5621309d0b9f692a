"""Two pulls into one folder at once, as of two jobs with one cache."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from tests.migrate.peer import Asked, Says, one_image, peer
from tests.uploader.conftest import Command


def test_a_second_pull_into_a_folder_is_refused_while_the_first_is_under_way(
    roadstead: Command, tmp_path: Path
) -> None:
    image, begun, goes_on = one_image("together"), threading.Event(), threading.Event()
    out = tmp_path / "out"

    def answer(asked: Asked) -> Says:
        if "/blobs/" in asked.path:
            begun.set()
            goes_on.wait(60)
        return image(asked)

    with peer(lambda _: answer) as there, peer(lambda _: image) as other:
        first = roadstead.start("pull", f"{there.host}/a/b:1", out)
        try:
            assert begun.wait(30)
            status, _, err = roadstead.outcome("pull", f"{other.host}/a/b:2", out)
            goes_on.set()
            said = first.communicate(timeout=30)
        finally:
            first.kill()
            first.communicate()
        assert first.returncode == 0, said
        assert (status, "another pull is under way" in err) == (1, True)
        roadstead.run("pull", f"{other.host}/a/b:2", out)
    assert len(json.loads((out / "index.json").read_text())["manifests"]) == 2
