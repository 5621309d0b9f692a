"""Who reads no further, as `| head -1`: no traceback, and nothing that was done is undone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.migrate.peer import one_image, peer
from tests.uploader.conftest import Command


def closed(roadstead: Command, *words: str | Path, tools: Path) -> tuple[int, str]:
    """The status and stderr of a command whose stdout nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "roadstead", *words],
            env={**roadstead.env, "PATH": f"{tools}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr


def test_an_image_is_pulled_although_nobody_reads_its_digest(
    roadstead: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with peer(lambda _: one_image("closed")) as there:
        status, err = closed(roadstead, "pull", f"{there.host}/a/b:1", out, tools=tmp_path)
    assert (out / "index.json").exists()
    assert (status, err.splitlines()[-1]) == (141, f"pulled {there.host}/a/b:1 to {out}")


def test_a_command_whose_output_nobody_reads_ends_without_a_traceback(
    roadstead: Command, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    program = tools / "aws"
    program.write_text("#!/bin/sh\necho 'Stack does not exist' >&2; exit 254\n")
    program.chmod(0o755)
    status, err = closed(roadstead, "status", "--stage", "dev", tools=tools)
    assert (status, err) == (141, "")
